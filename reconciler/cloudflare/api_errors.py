"""The error codes that Cloudflare is known to answer with, and what to do about each.

From the Workers AI errors page (2026-07-29), issues of cloudflare-docs (3037), and the
general API (10000, 7003).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.diagnostics import Code
from reconciler.diagnostics.codes import cloudflare as codes

TIMED_OUT = 3007
"""The server gave up waiting for itself: not a definite no."""

ALLOCATION_USED_UP = 3036
"""A 429 that no wait of minutes mends."""


@dataclass(frozen=True, slots=True)
class ApiErrorKind:
    """How to report an error code. fatal: every other request would meet the same."""

    code: Code
    hint: str
    fatal: bool = False


_MODELS = "https://developers.cloudflare.com/workers-ai/models/"
_NO_MODEL = (
    f"Correct `model`: copy the name of a model with the LoRA capability from {_MODELS}, "
    "beginning with @cf/ or @hf/."
)
_NOT_ALLOWED = (
    "This account may not do that. Check in the dashboard that Workers AI is enabled for it, "
    "and the account id."
)
_REFUSED = codes.REQUEST_REFUSED

API_ERRORS: Mapping[int, ApiErrorKind] = {
    3003: ApiErrorKind(_REFUSED, "The request was incomplete. Check the manifest's fields."),
    3006: ApiErrorKind(
        _REFUSED, "The file is too large: weights have to be under 300 MB. Lower the rank."
    ),
    3007: ApiErrorKind(_REFUSED, "Cloudflare timed out. Run it again."),
    3023: ApiErrorKind(
        codes.ACCESS_DENIED, "The account is blocked. Ask Cloudflare's support.", fatal=True
    ),
    3036: ApiErrorKind(
        codes.RATE_LIMITED,
        "The account's daily allocation is used up. Wait for the reset at 00:00 UTC, or "
        "upgrade to Workers Paid.",
        fatal=True,
    ),
    3037: ApiErrorKind(
        _REFUSED, "The API does not find the finetune. Run `reconciler plan` to see the account."
    ),
    3039: ApiErrorKind(
        _REFUSED,
        "A finetune needs both adapter_config.json and adapter_model.safetensors. "
        "Run `reconciler apply` to send what is missing.",
    ),
    3040: ApiErrorKind(
        codes.RATE_LIMITED, "Cloudflare is out of capacity. Run it again later.", fatal=True
    ),
    3041: ApiErrorKind(codes.ACCESS_DENIED, _NOT_ALLOWED, fatal=True),
    3042: ApiErrorKind(_REFUSED, _NO_MODEL),
    5004: ApiErrorKind(_REFUSED, "The API calls the data invalid. Check name and description."),
    5005: ApiErrorKind(_REFUSED, f"The model takes no LoRA adapters. Choose one from {_MODELS}."),
    5007: ApiErrorKind(_REFUSED, _NO_MODEL),
    5016: ApiErrorKind(
        _REFUSED,
        "The model's terms are not agreed to. Agree once in the dashboard's Workers AI "
        "playground, then run it again.",
    ),
    5018: ApiErrorKind(codes.ACCESS_DENIED, _NOT_ALLOWED, fatal=True),
    7003: ApiErrorKind(
        codes.NO_SUCH_ROUTE,
        "Check account_id (or CLOUDFLARE_ACCOUNT_ID) and the base URL.",
        fatal=True,
    ),
    10000: ApiErrorKind(
        codes.ACCESS_DENIED,
        "Check that the token is active, belongs to this account and has the permission "
        "{permission}.",
        fatal=True,
    ),
}

_BY_STATUS: Mapping[int, ApiErrorKind] = {
    401: API_ERRORS[10000],
    403: API_ERRORS[10000],
    404: API_ERRORS[7003],
    429: ApiErrorKind(
        codes.RATE_LIMITED,
        "Wait five minutes and run it again; lower limits.requests_per_5_minutes if other "
        "jobs share the token.",
        fatal=True,
    ),
}
_OTHER = ApiErrorKind(_REFUSED, "Correct what the API's message names, then run it again.")


def kind_of_error(status: int, numbers: tuple[int, ...]) -> ApiErrorKind:
    """Tell how to report an answer, by its first known code, else by its HTTP status."""
    known = next((API_ERRORS[number] for number in numbers if number in API_ERRORS), None)
    return known or _BY_STATUS.get(status, _OTHER)
