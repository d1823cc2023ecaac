"""Where a finding is in the repository, for reports and reviews, and by what the machine
formats of `validate` know it again.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from reconciler.diagnostics import Diagnostic
from reconciler.render.text import safe

NOWHERE = "reconciler.yaml"
"""Named where a finding has no place: GitHub and GitLab show none without a file."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic and its place.

    path: from the root of the repository, or as it was named where it lies outside.
    Lines and columns count characters from 1, the end exclusive.
    fingerprint: 64 hex digits; the same in every run, and no other finding's.
    """

    diagnostic: Diagnostic
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    fingerprint: str

    @property
    def message(self) -> str:
        """What is wrong here, and what to do about it."""
        parts = [self.diagnostic.detail or self.diagnostic.summary]
        if self.diagnostic.hint:
            parts.append(f"hint: {self.diagnostic.hint}")
        return "\n".join("\n".join(map(safe, part.split("\n"))) for part in parts)

    @property
    def is_in_one_line(self) -> bool:
        """Whether it begins and ends in the same line."""
        return self.line == self.end_line


def findings(diagnostics: Iterable[Diagnostic], folder: str = "") -> list[Finding]:
    """Give every diagnostic its place; folder is the working folder in the repository."""
    seen: Counter[str] = Counter()
    found = []
    for diagnostic in diagnostics:
        path = _path(diagnostic, folder)
        essence = _essence(diagnostic, path)
        text = f"{essence}\0{seen[essence]}"
        seen[essence] += 1
        digest = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
        found.append(_placed(diagnostic, path, digest))
    return found


def from_root(diagnostics: Iterable[Diagnostic], folder: str) -> tuple[Diagnostic, ...]:
    """Name the files of findings from the root of the repository, for who reads them there."""
    return tuple(
        replace(found, range=replace(found.range, filename=_path(found, folder)))
        if found.range
        else found
        for found in diagnostics
    )


def _essence(diagnostic: Diagnostic, path: str) -> str:
    """What stays the same when lines are added above it."""
    line = diagnostic.range.text.strip() if diagnostic.range else diagnostic.detail
    return "\0".join((diagnostic.code, path, diagnostic.address, line))


def _path(diagnostic: Diagnostic, folder: str) -> str:
    name = diagnostic.range.filename if diagnostic.range else NOWHERE
    if not name or PurePosixPath(name).is_absolute():
        return safe(name) or NOWHERE
    return safe(posixpath.normpath(posixpath.join(folder, name)))


def _placed(diagnostic: Diagnostic, path: str, fingerprint: str) -> Finding:
    where = diagnostic.range
    if where is None:
        return Finding(diagnostic, path, 1, 1, 1, 1, fingerprint)
    start, end = where.start, max(where.start, where.end)
    return Finding(diagnostic, path, start.line, start.column, end.line, end.column, fingerprint)
