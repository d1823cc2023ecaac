"""What is known of base models: families, sizes, widths. Data, with the date of its source."""

from __future__ import annotations

import re
from dataclasses import dataclass

MODEL_TYPES = ("mistral", "gemma", "llama")
"""What `model_type` may be (Cloudflare's loras page, 2026-04-21)."""

WIDTHS = {
    "gemma-2b": 2048,
    "gemma-7b": 3072,
    "gemma-2-2b": 2304,
    "gemma-2-9b": 3584,
    "gemma-2-27b": 4608,
    "gemma-3-1b": 1152,
    "gemma-3-4b": 2560,
    "gemma-3-12b": 3840,
    "gemma-3-27b": 5376,
    "llama-2-7b": 4096,
    "llama-2-13b": 5120,
    "llama-2-70b": 8192,
    "llama-3-8b": 4096,
    "llama-3.1-8b": 4096,
    "llama-3.2-1b": 2048,
    "llama-3.2-3b": 3072,
    "llama-3.2-11b": 4096,
    "llama-3.3-70b": 8192,
    "mistral-7b": 4096,
    "mistral-small-3.1-24b": 5120,
}
"""`hidden_size` in the model's config.json on Hugging Face, as of 2026-04; names as in ids."""

# One whole part of a name. fp8 is left out: Cloudflare's docs listed
# llama-3.3-70b-instruct-fp8-fast among the models that take adapters (loras page, 2025-04).
_QUANTIZED = re.compile(
    r"(?<![a-z0-9])"
    r"(awq|gptq|gguf|bnb|exl2|hqq|aqlm|nf4|int[48]|[2348]-?bits?|w\d+a\d+|q[2-8](?:_[a-z0-9]+)*)"
    r"(?![a-z0-9])"
)
_SIZE = re.compile(r"(?<![a-z0-9.])(?:\d+x)?(\d+(?:\.\d+)?)b(?![a-z0-9])")
_GENERATION = re.compile(r"(?:llama|gemma)-?(\d+(?:\.\d+)?)(?![\d.]*b)|-v(0\.\d)(?!\d)")


@dataclass(frozen=True, slots=True)
class ModelName:
    """What a model's name tells; "" where it does not.

    family: one of MODEL_TYPES. generation: "3.1" of Llama 3.1, "0.2" of Mistral v0.2.
    size: billions of parameters, "7". quantization: the part of the name, such as "awq".
    """

    family: str = ""
    generation: str = ""
    size: str = ""
    quantization: str = ""


def read_name(name: str) -> ModelName:
    """Read a model id of Cloudflare (@cf/meta/llama-2-7b-chat-hf-lora) or Hugging Face."""
    short = _short(name)
    # A name such as mistral-llama-merge belongs to no family that could be told.
    families = [family for family in MODEL_TYPES if family in short]
    size = _SIZE.search(short)
    generation = _GENERATION.search(short)
    quantized = _QUANTIZED.search(short)
    return ModelName(
        families[0] if len(families) == 1 else "",
        (generation[1] or generation[2]) if generation else "",
        size[1] if size else "",
        quantized[1] if quantized else "",
    )


def same_model(one: str, other: str) -> bool:
    """Tell whether two ids name one model, whoever hosts it."""
    return _short(one) == _short(other).removesuffix("-lora")


def width_of(name: str) -> int:
    """Return the hidden size of the model of that name; 0 where it is not known."""
    parts = f"-{_short(name)}-"
    return next((width for known, width in WIDTHS.items() if f"-{known}-" in parts), 0)


def models_of_width(width: int) -> tuple[str, ...]:
    """Return the known models of a hidden size."""
    return tuple(name for name, known in WIDTHS.items() if known == width)


def _short(name: str) -> str:
    """Take the last part of an id: the vendor's name says nothing about the model."""
    return name.rstrip("/").rsplit("/", 1)[-1].lower().replace("_", "-")
