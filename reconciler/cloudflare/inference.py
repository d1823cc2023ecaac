"""One token of inference with an adapter: what is asked, and what the answer means.

The request is that of Cloudflare's page on LoRA adapters (2026-04-21), with `max_tokens`.
Only an answer that is about the finetune is a verdict; whatever else goes wrong is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from reconciler.cloudflare.envelope import Reading
from reconciler.cloudflare.exchange import Failure, TransportError
from reconciler.cloudflare.limiter import retry_after_seconds
from reconciler.cloudflare.outcomes import Answered, InferenceOutcome, NoVerdict, Silent
from reconciler.cloudflare.verdicts import unsent
from reconciler.diagnostics import Code, Diagnostic
from reconciler.diagnostics.codes import verification as codes
from reconciler.diagnostics.text import printable

PERMISSIONS = "Workers AI Read and Workers AI Write (running a model takes both)"
"""As Cloudflare's page "Get started with the REST API" has it."""


@dataclass(frozen=True, slots=True)
class _Silence:
    """How to report an error code that is about the finetune; may_be_early: as in Silent."""

    code: Code
    hint: str
    may_be_early: bool = False


_NO_LORA = _Silence(codes.NO_LORA, "Create it for a model with the LoRA capability.")
_SILENCES: Mapping[int, _Silence] = {
    3037: _Silence(
        codes.NOT_FOUND,
        "Ask again later. If it stays silent the adapter could not be loaded: look for NaN in "
        "the weights, and at the base model that they were trained on.",
        may_be_early=True,
    ),
    3039: _Silence(
        codes.LACKS_A_FILE,
        "Where its manifest names an adapter, reconciler apply sends what is missing; else its "
        "files have to come from whoever created it.",
        may_be_early=True,
    ),
    3042: _NO_LORA,
    5005: _NO_LORA,
    5007: _NO_LORA,
}
"""By Cloudflare's number: not found, lacks a required file, invalid model, no LoRA, no model."""


def path_of_model(model: str) -> str | None:
    """Return a model's part of the path, `@cf/mistral/...`; None where it could lead astray.

    Everything but the slashes is escaped; dots are no matter of escaping, servers and
    libraries resolve them all the same.
    """
    segments = model.split("/")
    if any(not segment.strip(".") for segment in segments):
        return None
    return "/".join(quote(segment, safe="@") for segment in segments)


def question(finetune_id: str) -> bytes:
    """Return the body that asks for one token."""
    body = {
        "messages": [{"role": "user", "content": "Hello"}],
        "raw": True,
        "lora": finetune_id,
        "max_tokens": 1,
    }
    return json.dumps(body).encode()


def judge_inference(reading: Reading, finetune_id: str, model: str, now: float) -> InferenceOutcome:
    """Tell what an answer means. now: seconds since the epoch, for `retry-after`."""
    what = describe(finetune_id, model)
    if reading.is_success:
        if _has_text(reading):
            return Answered()
        detail = f"{what} came back, and has no text: {reading.words}."
        # Asked again it would cost another token, and say the same.
        return NoVerdict(_no_verdict(detail, "Look at the base URL, and report it."), None)
    if reading.is_definite_no:
        silence = next((_SILENCES[n] for n in reading.numbers if n in _SILENCES), None)
        if silence is not None:
            detail = f"The API refused {what}: {reading.words}."
            return Silent(silence.code.error(detail, hint=silence.hint), silence.may_be_early)
        refusal = reading.refusal(what, PERMISSIONS)
        return NoVerdict(_no_verdict(refusal.detail, refusal.hint), _wait_of(reading, now))
    detail = f"{what} was asked for, and the answer was {reading.words}."
    return NoVerdict(_no_verdict(detail), 0.0)


def judge_failed_inference(error: TransportError, finetune_id: str, model: str) -> NoVerdict:
    """Tell what it means that there is no complete answer."""
    what = describe(finetune_id, model)
    if not error.sent:
        # Connecting was tried several times already.
        found = unsent(error, what)
        return NoVerdict(_no_verdict(found.detail, found.hint), None)
    again = 0.0 if error.failure in (Failure.LOST, Failure.LATE) else None
    return NoVerdict(_no_verdict(f"{what} was asked for, and {error.reason}."), again)


def unusable_model(finetune_id: str, model: str) -> NoVerdict:
    """Report a model whose name is no path; nothing was sent."""
    detail = f"{describe(finetune_id, model)} was not asked for: that is no name of a model."
    return NoVerdict(_no_verdict(detail, "Compare it with `reconciler state show`."), None)


def describe(finetune_id: str, model: str) -> str:
    """Return what is asked for, as messages call it."""
    return f"a token of {printable(finetune_id, 60)} on {printable(model, 80)}"


def _no_verdict(
    detail: str, hint: str = "Check https://www.cloudflarestatus.com, then run it again."
) -> Diagnostic:
    return codes.NO_VERDICT.error(f"{detail[0].upper()}{detail[1:]}", hint=hint)


def _wait_of(reading: Reading, now: float) -> float | None:
    """Return when to ask again after a refusal that is not about the finetune."""
    if not reading.is_throttled:
        return None
    return retry_after_seconds(reading.answer.headers.get("retry-after"), now) or 0.0


def _has_text(reading: Reading) -> bool:
    """One token may well be an empty text, such as the end of the answer."""
    result = reading.envelope.result if reading.envelope else None
    return isinstance(result, dict) and isinstance(result.get("response"), str)
