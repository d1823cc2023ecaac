"""Answers of the API, and the refusals that Cloudflare is known to give.

Codes and HTTP statuses are those of Cloudflare's page on Workers AI errors (2026-07-29) and, for
10000, 7003 and 3037, of answers quoted in public issues. Where no code is known the error has a
message only, as the API's schema allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: HTTP status and JSON body; `finetune` and `outcome` are for the request log."""

    status: int
    body: Mapping[str, object]
    finetune: str = ""
    outcome: str = ""


class ApiError(Exception):
    """The API says no.

    errors: (code or None, message) pairs, the most telling first.
    finetune, why: the name or id that the request was about, where known, and what the
    API does not tell; for the request log.
    """

    def __init__(
        self, status: int, *errors: tuple[int | None, str], finetune: str = "", why: str = ""
    ) -> None:
        super().__init__(f"{errors[0][1]} ({why})" if why else errors[0][1])
        self.status = status
        self.errors = errors
        self.finetune = finetune

    def answer(self) -> Answer:
        """Return the error in Cloudflare's envelope."""
        return Answer(
            self.status,
            {
                "result": None,
                "success": False,
                "errors": [
                    {"message": message} if code is None else {"code": code, "message": message}
                    for code, message in self.errors
                ],
                "messages": [],
            },
            finetune=self.finetune,
            outcome=str(self),
        )


def success(result: object, **more: object) -> dict[str, object]:
    """Return Cloudflare's envelope around a result, with further top-level keys."""
    return {"result": result, "success": True, "errors": [], "messages": [], **more}


def no_route(path: str) -> ApiError:
    """No operation has this method and path, or an identifier in it is malformed."""
    return ApiError(
        404,
        (7003, f"Could not route to {path}, perhaps your object identifier is invalid?"),
        (7000, "No route for that URI"),
    )


def not_authenticated(message: str = "Authentication error") -> ApiError:
    """The credentials are missing or wrong."""
    return ApiError(401, (10000, message))


def foreign_account() -> ApiError:
    """The credentials are good, but not for this account."""
    return ApiError(403, (10000, "Authentication error"))


def incomplete(what: str) -> ApiError:
    """The request lacks something that every such request has."""
    return ApiError(400, (3003, f"Request is missing headers or body: {what}"))


def invalid(message: str, finetune: str = "") -> ApiError:
    """A value of the request is of the wrong type or not allowed."""
    return ApiError(400, (5004, message), finetune=finetune)


def too_large() -> ApiError:
    """The request, or the file in it, is over the limit."""
    return ApiError(413, (3006, "Request is too large"))


def no_such_model(model: str, finetune: str) -> ApiError:
    """The catalogue has no such model."""
    return ApiError(400, (5007, f"No such model {model} or task"), finetune=finetune)


def no_lora(model: str, finetune: str) -> ApiError:
    """The catalogue has the model, but it takes no adapters."""
    message = f"The model {model} does not support LoRa inference"
    return ApiError(405, (5005, message), finetune=finetune)


def finetune_not_found(finetune: str, why: str = "") -> ApiError:
    """The account has no finetune of that id or name; inference says so of others, too."""
    return ApiError(400, (3037, f"Finetune {finetune} not found"), finetune=finetune, why=why)


def lacks_files(finetune: str) -> ApiError:
    """The finetune does not have both assets."""
    message = "Finetune is missing required files (model.safetensors and config.json)"
    return ApiError(400, (3039, message), finetune=finetune)


def refused(status: int, message: str, finetune: str = "") -> ApiError:
    """Something whose code is not known."""
    return ApiError(status, (None, message), finetune=finetune)
