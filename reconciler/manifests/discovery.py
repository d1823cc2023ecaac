"""Which files are manifests: named ones, those in named folders, or the working folder's."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents import leads_out, read_file
from reconciler.documents.characters import is_hidden_in, replace_hidden
from reconciler.documents.limits import MAX_BYTES

SUFFIXES = (".yaml", ".yml")
PROJECT_FILE = "reconciler.yaml"
STANDARD_INPUT = "-"

# Looks for the words and not for valid YAML: a manifest with a syntax error is still one.
# JSON is YAML too.
_LOOKS_LIKE_MANIFEST = re.compile(
    rb"""^(?:\xef\xbb\xbf)?["']?(?:finetunes?|moved|removed)["']?[ \t]*:"""
    rb"""|[{,]\s*"finetunes"\s*:|manifest\.v\d+\.schema\.json""",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest's bytes.

    name: as the user knows it. folder: what its paths start from. root: the project, which
    its paths may not leave; without it they may not leave the folder.
    """

    name: str
    folder: Path
    raw: bytes
    root: Path | None = None


def find_manifests(
    paths: Iterable[str], root: Path
) -> tuple[tuple[ManifestFile, ...], tuple[Diagnostic, ...]]:
    """Read the named files, every *.yaml and *.yml below the named folders, and `-`.

    A file that is reached twice is read once. What a folder holds may not link out of it
    and out of the project; what is named itself may lie anywhere.
    """
    files: dict[str, ManifestFile] = {}
    problems: list[Diagnostic] = []
    for path in dict.fromkeys(paths):
        names, found = _names(path, root)
        problems.extend(found)
        for name in names:
            key = name if name == STANDARD_INPUT else os.path.realpath(root / name)
            if key not in files:
                file = _read(name, root)
                if isinstance(file, ManifestFile):
                    files[key] = file
                else:
                    problems.append(file)
    return tuple(files.values()), tuple(problems)


def discover_manifests(
    root: Path,
) -> tuple[tuple[ManifestFile, ...], tuple[Diagnostic, ...]]:
    """Read what looks like a manifest among the YAML files right in a folder."""
    try:
        names = sorted(e.name for e in root.iterdir() if _is_yaml(e.name) and not _is_folder(e))
    except OSError as error:
        return (), (_unreadable("The working folder", f"{error.strerror}."),)
    files, problems = find_manifests(names, root)
    # UTF-16 has a NUL beside each of these letters; it is found here and refused later.
    manifests = [f for f in files if _LOOKS_LIKE_MANIFEST.search(f.raw.replace(b"\0", b""))]
    outside = [file for file in manifests if leads_out(root / file.name, root)]
    problems = (*problems, *(_unreadable(file.name, *_LINKS_OUT) for file in outside))
    if manifests or problems:
        return tuple(file for file in manifests if file not in outside), problems
    return (), (
        codes.NO_MANIFESTS.error(
            "No YAML file of the working folder has `finetunes:` in it.",
            hint="Run `reconciler init`, or name the files with -f/--manifest.",
        ),
    )


def _is_yaml(name: str) -> bool:
    return name.endswith(SUFFIXES) and name != PROJECT_FILE and not name.startswith(".")


def _is_folder(path: Path) -> bool:
    """Tell whether it is a folder; what cannot be looked at is told by whoever reads it."""
    # Path's own raises there.
    return os.path.isdir(path)  # noqa: PTH112


def _names(path: str, root: Path) -> tuple[list[str], list[Diagnostic]]:
    """Return the files that a path stands for, as the user would name them."""
    if not path:
        detail = "An empty path is named, which would mean the whole working folder."
        return [], [codes.UNREADABLE_FILE.error(detail, hint="Name a file, a folder, or `.`.")]
    if path == STANDARD_INPUT or not _is_folder(root / path):
        return [path], []
    problems: list[Diagnostic] = []
    names = []
    for file in _walk(root / path, problems):
        name = str(file) if Path(path).is_absolute() else os.path.relpath(file, root)
        if leads_out(file, root / path) and leads_out(file, root):
            problems.append(_unreadable(name, *_LINKS_OUT))
        else:
            names.append(name)
    if not names and not problems:
        problems.append(
            codes.NO_MANIFESTS.error(
                f"The folder {path} holds no *.yaml or *.yml file.",
                hint="Name another folder, or write a manifest there.",
            )
        )
    return sorted(names), problems


def _walk(top: Path, problems: list[Diagnostic]) -> Iterator[Path]:
    """Yield the YAML files below a folder; a folder that is linked to is entered once."""
    entered: set[tuple[int, int]] = set()
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            found = folder.stat()
            if (found.st_dev, found.st_ino) in entered:
                continue
            entered.add((found.st_dev, found.st_ino))
            entries = list(folder.iterdir())
        except OSError as error:
            problems.append(_unreadable(str(folder), f"{error.strerror}."))
            continue
        for entry in entries:
            if _is_folder(entry):
                folders.extend([] if entry.name.startswith(".") else [entry])
            elif _is_yaml(entry.name):
                yield entry


_LINKS_OUT = (
    "It links out of the project.",
    "Where that is meant, name the file itself with -f/--manifest.",
)


def _unreadable(name: str, detail: str, hint: str = "") -> Diagnostic:
    return codes.UNREADABLE_FILE.error(
        f"{replace_hidden(name)}: {detail}", hint=hint or "Check the path and its permissions."
    )


def _read(name: str, root: Path) -> ManifestFile | Diagnostic:
    if is_hidden_in(name) or "\n" in name:
        detail = "The name of this file holds characters that cannot be shown."
        return _unreadable(ascii(name), detail, "Rename it.")
    try:
        if name == STANDARD_INPUT:
            raw = sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin else b""
            return ManifestFile("<stdin>", root, raw, root)
        path = root / name
        return ManifestFile(name, path.parent, read_file(path), root)
    except OSError as error:
        return _unreadable(name, f"{error.strerror}.")
