"""The pages that are made are those that would be made now."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT

_TEXT = re.compile(r"<text[^>]*>(.*?)</text>")
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|sha256:[0-9a-f]{64}")


def test_commands_and_errors_are_up_to_date() -> None:
    made: dict[Path, str] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()
    stale = [path.name for path, text in made.items() if path.read_text() != text]
    assert not stale, "run: python docs/generate.py"


def test_pictures_show_what_the_command_prints_now(tmp_path: Path) -> None:
    script = str(ROOT / "docs" / "make_pictures.py")
    subprocess.run([sys.executable, script, str(tmp_path)], check=True, capture_output=True)
    made = {path.name: shown_in(path) for path in tmp_path.iterdir()}
    kept = {path.name: shown_in(path) for path in (ROOT / "docs" / "pictures").iterdir()}
    assert made == kept, "run: python docs/make_pictures.py"


def shown_in(picture: Path) -> list[str]:
    """The texts of a picture, without what is random in them."""
    return [_RANDOM.sub("*", text) for text in _TEXT.findall(picture.read_text())]
