"""Findings to render."""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic, Position, SourceRange
from reconciler.diagnostics.codes import adapters, manifests

FILE = "finetunes/support.yaml"


def at(line: int, column: int, end: int, text: str, filename: str = FILE) -> SourceRange:
    return SourceRange(filename, Position(line, column, 40), Position(line, end, 45), text)


def some() -> list[Diagnostic]:
    """An error with a place, one in an adapter, one with none, and a warning."""
    return [
        manifests.DUPLICATE_KEY.error(
            "`model` stands at line 4 already.",
            hint="Keep one of the two.",
            address="finetune.support-bot",
            range=at(6, 5, 10, '    model: "@cf/google/gemma-7b-it-lora"'),
        ),
        adapters.MISSING_FILE.error(
            "There is no adapter_model.safetensors in adapters/triage.",
            hint="Rename adapter_model.bin.",
            address="finetune.triage",
            range=SourceRange(
                "adapters/triage/adapter_model.safetensors", Position(1, 1), Position(1, 1)
            ),
        ),
        manifests.NO_MANIFESTS.error("There is no manifest in this folder."),
        manifests.RESERVED_NAME.warning(
            "A name like {cf-public-x} belongs to [Cloudflare](0).",
            range=at(9, 11, 24, "    name: cf-public-x"),
        ),
    ]


def hostile(text: str) -> list[Diagnostic]:
    where = SourceRange(text, Position(3, 2), Position(3, 4), text)
    return [
        manifests.INVALID_VALUE.error(text, hint=text, address=text, range=where),
        manifests.RESERVED_NAME.warning(text, hint=text, address=text, range=where),
    ]
