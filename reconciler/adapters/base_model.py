"""Whether an adapter fits the base model that its finetune is for, as far as names tell."""

from __future__ import annotations

from reconciler.adapters.families import MODEL_TYPES, ModelName, read_name, same_model
from reconciler.adapters.fields import Fields
from reconciler.adapters.text import shown
from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import adapters as codes

_BASE = "base_model_name_or_path"
_TYPE = "model_type"


def check_model(model: str) -> list[Diagnostic]:
    """Check the base model's id itself; the findings have no place, they are about `model`."""
    quantization = read_name(model).quantization
    if not quantization:
        return []
    return [
        codes.QUANTIZED.error(
            f"{shown(model)} is quantized ({quantization}); Workers AI takes adapters for models "
            "that are not.",
            hint="Name a model that takes LoRA adapters, such as "
            '"@cf/mistral/mistral-7b-instruct-v0.2-lora".',
        )
    ]


def check_model_type(fields: Fields, model: str) -> None:
    """Check `model_type`: there, one of the three, and of the base model's family."""
    base = fields.get(_BASE)
    of_model = read_name(model).family
    expected = of_model or (read_name(base).family if isinstance(base, str) else "")
    value = fields.get(_TYPE)
    if value is None:
        line = f'"model_type": "{expected}",' if expected else '"model_type": "mistral",'
        choice = "" if expected else " (or gemma, or llama: the base model's family)"
        fields.report(
            codes.NO_MODEL_TYPE.error(
                "It has no model_type, which Workers AI needs and PEFT does not write.",
                hint=f"Add this line below the opening brace: {line}{choice}",
            ),
            _TYPE,
        )
    elif value not in MODEL_TYPES or (of_model and value != of_model):
        wanted = (
            f"{shown(model)} is of the family {of_model}"
            if of_model
            else "it must be mistral, gemma or llama"
        )
        fields.report(
            codes.WRONG_MODEL_TYPE.error(
                f"model_type is {shown(str(value))}, and {wanted}.",
                hint=f'Write "model_type": "{expected}", if the adapter was trained on that.'
                if expected
                else "Write the family of the base model.",
            ),
            _TYPE,
        )
    elif model and not of_model:
        fields.report(
            codes.UNKNOWN_BASE_MODEL.warning(
                f"The name {shown(model)} does not tell its family, so whether model_type "
                f"{shown(value)} fits is not known.",
                hint="Compare with the model's page in Cloudflare's catalogue.",
            ),
            _TYPE,
        )


def check_base_model(fields: Fields, model: str) -> None:
    """Compare the model that was trained on with the model that the finetune is for."""
    base = fields.get(_BASE)
    if not isinstance(base, str) or not base:
        fields.report(
            codes.UNKNOWN_BASE_MODEL.warning(
                f"{_BASE} is missing, so what the adapter was trained on is not known.",
                hint="Use the adapter_config.json that PEFT wrote next to the weights.",
            ),
            _BASE,
        )
        return
    trained, wanted = read_name(base), read_name(model)
    if trained.quantization:
        fields.report(
            codes.QUANTIZED.warning(
                f"The adapter was trained on {shown(base)}, which is quantized "
                f"({trained.quantization}); Workers AI applies it to the full model.",
                hint="Expect somewhat other answers, or train on the full model.",
            ),
            _BASE,
        )
    finding = _compare(base, trained, model, wanted) if model else None
    if finding:
        fields.report(finding, _BASE)


def _compare(base: str, trained: ModelName, model: str, wanted: ModelName) -> Diagnostic | None:
    if same_model(base, model):
        return None
    both = f"the adapter was trained on {shown(base)}, and the finetune is for {shown(model)}"
    for what, ours, theirs in (
        ("families", trained.family, wanted.family),
        ("sizes", trained.size, wanted.size),
    ):
        if ours and theirs and ours != theirs:
            return codes.WRONG_BASE_MODEL.error(
                f"Models of different {what}: {both}.",
                hint="Change `model` in the manifest, or use the adapter that belongs to it.",
            )
    if not trained.family or not wanted.family:
        return codes.UNKNOWN_BASE_MODEL.warning(
            f"Names alone do not tell whether it fits: {both}.",
            hint=f"Make sure that {shown(base)} has the weights of {shown(model)}.",
        )
    if (trained.generation, trained.size) != (wanted.generation, wanted.size):
        return codes.UNKNOWN_BASE_MODEL.warning(
            f"The versions differ, or a name does not tell its own: {both}.",
            hint="It works only if both have the same architecture; better train on the model "
            "that the finetune is for.",
        )
    return None
