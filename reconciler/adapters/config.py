"""adapter_config.json: what PEFT wrote, and what Workers AI needs besides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.adapters.base_model import check_base_model, check_model_type
from reconciler.adapters.fields import Fields
from reconciler.adapters.strict_json import StrictJsonError, parse_object, source_range
from reconciler.adapters.text import shown, whole_file
from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import adapters as codes
from reconciler.model import Limits

MAX_CONFIG = 1_000_000
"""Bytes; PEFT writes about one kilobyte."""

_REFUSED = {
    "use_dora": "magnitudes besides the LoRA matrices (DoRA)",
    "modules_to_save": "whole modules that were trained",
    "bias": "trained biases",
}
"""What vLLM refuses (vllm/lora/peft_helper.py, 0.10); Workers AI served with vLLM until 2025
(Cloudflare's blog of 2025-08-27), and nothing says that it takes more now."""

_UNCERTAIN = {
    "lora_bias": "biases in the LoRA layers",
    "layer_replication": "replicated layers",
    "trainable_token_indices": "trained token embeddings",
    "target_parameters": "parameters outside of linear layers",
    "alora_invocation_tokens": "an activated LoRA, which needs its invocation tokens",
    "use_qalora": "QALoRA",
    "use_bdlora": "block-diagonal LoRA",
    "arrow_config": "Arrow routing",
    "kasa_config": "KaSA",
    "monteclora_config": "MonteCLoRA",
}
"""What PEFT 0.21 has beyond plain LoRA; nothing is known about Workers AI and these."""


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """The part of adapter_config.json that the weights are checked against.

    rank: 0 where it is not known. rank_pattern: rank by module name or pattern.
    target_modules: names, or None where PEFT chose them by a pattern or by their type.
    beyond: fields by which this is more than plain LoRA.
    """

    base_model: str = ""
    model_type: str = ""
    task_type: str = ""
    rank: int = 0
    alpha: float = 0.0
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    target_modules: tuple[str, ...] | None = None
    beyond: frozenset[str] = frozenset()


def read_config(
    raw: bytes, filename: str, model: str, limits: Limits
) -> tuple[LoraConfig | None, list[Diagnostic]]:
    """Read and check the configuration of an adapter for a base model ("": not known).

    Returns None where the text is no JSON object, and every finding.
    """
    fields, problem = _parse(raw, filename)
    if fields is None:
        return None, [problem] if problem else []
    _check_type(fields)
    config = LoraConfig(
        base_model=_text(fields, "base_model_name_or_path"),
        model_type=_text(fields, "model_type"),
        task_type=_text(fields, "task_type"),
        rank=_rank(fields, limits.max_rank),
        alpha=_alpha(fields),
        rank_pattern=_rank_pattern(fields, limits.max_rank),
        target_modules=_target_modules(fields),
        beyond=_beyond(fields),
    )
    check_model_type(fields, model)
    check_base_model(fields, model)
    return config, fields.sorted_findings()


def _parse(raw: bytes, filename: str) -> tuple[Fields | None, Diagnostic | None]:
    if len(raw) > MAX_CONFIG:
        return None, codes.CONFIG_JSON.error(
            f"It has more than {MAX_CONFIG:,} bytes; PEFT writes about a thousand.",
            hint="Save the adapter with PEFT again.",
            range=whole_file(filename),
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, codes.CONFIG_JSON.error(
            f"It is not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}.",
            hint="Save it as UTF-8 (an editor's 'Save with encoding').",
            range=whole_file(filename),
        )
    if text.startswith("\ufeff"):
        return None, codes.CONFIG_JSON.error(
            "It begins with a byte order mark, which JSON does not allow.",
            hint="Save it as UTF-8 without BOM.",
            range=whole_file(filename),
        )
    try:
        return Fields(filename, text, parse_object(text)), None
    except StrictJsonError as problem:
        end = min(problem.offset + 1, len(text))
        return None, codes.CONFIG_JSON.error(
            problem.message,
            hint=problem.hint or "Compare the line with what PEFT wrote.",
            range=source_range(filename, text, problem.offset, end),
        )


def _text(fields: Fields, key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _check_type(fields: Fields) -> None:
    peft_type = fields.get("peft_type")
    if peft_type != "LORA":
        is_text = isinstance(peft_type, str)
        fields.report(
            codes.NOT_LORA.error(
                f"peft_type is {shown(peft_type)}." if is_text else "It has no peft_type.",
                hint='Train with peft.LoraConfig, which writes "peft_type": "LORA".'
                if is_text
                else "Use the adapter_config.json that PEFT wrote next to the weights.",
            ),
            "peft_type",
        )
    task_type = fields.get("task_type")
    if task_type not in (None, "CAUSAL_LM"):
        fields.report(
            codes.CONFIG_FIELD.warning(
                f"task_type is {shown(str(task_type))}; Workers AI generates text.",
                hint='Train with task_type="CAUSAL_LM".',
            ),
            "task_type",
        )


def _rank(fields: Fields, limit: int) -> int:
    rank = fields.get("r")
    if not _is_positive(rank):
        _wrong(fields, "r", "must be a whole number above 0, the rank of the training")
        return 0
    _check_limit(fields, "r", "The rank r", rank, limit)
    return int(rank)


def _rank_pattern(fields: Fields, limit: int) -> dict[str, int]:
    pattern = fields.get("rank_pattern")
    if pattern is None:
        return {}
    if not isinstance(pattern, dict) or not all(_is_positive(r) for r in pattern.values()):
        _wrong(fields, "rank_pattern", "must map module names to whole numbers above 0")
        return {}
    highest = max(pattern.values(), default=0)
    _check_limit(fields, "rank_pattern", "The highest rank in rank_pattern", highest, limit)
    return pattern


def _check_limit(fields: Fields, key: str, what: str, rank: int, limit: int) -> None:
    if rank > limit:
        fields.report(
            codes.RANK_LIMIT.error(
                f"{what} is {rank}; Workers AI takes up to {limit}.",
                hint=f"Train with a rank of at most {limit}: the number cannot just be changed, "
                "it has to be that of the weights.",
            ),
            key,
        )


def _alpha(fields: Fields) -> float:
    alpha = fields.get("lora_alpha")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not math.isfinite(alpha):
        _wrong(fields, "lora_alpha", "must be a number, the lora_alpha of the training")
        return 0.0
    return float(alpha)


def _target_modules(fields: Fields) -> tuple[str, ...] | None:
    modules = fields.get("target_modules")
    # A pattern is not run here: it is somebody else's program without a time limit.
    if isinstance(modules, str) and modules:
        return None
    if isinstance(modules, list) and modules and all(isinstance(m, str) for m in modules):
        return tuple(modules)
    _wrong(fields, "target_modules", "must be a list of module names, or a pattern")
    return None


def _beyond(fields: Fields) -> frozenset[str]:
    refused = [key for key in _REFUSED if fields.get(key) not in (None, False, [], "none")]
    uncertain = [key for key in _UNCERTAIN if fields.get(key)]
    for key in refused:
        fields.report(
            codes.NOT_PLAIN_LORA.error(
                f"{key} is set: the adapter has {_REFUSED[key]}, which servers of LoRA adapters "
                "such as vLLM refuse.",
                hint="Train again without it.",
            ),
            key,
        )
    for key in uncertain:
        fields.report(
            codes.NOT_PLAIN_LORA.warning(
                f"{key} is set: the adapter uses {_UNCERTAIN[key]}. It is not known whether "
                "Workers AI applies that.",
                hint="Train again without it, or try the adapter in an account for tests first.",
            ),
            key,
        )
    return frozenset(refused + uncertain)


def _is_positive(value: Any) -> bool:
    return type(value) is int and value > 0


def _wrong(fields: Fields, key: str, rule: str) -> None:
    detail = f"{key} {rule}." if key in fields.values else f"{key} is missing; it {rule}."
    fields.report(
        codes.CONFIG_FIELD.error(
            detail, hint="Use the adapter_config.json that PEFT wrote next to the weights."
        ),
        key,
    )
