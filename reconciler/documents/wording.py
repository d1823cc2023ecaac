"""How messages name values: short, on one line, and ready to be written into the file."""

from __future__ import annotations

from reconciler.documents.characters import hide_secret
from reconciler.documents.limits import MAX_SHOWN
from reconciler.documents.nodes import Mapping, Node, Scalar, Sequence

TYPE_NAMES = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


def shorten(text: str) -> str:
    """Fit a text into a message: its beginning, on one line, without what looks secret."""
    line = text[: 2 * MAX_SHOWN].replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    line = hide_secret(line)
    return line if len(line) <= MAX_SHOWN else f"{line[: MAX_SHOWN - 3]}..."


def quoted(text: str) -> str:
    """Write a text as a YAML value in quotes; only its beginning where it is long."""
    if '"' in text or "\\" in text:
        return "'" + shorten(text).replace("'", "''") + "'"
    return f'"{shorten(text)}"'


def kind_of(node: Node) -> str:
    """Name what a value is."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    value = node.plain()
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    return "text" if isinstance(value, str) else "a number"


def described(node: Node) -> str:
    """Say what stands there: `` `5` is a number ``, "it is empty", "it is a list"."""
    if isinstance(node, Scalar) and node.plain_style and not node.text:
        return "it is empty"
    what = shown(node) if isinstance(node, Scalar) else "it"
    return f"{what} is {kind_of(node)}"


def shown(node: Node) -> str:
    """Repeat a value as it was written, unless a secret is near."""
    if not isinstance(node, Scalar) or node.source.has_secret(node.line):
        return "what is written"
    return f"`{shorten(node.text)}`" if node.text else "an empty text"


def put_in_quotes(node: Scalar) -> str:
    """Hint at the quotes that a value needs."""
    if node.source.has_secret(node.line):
        return "Put it in quotes."
    return f"Put it in quotes: {quoted(node.text)}"


def literal(value: object) -> str:
    """Write an example of a schema as YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
