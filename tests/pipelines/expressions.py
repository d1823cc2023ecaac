"""GitHub's expressions, as far as the pipelines here use them.

docs.github.com, "Evaluate expressions in workflows and actions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Context = Mapping[str, Any]
_TOKEN = re.compile(
    r"\s*(\|\||&&|==|!=|!|\(|\)|'(?:[^']|'')*'|[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)"
)
_STATUS = re.compile(r"\b(?:always|cancelled|failure|success)\(\)")
_INSERTED = re.compile(r"\$\{\{(.*?)\}\}")


def holds(condition: str, context: Context, *, failed: bool) -> bool:
    """Tell whether a step with this `if` runs; without a status function only after success."""
    inner = _INSERTED.fullmatch(condition.strip())
    text = (inner[1] if inner else condition).strip()
    if failed and not _STATUS.search(text):
        return False
    return bool(not text or evaluate(text, context, failed=failed))


def insert(text: str, context: Context) -> str:
    """Replace every `${{ }}` of a text by its value."""
    return _INSERTED.sub(lambda found: to_text(evaluate(found[1], context)), text)


def to_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def evaluate(text: str, context: Context, *, failed: bool = False) -> Any:
    tokens = []
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        assert found, f"cannot read {text[position:]!r}"
        tokens.append(found[1])
        position = found.end()
    parser = _Parser(tokens, context, failed)
    value = parser.either()
    assert not parser.tokens, f"left over: {parser.tokens}"
    return value


class _Parser:
    def __init__(self, tokens: list[str], context: Context, failed: bool) -> None:
        self.tokens = tokens
        self._context = context
        self._failed = failed

    def either(self) -> Any:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._comparison()
        while self._take("&&"):
            other = self._comparison()
            value = value and other
        return value

    def _comparison(self) -> Any:
        value = self._single()
        for sign, wanted in (("==", True), ("!=", False)):
            if self._take(sign):
                return _equal(value, self._single()) is wanted
        return value

    def _single(self) -> Any:
        if self._take("!"):
            return not self._single()
        if self._take("("):
            value = self.either()
            assert self._take(")")
            return value
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self._take("("):
            return self._call(token)
        literals = {"true": True, "false": False, "null": None}
        return literals[token] if token in literals else self._look_up(token)

    def _call(self, name: str) -> Any:
        arguments = []
        while not self._take(")"):
            arguments.append(self.either())
        status = {"always": True, "cancelled": False, "failure": self._failed}
        status["success"] = not self._failed
        return status[name] if name in status else self._context[name](*arguments)

    def _look_up(self, path: str) -> Any:
        first, *rest = path.split(".")
        value = self._context[first]
        for name in rest:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def _take(self, token: str) -> bool:
        if self.tokens[:1] != [token]:
            return False
        self.tokens.pop(0)
        return True


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if type(left) is type(right):
        return bool(left == right)
    return _number(left) == _number(right)


def _number(value: Any) -> float:
    convert: Callable[[Any], float] = float
    try:
        return convert(value or 0)
    except ValueError:
        return float("nan")
