"""Makes the pictures of docs/pictures from what the command really prints.

    python docs/make_pictures.py [FOLDER]

Each command runs in a pseudo-terminal, in the sandbox; rich turns what it prints, colours
and all, into an SVG.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

FOLDER = Path(__file__).parent / "pictures"
QUICKSTART = Path(__file__).parent.parent / "examples" / "quickstart"
COLUMNS = 88

CHARACTER = 12.2
"""Width of a character in rich's SVG."""

_SPACE = "&#160;"
_INDENTED = re.compile(
    r'x="(?P<x>[\d.]+)" (?P<y>y="[\d.]+") textLength="(?P<length>[\d.]+)" '
    r'(?P<clip>clip-path="[^"]+")>(?P<spaces>(?:&#160;)+)'
)

THEME = TerminalTheme(
    (24, 28, 36),
    (220, 223, 228),
    [
        (24, 28, 36),
        (240, 113, 120),
        (152, 195, 121),
        (229, 192, 123),
        (97, 175, 239),
        (198, 120, 221),
        (86, 182, 194),
        (220, 223, 228),
    ],
)
"""A dark window in any surroundings: its colours keep a contrast of 4.5 to the background."""

# rich's template, without its window buttons and without fonts from the network.
SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
<rect fill="#181c24" x="0" y="0" width="{width}" height="{height}" rx="8"/>
<g transform="translate(9, 18)" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

_BEFORE = """\
version: 1
finetunes:
  support:
    name: support-bot
    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"
    description: Answers support tickets in the house style.
  translator:
    model: "@cf/meta-llama/llama-2-7b-chat-hf-lora"
    description: Translates release notes.
"""

_AFTER = """\
version: 1
finetunes:
  support-bot:
    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"
    description: Answers support tickets in the house style.
  translator:
    model: "@cf/meta-llama/llama-2-7b-chat-hf-lora"
    description: Translates release notes.
  reviewer:
    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"
    description: Reviews pull requests.
    adapter: adapters/support-bot
    versioned: true
moved: [{from: support, to: support-bot}]
"""

_MISTAKES = """\
version: 1
finetunes:
  support-bot:
    model: @cf/mistral/mistral-7b-instruct-v0.2-lora
    desciption: Answers support tickets in the house style.
    adapter: adapters/support-bot
"""

_MENDED = """\
version: 1
finetunes:
  support-bot:
    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"
    description: Answers support tickets in the house style.
    adapter: adapters/support-bot
"""


def main() -> None:
    """Make all pictures, in the folder that is named or in docs/pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        shutil.copytree(QUICKSTART / "adapters", project / "adapters")
        pictures = {"plan": _plan(project), "mistakes": _mistakes(project)}
    for title, text in pictures.items():
        path = folder / f"{title}.svg"
        path.write_text(_svg(text, title), encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")


def _plan(project: Path) -> str:
    """Plan a create, an adoption and a move in an account that has two finetunes."""
    _declare(project, _BEFORE)
    _run(project, "apply", "--sandbox", "--auto-approve")
    _run(project, "state", "rm", "--sandbox", "translator")
    _declare(project, _AFTER)
    return _prompt("plan", "--sandbox") + _run(project, "plan", "--sandbox")


def _mistakes(project: Path) -> str:
    """Validate twice: mistakes in the manifest, and then the commonest one of adapters."""
    _declare(project, _MISTAKES)
    first = _prompt("validate") + _run(project, "validate", code=1)
    _declare(project, _MENDED)
    config = project / "adapters" / "support-bot" / "adapter_config.json"
    content = json.loads(config.read_text())
    del content["model_type"]
    config.write_text(json.dumps(content, indent=2))
    return f"{first}\n{_prompt('validate')}{_run(project, 'validate', code=1)}"


def _declare(project: Path, manifest: str) -> None:
    (project / "finetunes.yaml").write_text(manifest, encoding="utf-8")


def _prompt(*arguments: str) -> str:
    return f"\x1b[1m$ reconciler {' '.join(arguments)}\x1b[0m\n"


def _run(project: Path, *arguments: str, code: int = 0) -> str:
    """Run the command in a pseudo-terminal and return what it wrote there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "reconciler", *arguments]
    environment = _environment(os.environ)
    process = subprocess.Popen(command, cwd=project, env=environment, stdout=slave, stderr=slave)  # noqa: S603, our own command
    os.close(slave)
    text = b"".join(_read(master)).decode().replace("\r\n", "\n")
    os.close(master)
    if process.wait() != code:
        raise RuntimeError(f"{command} ended with {process.returncode}:\n{text}")
    return text


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    kept = {name: own[name] for name in ("PATH", "HOME") if name in own}
    return {**kept, "TERM": "xterm-256color", "LANG": "C.UTF-8"}


def _read(descriptor: int) -> Iterable[bytes]:
    while True:
        try:
            block = os.read(descriptor, 65536)
        except OSError:
            # How a pseudo-terminal says that its last writer is gone.
            return
        if not block:
            return
        yield block


def _svg(text: str, title: str) -> str:
    with Path(os.devnull).open("w") as nowhere:
        console = Console(
            record=True, width=COLUMNS, file=nowhere, force_terminal=True, legacy_windows=False
        )
        console.print(Text.from_ansi(text.rstrip()))
        svg = console.export_svg(title=title, theme=THEME, code_format=SVG, unique_id=title)
    return _INDENTED.sub(_unindented, svg)


def _unindented(found: re.Match[str]) -> str:
    """Move a text to where it begins: not every renderer keeps the spaces in front of it."""
    indent = CHARACTER * len(found["spaces"]) / len(_SPACE)
    x, length = float(found["x"]) + indent, float(found["length"]) - indent
    return f'x="{x:g}" {found["y"]} textLength="{length:g}" {found["clip"]}>'


if __name__ == "__main__":
    main()
