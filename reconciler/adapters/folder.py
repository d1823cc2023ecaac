"""What else lies in an adapter's folder: the names that people and tools give by mistake."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path

from reconciler.adapters.text import shown
from reconciler.model import CONFIG_FILE, WEIGHTS_FILE

_MOST_ENTRIES = 1_000
_RENAME = "Rename {} to exactly {}."
_WHOLE_MODEL = "{} is a whole or merged model: save the adapter, with peft_model.save_pretrained()."
_PICKLE = "{} is a pickle: save again with save_pretrained(FOLDER, safe_serialization=True)."
_SHARD = "{} is one of several shards: save one file, with save_pretrained(FOLDER)."
_OTHER_TOOL = "{} was written by another tool: convert it to PEFT's format."

_INSTEAD = {
    CONFIG_FILE: (
        (r"adapter_config(\.json)?(\.txt)?|adapter_model\.(config|json)", _RENAME),
        (r"config\.json", _WHOLE_MODEL),
    ),
    WEIGHTS_FILE: (
        (r"adapter_model(\.safetensors?)?(\.txt)?", _RENAME),
        (r"adapter_model\.(bin|pt|pth)", _PICKLE),
        (r"adapter_model-\d+-of-\d+\.safetensors", _SHARD),
        (r"adapters\.(safetensors|npz)|pytorch_lora_weights\.safetensors|.*\.gguf", _OTHER_TOOL),
        (r"(model|pytorch_model)(-\d+-of-\d+)?\.(safetensors|bin)", _WHOLE_MODEL),
        (r".*(lora|adapter).*\.safetensors?", _RENAME),
    ),
}
"""What to do about a file that is there instead, the likeliest first."""


def missing_hint(folder: Path, name: str) -> str:
    """Say what to do about a file that is missing, by what lies there instead."""
    entries = _entries(folder)
    for pattern, advice in _INSTEAD[name]:
        for entry in entries:
            if re.fullmatch(pattern, entry, re.IGNORECASE):
                return advice.format(shown(entry), name)
    for entry in entries:
        # Path's own raises where the disk fails, and this is advice alone.
        if os.path.isfile(folder / entry / name):  # noqa: PTH113
            return f"It is in the subfolder {shown(entry)}: name that folder in the manifest."
    return "Save the adapter with PEFT: model.save_pretrained(FOLDER)."


def _entries(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return sorted(entry.name for entry in islice(found, _MOST_ENTRIES))
    except OSError:
        return []
