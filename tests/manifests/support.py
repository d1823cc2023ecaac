"""Reading texts as manifests, and looking at what is said about them."""

from __future__ import annotations

from pathlib import Path

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.catalogue import CATALOGUE
from reconciler.documents.characters import is_hidden_in
from reconciler.manifests import ManifestFile, Reading, read_manifests

MODEL = '"@cf/mistral/mistral-7b-instruct-v0.2-lora"'


def read(*texts: str | bytes) -> Reading:
    """Read texts as the files 1.yaml, 2.yaml, ... of one folder."""
    return read_manifests(
        ManifestFile(f"{number}.yaml", Path(), text if isinstance(text, bytes) else text.encode())
        for number, text in enumerate(texts, 1)
    )


def finetune(*fields: str) -> str:
    """Write a manifest of the finetune `bot`, with more fields, a line each."""
    lines = ["version: 1", "finetunes:", "  bot:", f"    model: {MODEL}"]
    return "\n".join([*lines, *(f"    {field}" for field in fields)]) + "\n"


def told(reading: Reading) -> list[tuple[str, str]]:
    """Return code and place of every diagnostic."""
    return [(d.code, str(d.range)) for d in reading.diagnostics]


def only(reading: Reading) -> Diagnostic:
    """Return the one diagnostic."""
    assert len(reading.diagnostics) == 1, told(reading)
    return reading.diagnostics[0]


def marked(diagnostic: Diagnostic) -> str:
    """Return the part of the shown line that the caret stands under."""
    where = diagnostic.range
    assert where is not None
    end = where.end.column - 1 if where.end.line == where.start.line else None
    return where.text[where.start.column - 1 : end]


def assert_presentable(diagnostic: Diagnostic, raw: bytes) -> None:
    """What must hold of every diagnostic, whatever was read."""
    assert diagnostic.code in CATALOGUE
    assert diagnostic.detail.endswith(".")
    assert diagnostic.hint
    where = diagnostic.range
    assert where is not None
    for text in (diagnostic.detail, diagnostic.hint, where.text):
        assert not is_hidden_in(text)
        assert "\n" not in text
        assert len(text) <= 1_000
    assert where.start <= where.end
    before = raw[: where.start.byte]
    assert where.start.line == before.count(b"\n") + 1
    line = before.rpartition(b"\n")[2].decode("utf-8-sig")
    assert where.start.column == len(line) + 1
