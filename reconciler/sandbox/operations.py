"""What the API does: one function an operation, from a call to an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message

from reconciler.sandbox.account import Account, Finetune, NameTakenError, QuotaReachedError
from reconciler.sandbox.answers import (
    Answer,
    invalid,
    no_lora,
    no_such_model,
    not_authenticated,
    refused,
    success,
)
from reconciler.sandbox.body import Body
from reconciler.sandbox.catalogue import MODELS, RESERVED_PREFIX
from reconciler.sandbox.settings import SandboxSettings

MAX_JSON = 1024 * 1024
"""The most bytes of a JSON body; the real limit is not documented."""

SORT_KEYS = ("created_at", "id", "model", "modified_at", "name")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request.

    parameters: from the path, such as `finetune_id`, unquoted. query: the last value of each key.
    """

    account: Account
    settings: SandboxSettings
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Message
    body: Body


Operation = Callable[[Call], Answer]
"""Answers a call, or raises ApiError; BodyCutError where the client goes away meanwhile."""


def list_finetunes(call: Call) -> Answer:
    """`GET /accounts/{account_id}/ai/finetunes`: without `public`, and without assets."""
    page = max(1, _whole_number(call.query, "page", 1))
    size = _whole_number(call.query, "per_page", call.settings.page_size or -1)
    shown = call.account.list_page(size, (page - 1) * max(size, 0))
    count = len(shown.finetunes)
    info = {
        "page": page,
        "per_page": count if size < 0 else size,
        "count": count,
        "total_count": shown.total,
    }
    result = [_described(finetune) for finetune in shown.finetunes]
    return Answer(200, success(result, result_info=info), outcome=f"{count} of {shown.total}")


def create_finetune(call: Call) -> Answer:
    """`POST /accounts/{account_id}/ai/finetunes`."""
    asked = json_object(call.body.read_all(MAX_JSON))
    name = _text(asked, "name")
    model = _text(asked, "model")
    description = asked.get("description")
    if not isinstance(description, str | None):
        raise invalid("description must be a string", name)
    public = asked.get("public", False)
    if not isinstance(public, bool):
        raise invalid("public must be a boolean", name)
    if name.startswith(RESERVED_PREFIX):
        raise invalid(f"names beginning with {RESERVED_PREFIX} are reserved", name)
    check_model(call.settings, model, name)
    try:
        created = call.account.create(
            name,
            model,
            description=description,
            public=public,
            quota=call.settings.quota,
            unique_names=call.settings.unique_names,
            list_lag=call.settings.list_lag,
        )
    except QuotaReachedError as error:
        limit = call.settings.quota
        raise refused(
            400, f"the account has reached its limit of {limit} finetunes", name
        ) from error
    except NameTakenError as error:
        raise refused(409, f"a finetune named {name} already exists", name) from error
    result = _described(created) | {"public": public}
    return Answer(200, success(result), finetune=name, outcome=created.id)


def list_public(call: Call) -> Answer:
    """`GET /accounts/{account_id}/ai/finetunes/public?limit&offset&orderBy`."""
    key = call.query.get("orderBy", "created_at")
    if key not in SORT_KEYS:
        raise invalid(f"orderBy must be one of {', '.join(SORT_KEYS)}")
    offset = _whole_number(call.query, "offset", 0)
    finetunes = sorted(call.account.public_finetunes(), key=lambda finetune: getattr(finetune, key))
    end = offset + _whole_number(call.query, "limit", len(finetunes))
    result = [_described(finetune) | {"public": True} for finetune in finetunes[offset:end]]
    return Answer(200, success(result), outcome=f"{len(result)} of {len(finetunes)}")


def verify_token(call: Call) -> Answer:
    """`GET /user/tokens/verify` and `GET /accounts/{account_id}/tokens/verify`."""
    if "Authorization" not in call.headers:
        raise not_authenticated('Missing "Authorization" header')
    body = success({"id": "5a4db0c0ffee5a4db0c0ffee5a4db0c0", "status": "active"})
    told = {"code": 10000, "message": "This API Token is valid and active", "type": None}
    return Answer(200, body | {"messages": [told]}, outcome="active")


def _described(finetune: Finetune) -> dict[str, object]:
    described: dict[str, object] = {
        "id": finetune.id,
        "created_at": finetune.created_at,
        "modified_at": finetune.modified_at,
        "model": finetune.model,
        "name": finetune.name,
    }
    if finetune.description is not None:
        described["description"] = finetune.description
    return described


def check_model(settings: SandboxSettings, model: str, name: str) -> None:
    """Raise ApiError unless the catalogue has the model and it takes adapters."""
    takes_lora = True if model in settings.extra_models else MODELS.get(model)
    if takes_lora is None:
        raise no_such_model(model, name)
    if not takes_lora:
        raise no_lora(model, name)


def json_object(data: bytes) -> dict[str, object]:
    """Read a JSON object; raises ApiError where it is none."""
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
        # A lone surrogate is valid in JSON but in no text that could be stored or sent.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid("the body is not valid JSON") from error
    if not isinstance(value, dict):
        raise invalid("the body must be a JSON object")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _text(asked: Mapping[str, object], key: str) -> str:
    value = asked.get(key)
    if not isinstance(value, str):
        raise invalid(f"{key} is required" if value is None else f"{key} must be a string")
    if not value.strip():
        raise invalid(f"{key} must not be empty")
    return value


def _whole_number(query: Mapping[str, str], key: str, default: int) -> int:
    """Return a parameter as a number from 0; the API calls them numbers, so 10.0 is 10."""
    text = query.get(key)
    if text is None:
        return default
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise invalid(f"{key} must be a whole number from 0")
    return int(digits)
