"""Facts about Workers AI that the emulation needs as data."""

from __future__ import annotations

RESERVED_PREFIX = "cf-public-"
"""Names that begin so belong to Cloudflare (its page on public LoRA adapters)."""

ASSET_NAMES = ("adapter_config.json", "adapter_model.safetensors")
"""The two assets of a finetune, under their exact names (Cloudflare's page on LoRA adapters)."""

MODELS: dict[str, bool] = {
    "@cf/google/gemma-2b-it-lora": True,
    "@cf/google/gemma-3-12b-it": True,
    "@cf/google/gemma-7b-it-lora": True,
    "@cf/meta-llama/llama-2-7b-chat-hf-lora": True,
    "@cf/meta/llama-3.2-11b-vision-instruct": True,
    "@cf/meta/llama-guard-3-8b": True,
    "@cf/mistral/mistral-7b-instruct-v0.1": True,
    "@cf/mistral/mistral-7b-instruct-v0.2-lora": True,
    "@cf/qwen/qwen2.5-coder-32b-instruct": True,
    "@cf/qwen/qwq-32b": True,
    "@hf/google/gemma-7b-it": True,
    "@hf/mistral/mistral-7b-instruct-v0.2": True,
    "@cf/baai/bge-m3": False,
    "@cf/meta/llama-3.1-8b-instruct-fp8": False,
    "@cf/meta/llama-3.2-3b-instruct": False,
    "@cf/meta/llama-3.3-70b-instruct-fp8-fast": False,
    "@cf/meta/llama-4-scout-17b-16e-instruct": False,
    "@cf/mistralai/mistral-small-3.1-24b-instruct": False,
    "@cf/openai/gpt-oss-120b": False,
    "@cf/openai/gpt-oss-20b": False,
}
"""Model id -> whether it takes LoRA adapters: the property `lora` of Cloudflare's model catalogue
(`src/content/workers-ai-models` of cloudflare-docs), every model that has it and a few that lack
it. The catalogue moves; `SandboxSettings.extra_models` adds to it."""

PUBLIC_MODEL = "@cf/mistral/mistral-7b-instruct-v0.1"

PUBLIC_FINETUNES: tuple[tuple[str, str, str, str], ...] = (
    (
        "7c0f8a3e-57a4-4f0e-9d55-000000000001",
        "cf-public-magicoder",
        PUBLIC_MODEL,
        "Coding tasks in multiple languages",
    ),
    (
        "7c0f8a3e-57a4-4f0e-9d55-000000000002",
        "cf-public-jigsaw-classification",
        PUBLIC_MODEL,
        "Toxic comment classification",
    ),
    (
        "7c0f8a3e-57a4-4f0e-9d55-000000000003",
        "cf-public-cnn-summarization",
        PUBLIC_MODEL,
        "Article summarization",
    ),
)
"""Id (made up here), name, model and description of Cloudflare's public LoRA adapters (its page on
them, 2026-06-05)."""
