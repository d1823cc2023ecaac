"""What an answer means for a create or an upload; pure functions, the heart of the protocol.

*Done*: 2xx, `success: true` and, for a create, a usable id. *Definite no*: nothing was sent,
or an API error of 4xx. *Ambiguous*: everything else, redirects, 5xx, HTML, a 200 that says
`success: false`, and answers that are cut short included.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.cloudflare.envelope import Reading
from reconciler.cloudflare.exchange import Failure, TransportError
from reconciler.cloudflare.listing import is_id, well_formed
from reconciler.cloudflare.outcomes import (
    AlreadyThere,
    Ambiguous,
    Created,
    CreateOutcome,
    Refused,
    Uploaded,
    UploadOutcome,
)
from reconciler.diagnostics import Code, Diagnostic
from reconciler.diagnostics.codes import cloudflare as codes
from reconciler.diagnostics.text import printable
from reconciler.model import Attributes, RemoteFinetune

WRITE = "Workers AI Write"

_LOOK = (
    "Nothing to do now: the next apply looks for it in the account. If it does not show up "
    "there, decide with `reconciler resolve`."
)
_AGAIN = "Run apply again: it sends the same file to the same finetune."


def judge_create(reading: Reading, sent: Attributes) -> CreateOutcome:
    """Tell what became of a create from its answer."""
    what = f'the create of "{printable(sent.name)}"'
    if reading.is_success:
        return _created(reading, sent, what)
    if reading.is_throttled:
        return Refused(reading.refusal(what, WRITE), fatal=True, sent=True)
    if reading.says_exists:
        detail = f"The API refused {what}, because it exists already: {reading.words}."
        hint = "Run plan again: it shows what is in the account under that name."
        return Ambiguous(codes.ALREADY_EXISTS.error(detail, hint=hint), exists=True)
    if reading.is_definite_no:
        return Refused(reading.refusal(what, WRITE), fatal=reading.is_fatal, sent=True)
    return _unclear(codes.UNCLEAR_CREATE, what, f"the answer was {reading.words}", _LOOK)


def judge_upload(reading: Reading, what: str, *, is_sent: bool) -> UploadOutcome:
    """Tell what became of an upload from its answer.

    what: `the upload of FILE to ID`. is_sent: whether all of the file was sent; a yes to less
    than that is none.
    """
    if reading.is_success and not is_sent:
        words = f"the answer was {reading.words}, before all of the file was sent"
        return _unclear(codes.UNCLEAR_UPLOAD, what, words, _AGAIN)
    if reading.is_success:
        return Uploaded()
    if reading.is_throttled:
        return _unclear(codes.UNCLEAR_UPLOAD, what, f"the answer was {reading.words}", _AGAIN)
    if reading.says_exists:
        return AlreadyThere(
            codes.ASSET_EXISTS.warning(
                f"The API refused {what}, because it is there already: {reading.words}.",
                hint="`reconciler verify` asks the finetune for one token.",
            )
        )
    if reading.is_definite_no:
        return Refused(reading.refusal(what, WRITE), fatal=reading.is_fatal, sent=True)
    return _unclear(codes.UNCLEAR_UPLOAD, what, f"the answer was {reading.words}", _AGAIN)


def judge_failed_create(error: TransportError, sent: Attributes) -> Refused | Ambiguous:
    """Tell what became of a create that has no complete answer."""
    what = f'the create of "{printable(sent.name)}"'
    if not error.sent:
        return Refused(unsent(error, what), fatal=True, sent=False)
    return _unclear(codes.UNCLEAR_CREATE, what, error.reason, _LOOK)


def judge_failed_upload(error: TransportError, what: str) -> Refused | Ambiguous:
    """Tell what became of an upload that has no complete answer."""
    if not error.sent:
        return Refused(unsent(error, what), fatal=True, sent=False)
    return _unclear(codes.UNCLEAR_UPLOAD, what, error.reason, _AGAIN)


def unsent(error: TransportError, what: str) -> Diagnostic:
    """Report a request of which not a byte was sent."""
    detail = f"The API could not be reached for {what}: {error.reason}. Nothing was sent."
    if error.failure is Failure.UNTRUSTED:
        hint = "Behind a proxy that inspects TLS, name its certificates in REQUESTS_CA_BUNDLE."
        return codes.TLS_FAILED.error(detail, hint=hint)
    if error.failure is Failure.INTERRUPTED:
        return codes.INTERRUPTED_WAIT.error(
            f"Told to stop while waiting to send {what}. It was not sent.",
            hint="Run it again; it goes on where it stopped.",
        )
    hint = "Check the network, HTTPS_PROXY and the base URL, then run it again."
    return codes.UNREACHABLE.error(detail, hint=hint)


def _unclear(code: Code, what: str, answer: str, hint: str) -> Ambiguous:
    detail = f"{what[0].upper()}{what[1:]} was sent, and {answer}. It may have been executed."
    return Ambiguous(code.error(detail, hint=hint))


def _created(reading: Reading, sent: Attributes, what: str) -> Created | Ambiguous:
    result = reading.envelope.result if reading.envelope else None
    if not isinstance(result, dict) or not is_id(result.get("id")):
        answer = f"the answer, {reading.words}, has no usable id"
        return _unclear(codes.UNCLEAR_CREATE, what, answer, _LOOK)
    remote = _remote(result, sent)
    recorded = Attributes(remote.name, remote.model, remote.description, remote.public)
    if recorded.matches(sent):
        return Created(remote)
    return Created(remote, (_recorded_differently(recorded, sent, remote.id),))


def _remote(result: dict[str, object], sent: Attributes) -> RemoteFinetune:
    """Read what was recorded; a name or model it does not say is taken to be what was sent."""

    def text(name: str, default: str) -> str:
        return well_formed(result[name]) if isinstance(result.get(name), str) else default

    public = result.get("public")
    return RemoteFinetune(
        id=str(result["id"]),
        name=text("name", sent.name),
        model=text("model", sent.model),
        description=text("description", ""),
        public=public if isinstance(public, bool) else None,
        created_at=text("created_at", ""),
        modified_at=text("modified_at", ""),
    )


def _recorded_differently(recorded: Attributes, sent: Attributes, id_: str) -> Diagnostic:
    names = [
        name
        for name in ("name", "model", "description", "public")
        if not replace(sent, **{name: getattr(recorded, name)}).matches(sent)
    ]
    differences = ", ".join(
        f"{name} is {_value(getattr(recorded, name))} instead of {_value(getattr(sent, name))}"
        for name in names
    )
    return codes.CREATED_DIFFERENTLY.warning(
        f"{id_} was created, and the API recorded: {differences}.",
        hint="Plan again to see the difference. A finetune cannot be edited: make the manifest "
        "say the same, or choose another name.",
    )


def _value(value: str | bool | None) -> str:
    return f'"{printable(value, 80)}"' if isinstance(value, str) else str(value).lower()
