"""The routes of the API, as data, and the way from a request to its operation."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qsl, unquote

from reconciler.sandbox.account import Account
from reconciler.sandbox.answers import (
    Answer,
    ApiError,
    foreign_account,
    no_route,
    not_authenticated,
)
from reconciler.sandbox.body import Body
from reconciler.sandbox.inference import run_model
from reconciler.sandbox.operations import (
    Call,
    Operation,
    create_finetune,
    list_finetunes,
    list_public,
    verify_token,
)
from reconciler.sandbox.settings import SandboxSettings
from reconciler.sandbox.uploads import upload_asset

BASE_PATH = "/client/v4"


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path below BASE_PATH.

    A segment in braces takes any value; a last one that ends in `...` the rest of the path.
    """

    method: str
    path: str
    operation: Operation

    def match(self, method: str, segments: list[str]) -> dict[str, str] | None:
        """Return the values of the segments in braces; None where it is another route."""
        pattern = self.path.split("/")
        if pattern[-1].endswith("...}") and len(segments) > len(pattern):
            rest = "/".join(segments[len(pattern) - 1 :])
            segments = [*segments[: len(pattern) - 1], rest]
        if method != self.method or len(segments) != len(pattern):
            return None
        parameters = {}
        for expected, given in zip(pattern, segments, strict=True):
            if expected.startswith("{"):
                parameters[expected.strip("{.}")] = unquote(given)
            elif expected != given:
                return None
        return parameters


ROUTES = (
    Route("GET", "/accounts/{account_id}/ai/finetunes", list_finetunes),
    Route("POST", "/accounts/{account_id}/ai/finetunes", create_finetune),
    Route("GET", "/accounts/{account_id}/ai/finetunes/public", list_public),
    Route(
        "POST",
        "/accounts/{account_id}/ai/finetunes/{finetune_id}/finetune-assets",
        upload_asset,
    ),
    Route("POST", "/accounts/{account_id}/ai/run/{model...}", run_model),
    Route("GET", "/user/tokens/verify", verify_token),
    Route("GET", "/accounts/{account_id}/tokens/verify", verify_token),
)


def dispatch(
    method: str,
    target: str,
    headers: Message,
    body: Body,
    *,
    account: Account,
    settings: SandboxSettings,
) -> Answer:
    """Answer one request, or raise ApiError (BodyCutError where the client goes away).

    target: path and query as they stand in the request line.
    """
    path, _, query = target.partition("?")
    operation, parameters = _route(method, path)
    if not _authenticated(headers, settings):
        raise not_authenticated()
    _check_account(parameters, settings, path)
    values = dict(parse_qsl(query, keep_blank_values=True))
    try:
        return operation(Call(account, settings, parameters, values, headers, body))
    except ApiError as error:
        error.finetune = error.finetune or parameters.get("finetune_id", "")
        raise


def _route(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    if path.startswith(BASE_PATH + "/"):
        segments = path.removeprefix(BASE_PATH).split("/")
        for route in ROUTES:
            parameters = route.match(method, segments)
            if parameters is not None:
                return route.operation, parameters
    raise no_route(path)


def _authenticated(headers: Message, settings: SandboxSettings) -> bool:
    authorization = headers.get("Authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and _same(token.strip(), settings.token)
    return _same(headers.get("X-Auth-Email", ""), settings.email) and _same(
        headers.get("X-Auth-Key", ""), settings.api_key
    )


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), expected.encode("utf-8", "surrogateescape")
    )


def _check_account(parameters: dict[str, str], settings: SandboxSettings, path: str) -> None:
    account_id = parameters.get("account_id", settings.account_id)
    if account_id == settings.account_id:
        return
    if re.fullmatch("[0-9a-f]{32}", account_id):
        raise foreign_account()
    raise no_route(path)
