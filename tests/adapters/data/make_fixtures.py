"""Write the adapters of this folder with PEFT itself; the tests need neither torch nor peft.

    python3.11 -m venv /tmp/peft && /tmp/peft/bin/pip install torch peft transformers
    HF_HUB_OFFLINE=1 PYTHONHASHSEED=0 /tmp/peft/bin/python make_fixtures.py

Run once per PEFT version; each writes its own folder `peft-VERSION`, always the same bytes.
The models are a few hundred random weights of the real architectures, made from a config:
nothing is downloaded. The committed folders: peft 0.21.2 with transformers 5.23.0, and
peft 0.10.0 with transformers 4.40.2 and numpy 1.26, both on torch 2.13.0.
"""

import shutil
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model

HERE = Path(__file__).parent
SHAPE = {
    "vocab_size": 32,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "max_position_embeddings": 32,
}
ATTENTION = ["q_proj", "v_proj"]
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def base_model(family: str, name: str, dtype: torch.dtype) -> transformers.PreTrainedModel:
    """Make a tiny model of a family that says it is `name`."""
    config_type = getattr(transformers, f"{family}Config")
    model_type = getattr(transformers, f"{family}ForCausalLM")
    torch.manual_seed(0)
    shape = {k: v for k, v in SHAPE.items() if family == "Gemma" or k != "head_dim"}
    model = model_type(config_type(**shape)).to(dtype)
    model.config._name_or_path = name
    model.name_or_path = name
    return model


def save(folder: str, model: transformers.PreTrainedModel, **options: object) -> None:
    """Wrap the model as LoRA does and save the adapter as PEFT does."""
    target = HERE / f"peft-{peft.__version__}" / folder
    shutil.rmtree(target, ignore_errors=True)
    config = LoraConfig(task_type="CAUSAL_LM", lora_alpha=16, lora_dropout=0.05, **options)
    get_peft_model(model, config).save_pretrained(str(target))
    (target / "README.md").unlink(missing_ok=True)


def main() -> None:
    """Write every fixture."""
    llama = ("Llama", "meta-llama/Llama-2-7b-chat-hf", torch.float32)
    mistral = ("Mistral", "mistralai/Mistral-7B-Instruct-v0.2", torch.bfloat16)
    gemma = ("Gemma", "google/gemma-2b-it", torch.float16)
    save("llama", base_model(*llama), r=4, target_modules=LINEAR)
    save("mistral", base_model(*mistral), r=8, target_modules=ATTENTION)
    save("gemma", base_model(*gemma), r=8, target_modules=r".*\.self_attn\.(q|k|v|o)_proj")
    save(
        "rank-pattern",
        base_model(*mistral),
        r=4,
        target_modules=ATTENTION,
        rank_pattern={"model.layers.1.self_attn.q_proj": 2, "v_proj": 8},
    )
    save("rslora", base_model(*mistral), r=4, target_modules=ATTENTION, use_rslora=True)
    save("embedding", base_model(*llama), r=4, target_modules=["embed_tokens", "q_proj"])
    save("dora", base_model(*mistral), r=4, target_modules=ATTENTION, use_dora=True)
    save(
        "modules-to-save",
        base_model(*mistral),
        r=4,
        target_modules=ATTENTION,
        modules_to_save=["lm_head"],
    )


if __name__ == "__main__":
    main()
