"""Inference: a text of a model, with an adapter where one is asked for.

No model runs. What is emulated is whether there is an answer: only where the adapter is
whole, known by now, and could be loaded. What Cloudflare says of an adapter that it cannot
load is what public issues quote: 3037, as of one that is not there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from reconciler.sandbox.account import Asset, Finetune
from reconciler.sandbox.answers import (
    Answer,
    finetune_not_found,
    invalid,
    lacks_files,
    no_such_model,
    success,
)
from reconciler.sandbox.catalogue import ASSET_NAMES, MODELS
from reconciler.sandbox.loading import UnloadableError, load_adapter
from reconciler.sandbox.operations import MAX_JSON, Call, check_model, json_object

DEFAULT_TOKENS = 256
"""What Cloudflare's models generate at most where `max_tokens` is missing."""

TOKENS = ("Hello", ",", " this", " is", " the", " emulated", " account", ".")


def run_model(call: Call) -> Answer:
    """`POST /accounts/{account_id}/ai/run/{model}`, for text generation."""
    model = call.parameters["model"]
    asked = json_object(call.body.read_all(MAX_JSON))
    lora = asked.get("lora")
    if not isinstance(lora, str | None):
        raise invalid("lora must be a string")
    if lora is None and model not in (*MODELS, *call.settings.extra_models):
        raise no_such_model(model, "")
    if lora is not None:
        check_model(call.settings, model, lora)
    _check_input(asked)
    tokens = _max_tokens(asked)
    if lora is not None:
        _check_adapter(call, lora, model)
    text = "".join(TOKENS[:tokens])
    return Answer(200, success({"response": text}), finetune=lora or "", outcome="answered")


def _check_input(asked: Mapping[str, object]) -> None:
    prompt, messages = asked.get("prompt"), asked.get("messages")
    if not (isinstance(prompt, str) and prompt) and not (isinstance(messages, list) and messages):
        raise invalid("one of prompt and messages is required")


def _max_tokens(asked: Mapping[str, object]) -> int:
    tokens = asked.get("max_tokens", DEFAULT_TOKENS)
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 1:
        raise invalid("max_tokens must be a whole number from 1")
    return tokens


def _check_adapter(call: Call, lora: str, model: str) -> None:
    """Raise ApiError unless the finetune is there, for this model, whole, known and loadable."""
    finetune = call.account.find(lora)
    if finetune is None:
        raise finetune_not_found(lora)
    if finetune.model != model:
        raise finetune_not_found(lora, f"it is for {finetune.model}")
    assets = {asset.file_name: asset for asset in call.account.assets(finetune.id)}
    if assets.keys() != set(ASSET_NAMES):
        raise lacks_files(lora)
    if time.time() < _uploaded_at(assets) + call.settings.adapter_delay:
        raise finetune_not_found(lora, "not known yet")
    _load(finetune, assets, lora)


def _uploaded_at(assets: Mapping[str, Asset]) -> float:
    """Return when the last asset was written, in seconds since the epoch."""
    return max(asset.path.stat().st_mtime for asset in assets.values())


def _load(finetune: Finetune, assets: Mapping[str, Asset], lora: str) -> None:
    config, weights = (assets[name].path for name in ASSET_NAMES)
    try:
        load_adapter(config, weights, finetune.model)
    except UnloadableError as error:
        raise finetune_not_found(lora, str(error)) from error
