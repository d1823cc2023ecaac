"""Which files are manifests: named ones, those in named folders, or the working folder's."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents.source import MAX_BYTES

SUFFIXES = (".yaml", ".yml")
PROJECT_FILE = "reconciler.yaml"
STANDARD_INPUT = "-"

# Looks for the words and not for valid YAML: a manifest with a syntax error is still one.
_LOOKS_LIKE_MANIFEST = re.compile(
    rb"^(?:finetunes?|moved|removed)\s*:|manifest\.v\d+\.schema\.json", re.M
)


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest's bytes; name is as the user knows it, folder is what its paths start from."""

    name: str
    folder: Path
    raw: bytes


def find_manifests(
    paths: Iterable[str], root: Path
) -> tuple[tuple[ManifestFile, ...], tuple[Diagnostic, ...]]:
    """Read the named files, every *.yaml and *.yml below the named folders, and `-`."""
    files: dict[str, ManifestFile] = {}
    problems: list[Diagnostic] = []
    for path in dict.fromkeys(paths):
        before = len(files) + len(problems)
        for name in _names(path, root):
            if os.path.realpath(root / name) not in files or name == STANDARD_INPUT:
                found = _read(name, root)
                if isinstance(found, Diagnostic):
                    problems.append(found)
                else:
                    files[os.path.realpath(root / name)] = found
        if len(files) + len(problems) == before and (root / path).is_dir():
            problems.append(
                codes.NO_MANIFESTS.error(
                    f"{path} holds no *.yaml or *.yml file.",
                    hint="Name another folder, or write a manifest there.",
                )
            )
    return tuple(files.values()), tuple(problems)


def discover_manifests(
    root: Path,
) -> tuple[tuple[ManifestFile, ...], tuple[Diagnostic, ...]]:
    """Read what looks like a manifest among the YAML files right in a folder."""
    names = [
        entry.name
        for entry in sorted(root.iterdir())
        if entry.suffix in SUFFIXES and entry.name != PROJECT_FILE and entry.is_file()
    ]
    files, problems = find_manifests(names, root)
    manifests = tuple(file for file in files if _LOOKS_LIKE_MANIFEST.search(file.raw))
    if not manifests and not problems:
        return (), (
            codes.NO_MANIFESTS.error(
                f"{root.name or root} has no YAML file with `finetunes:` in it.",
                hint="Run `reconciler init`, or name the files with -f/--manifest.",
            ),
        )
    return manifests, problems


def _names(path: str, root: Path) -> Iterator[str]:
    if path == STANDARD_INPUT or not (root / path).is_dir():
        yield path
        return
    for folder, folders, names in os.walk(root / path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            full = Path(folder) / name
            if full.suffix in SUFFIXES and name != PROJECT_FILE and not name.startswith("."):
                yield os.path.relpath(full, root) if not Path(path).is_absolute() else str(full)


def _read(name: str, root: Path) -> ManifestFile | Diagnostic:
    if name == STANDARD_INPUT:
        return ManifestFile("<stdin>", root, sys.stdin.buffer.read(MAX_BYTES + 1))
    path = root / name
    try:
        # A FIFO or a device would block or never end.
        if not stat.S_ISREG(path.stat().st_mode):
            return codes.UNREADABLE_FILE.error(
                f"{name} is not a regular file.", hint="Name a file or a folder."
            )
        with path.open("rb") as file:
            return ManifestFile(name, path.parent, file.read(MAX_BYTES + 1))
    except OSError as error:
        return codes.UNREADABLE_FILE.error(
            f"{name}: {error.strerror}.", hint="Check the path and its permissions."
        )
