"""Reads the API's envelope: `{result, success, errors: [{code?, message}], result_info?}`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from reconciler.cloudflare.api_errors import ALLOCATION_USED_UP, TIMED_OUT, kind_of_error
from reconciler.cloudflare.exchange import Answer
from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.text import printable

Redact = Callable[[str], str]

_EXISTS = re.compile(
    r"already (exists?|taken|in use|been uploaded)|^duplicate (name|finetune)\b", re.IGNORECASE
)
_ERRORS_SHOWN = 3
_REQUEST_TIMEOUT = 408
_CONFLICT = 409
_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class ApiError:
    """One entry of `errors`; number is None where there is no code."""

    number: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """The JSON object of an answer. success is None where it is not a boolean."""

    success: bool | None
    result: object
    errors: tuple[ApiError, ...]
    result_info: object


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer and what it says; envelope is None where the body is no JSON object."""

    answer: Answer
    envelope: Envelope | None
    redact: Redact

    @property
    def is_success(self) -> bool:
        """A 2xx that says `success: true`."""
        return (
            200 <= self.answer.status < 300
            and self.envelope is not None
            and self.envelope.success is True
        )

    @property
    def is_definite_no(self) -> bool:
        """A 4xx in the API's own words; a timeout is none, whichever way it is said."""
        if not 400 <= self.answer.status < 500 or self.answer.status == _REQUEST_TIMEOUT:
            return False
        envelope = self.envelope
        if envelope is None or envelope.success is True or TIMED_OUT in self.numbers:
            return False
        return envelope.success is False or bool(envelope.errors)

    @property
    def is_fatal(self) -> bool:
        """A refusal that every other request would meet, too."""
        return kind_of_error(self.answer.status, self.numbers).fatal

    @property
    def says_exists(self) -> bool:
        """A definite no because there is one already."""
        return self.is_definite_no and (
            self.answer.status == _CONFLICT
            or any(_EXISTS.search(error.message) for error in self.errors)
        )

    @property
    def is_trouble(self) -> bool:
        """The server or something before it failed; asking again may help."""
        return self.answer.status >= 500 or self.answer.status == _REQUEST_TIMEOUT

    @property
    def is_throttled(self) -> bool:
        """Not executed, and worth sending again once the pause is over."""
        return self.answer.status == _TOO_MANY_REQUESTS and ALLOCATION_USED_UP not in self.numbers

    @property
    def errors(self) -> tuple[ApiError, ...]:
        """The errors of the envelope."""
        return self.envelope.errors if self.envelope else ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """Cloudflare's error codes."""
        return tuple(error.number for error in self.errors if error.number is not None)

    @property
    def words(self) -> str:
        """Status, codes and messages for people, such as `HTTP 400, code 5007 "no such model"`."""
        parts = [f"HTTP {self.answer.status}"]
        parts += [self._one(error) for error in self.errors[:_ERRORS_SHOWN]]
        if 300 <= self.answer.status < 400:
            parts.append("a redirect, which is never followed")
        elif self.envelope is None:
            parts.append("without the API's JSON")
        elif self.answer.status < 300 and self.envelope.success is not True:
            parts.append("not saying `success: true`")
        if ray := self.answer.headers.get("cf-ray"):
            parts.append(f"cf-ray {printable(self.redact(ray), 60)}")
        return ", ".join(parts)

    def refusal(self, what: str, permission: str) -> Diagnostic:
        """Report it as an error. what: the request, such as `the list of finetunes`."""
        kind = kind_of_error(self.answer.status, self.numbers)
        hint = kind.hint.replace("{permission}", permission)
        return kind.code.error(f"The API refused {what}: {self.words}.", hint=hint)

    def _one(self, error: ApiError) -> str:
        code = "" if error.number is None else f"code {error.number} "
        return f'{code}"{printable(self.redact(error.message))}"'


def read_answer(answer: Answer, redact: Redact) -> Reading:
    """Parse an answer; never raises."""
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        return Reading(answer, None, redact)
    success = data.get("success")
    envelope = Envelope(
        success=success if isinstance(success, bool) else None,
        result=data.get("result"),
        errors=_errors(data.get("errors")),
        result_info=data.get("result_info"),
    )
    return Reading(answer, envelope, redact)


def _errors(value: object) -> tuple[ApiError, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(_error(item) for item in value if isinstance(item, dict))


def _error(item: dict[str, object]) -> ApiError:
    number, message = item.get("code"), item.get("message")
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 10:
        number = int(number)
    return ApiError(
        number if isinstance(number, int) and not isinstance(number, bool) else None,
        message if isinstance(message, str) else "",
    )
