"""The pages, and what they say: blocks, code, links, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PAGES = (*(ROOT / name for name in NAMES), *sorted((ROOT / "docs").glob("*.md")))

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STEP = re.compile(
    r"<!-- (?P<word>given|not run): (?P<text>.*?) -->"
    r"|^```(?P<language>\w*)\n(?P<content>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_PATH = re.compile(r"# ([\w./-]+\.ya?ml)\n")


@dataclass(frozen=True, slots=True)
class Step:
    """What is done with a page, in order: a file to write, or a script to run."""

    script: str = ""
    path: str = ""
    content: str = ""


def steps(page: Path) -> Iterator[Step]:
    """Yield what the page has to write and to run.

    A comment `given: COMMAND` runs without being seen; `not run: REASON` keeps the next
    block from being run.
    """
    skipped = False
    for found in _STEP.finditer(page.read_text()):
        if found["word"] == "given":
            yield Step(script=found["text"])
        elif found["word"]:
            skipped = True
        elif found["language"] == "sh":
            if not skipped:
                yield Step(script=found["content"])
            skipped = False
        elif found["language"] == "yaml" and (path := _PATH.match(found["content"])):
            yield Step(path=path[1], content=found["content"])


def blocks(page: Path, *languages: str) -> list[str]:
    return [text for language, text in _BLOCK.findall(page.read_text()) if language in languages]


def inline_code(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", _BLOCK.sub("", page.read_text()))


def links(page: Path) -> list[str]:
    """Every target of a link or a picture, without the blocks of code."""
    return re.findall(r"\]\(([^)\s]+)\)", _BLOCK.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", _BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
