"""Compares with the files in golden/; RECONCILER_UPDATE_GOLDENS=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler import __version__

_FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, text: str) -> None:
    path = _FOLDER / name
    text = text.replace(__version__, "VERSION")
    if os.environ.get("RECONCILER_UPDATE_GOLDENS"):
        path.write_text(f"{text}\n", encoding="utf-8")
    assert f"{text}\n" == path.read_text(encoding="utf-8")
