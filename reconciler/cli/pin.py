"""Pins the adapters of the manifests: asks their sources, and writes what they say."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.cli.declared import manifest_files
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.diagnostics.codes import sources as source_codes
from reconciler.manifests import ManifestFile
from reconciler.manifests.pinning import (
    Declaration,
    find_declarations,
    lines_to_paste,
    with_pins,
)
from reconciler.model import AdapterSource, Address
from reconciler.project import why_not_allowed
from reconciler.sources import Bandwidth, Sources, find_pins


def pin(terminal: Terminal, workspace: Workspace, names: tuple[str, ...], *, check: bool) -> int:
    """Write the pins of the named finetunes, of all that have a source where none is named.

    check: write nothing; exit code 1 where a source is not what is pinned.
    """
    declared = _declared(workspace, names)
    if not declared:
        terminal.out("No adapter has a source; there is nothing to pin.")
        return 0
    pins = _ask(workspace, declared)
    stale = [one for one in declared if pins[one.address] != one.source]
    problems = {} if check else _write(stale, pins)
    for one in declared:
        written = not check and one.file not in problems
        verb = "as pinned" if one not in stale else ("pinned" if written else "not as pinned")
        terminal.out(f"{one.address}: {verb} ({one.file.name})")
        if one in stale:
            terminal.out("\n".join(f"  {line}" for line in _lines(pins[one.address])))
    if problems:
        raise DiagnosticError(*problems.values())
    return 1 if check and stale else 0


def _lines(source: AdapterSource) -> list[str]:
    return lines_to_paste(source).splitlines()


def _declared(workspace: Workspace, names: tuple[str, ...]) -> list[Declaration]:
    """Find what is to be pinned; DiagnosticError for every reason not to."""
    files, problems = manifest_files(workspace.settings)
    declared, found = find_declarations(files)
    if problems or found:
        raise DiagnosticError(*problems, *found)
    wanted = {name: Address.parse(name) for name in names}
    known = {one.address for one in declared}
    missing = [name for name, address in wanted.items() if address not in known]
    if missing:
        listed = ", ".join(map(str, sorted(known))) or "none"
        raise DiagnosticError(
            *(
                codes.UNKNOWN_ADDRESS.error(
                    f"{name} is not declared with a source.", hint=f"There are: {listed}."
                )
                for name in missing
            )
        )
    chosen = [one for one in declared if not names or one.address in wanted.values()]
    refused = [
        refusal.about(str(one.address))
        for one in chosen
        if (refusal := why_not_allowed(one.source.address, workspace.settings.allowed_sources))
    ]
    if refused:
        raise DiagnosticError(*refused)
    return chosen


def _ask(workspace: Workspace, declared: list[Declaration]) -> dict[Address, AdapterSource]:
    """Ask the sources, several at once; DiagnosticError with all that went wrong."""
    settings = workspace.settings
    stop = threading.Event()
    bandwidth = Bandwidth(settings.max_bytes_per_second, settings.slowest, stop)

    def ask(one: Declaration) -> AdapterSource | list[Diagnostic]:
        try:
            return find_pins(one.source.address, sources.open, settings.limits, bandwidth, stop)
        except DiagnosticError as error:
            return [finding.about(str(one.address)) for finding in error.diagnostics]

    with (
        Sources(os.environ, stop) as sources,
        ThreadPoolExecutor(settings.parallelism) as pool,
        _stopping(stop),
    ):
        answers = list(pool.map(ask, declared))
    problems = [finding for answer in answers if isinstance(answer, list) for finding in answer]
    if problems:
        raise DiagnosticError(*problems)
    return {
        one.address: answer
        for one, answer in zip(declared, answers, strict=True)
        if isinstance(answer, AdapterSource)
    }


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """Where it ends early, as by a signal, have the threads end, too."""
    try:
        yield
    except BaseException:
        stop.set()
        raise


def _write(
    stale: Iterable[Declaration], pins: dict[Address, AdapterSource]
) -> dict[ManifestFile, Diagnostic]:
    """Write every file once; return those that were not written, and why."""
    by_file: dict[ManifestFile, dict[Address, AdapterSource]] = {}
    for one in stale:
        by_file.setdefault(one.file, {})[one.address] = pins[one.address]
    reasons = {file: _write_one(file, found) for file, found in by_file.items()}
    return {file: _not_written(reason) for file, reason in reasons.items() if reason}


def _write_one(file: ManifestFile, pins: dict[Address, AdapterSource]) -> str:
    """Write one file; return why it was not written, "" where it was."""
    raw = with_pins(file, pins)
    if raw is None or file.name == "<stdin>":
        where = "Standard input" if file.name == "<stdin>" else file.name
        return f"{where} cannot be changed without changing something else."
    path = file.folder / Path(file.name).name
    try:
        # Asking takes a while, and whoever edited the file since then is to keep the edit.
        if path.read_bytes() != file.raw:
            return f"{file.name} was changed while the sources were asked."
        _replace(path, raw)
    except OSError as error:
        return f"{file.name}: {error.strerror}."
    return ""


def _not_written(detail: str) -> Diagnostic:
    return source_codes.PIN_NOT_WRITTEN.error(
        detail, hint="Paste the lines above below its `adapter:`."
    )


def _replace(path: Path, raw: bytes) -> None:
    """Put other bytes into a file, whole or not at all; its mode stays."""
    real = Path(os.path.realpath(path))
    descriptor, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fchmod(descriptor, real.stat().st_mode & 0o7777)
            os.fsync(descriptor)
        Path(name).replace(real)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
