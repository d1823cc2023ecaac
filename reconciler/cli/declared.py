"""What a project declares: its manifests read, its adapters inspected, every mistake at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.diagnostics import Diagnostic, DiagnosticError, has_errors
from reconciler.model import Address, Desired, Finetune
from reconciler.plan import Scope
from reconciler.project import Settings, why_not_allowed

if TYPE_CHECKING:
    from reconciler.manifests import ManifestFile


@dataclass(frozen=True, slots=True)
class Declared:
    """What the manifests say; folders: where each adapter lies, by address."""

    desired: Desired
    folders: dict[Address, Path]
    warnings: tuple[Diagnostic, ...]


def declare(settings: Settings, scope: Scope | None = None) -> Declared:
    """Read the manifests and inspect the adapters in scope; DiagnosticError with all errors."""
    from reconciler.manifests import read_manifests

    files, problems = manifest_files(settings)
    reading = read_manifests(files)
    desired = _with_pinned_adapters(reading.desired)
    found = [*problems, *reading.diagnostics, *_refused_sources(desired, settings)]
    folders = {
        address: reading.folders[address] / finetune.adapter_path
        for address, finetune in desired.finetunes.items()
        if finetune.adapter_path and (scope is None or scope.includes(finetune))
    }
    # Where there is a mistake already, nothing is going to be sent, and no digest needed.
    finetunes, findings = _inspected(
        desired, reading.folders, folders, settings, digest=not has_errors(found)
    )
    found.extend(findings)
    if has_errors(found):
        raise DiagnosticError(*found)
    return Declared(replace(desired, finetunes=finetunes), folders, tuple(found))


def manifest_files(settings: Settings) -> tuple[tuple[ManifestFile, ...], tuple[Diagnostic, ...]]:
    """Find the manifests; returns the files, and what is wrong with finding them."""
    from reconciler.manifests import discover_manifests, find_manifests

    if settings.manifests:
        return find_manifests(settings.manifests, settings.root)
    return discover_manifests(settings.root)


def root_for(settings: Settings, folder: Path) -> Path:
    """Return what an adapter may not leave: the project, or an outside manifest's folder."""
    root, folder = settings.root.resolve(), folder.resolve()
    return root if folder.is_relative_to(root) else folder


def _with_pinned_adapters(desired: Desired) -> Desired:
    """Take the adapters that live elsewhere for what their pins say."""
    finetunes = {
        address: replace(finetune, adapter=finetune.source.adapter) if finetune.source else finetune
        for address, finetune in desired.finetunes.items()
    }
    return replace(desired, finetunes=finetunes)


def _refused_sources(desired: Desired, settings: Settings) -> Iterator[Diagnostic]:
    """Yield the sources that the project file does not allow."""
    for finetune in desired.finetunes.values():
        if finetune.source is None:
            continue
        refusal = why_not_allowed(finetune.source.address, settings.allowed_sources)
        if refusal:
            yield refusal.at(finetune.range_of("adapter")).about(str(finetune.address))


def _inspected(
    desired: Desired,
    manifest_folders: Mapping[Address, Path],
    folders: Mapping[Address, Path],
    settings: Settings,
    *,
    digest: bool,
) -> tuple[dict[Address, Finetune], list[Diagnostic]]:
    """Inspect and digest the adapters, several at once; hashing leaves the interpreter free."""
    finetunes = dict(desired.finetunes)
    if not folders:
        return finetunes, []
    from reconciler.adapters import inspect

    def look(address: Address) -> tuple[Finetune, list[Diagnostic]]:
        finetune = finetunes[address]
        location = os.path.relpath(folders[address], settings.root)
        inspection = inspect(
            folders[address],
            location=location,
            model=finetune.model,
            limits=settings.limits,
            root=root_for(settings, manifest_folders[address]),
            digest=digest,
        )
        about = [_placed(d, finetune, location) for d in inspection.diagnostics]
        return replace(finetune, adapter=inspection.adapter), about

    findings: list[Diagnostic] = []
    with ThreadPoolExecutor(settings.parallelism) as pool:
        for finetune, found in pool.map(look, folders):
            finetunes[finetune.address] = finetune
            findings.extend(found)
    return finetunes, findings


def _placed(finding: Diagnostic, finetune: Finetune, location: str) -> Diagnostic:
    """Show at the manifest's value what is about the model, or about the folder as a whole."""
    if finding.range is None:
        finding = finding.at(finetune.range_of("model"))
    elif finding.range.filename == location:
        finding = finding.at(finetune.range_of("adapter"))
    return finding.about(str(finetune.address))
