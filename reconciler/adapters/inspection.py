"""Inspects an adapter: every finding at once, without reading the weights into memory."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.base_model import check_model
from reconciler.adapters.config import MAX_CONFIG, LoraConfig, read_config
from reconciler.adapters.files import changed, digest_file, open_regular, real_path
from reconciler.adapters.folder import missing_hint
from reconciler.adapters.lfs import Pointer, looks_like_pointer, read_pointer
from reconciler.adapters.lora import check_tensors, facts
from reconciler.adapters.safetensors import Tensor, read_header
from reconciler.adapters.text import whole_file
from reconciler.diagnostics import Diagnostic, DiagnosticError, has_errors
from reconciler.diagnostics.codes import adapters as codes
from reconciler.model import CONFIG_FILE, WEIGHTS_FILE, Adapter, Asset, Limits


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an inspection found.

    adapter: None where a file is missing or cannot be read. Its digests are "" where none
    were asked for, and where there is an error: then nothing may be uploaded anyway.
    """

    adapter: Adapter | None
    diagnostics: tuple[Diagnostic, ...]


def inspect(
    folder: Path,
    *,
    location: str,
    model: str,
    limits: Limits,
    root: Path | None,
    digest: bool = True,
) -> Inspection:
    """Inspect the adapter in a folder; every finding is returned, none is raised.

    location: the folder as messages call it. model: the base model's id in Cloudflare's
    terms, "" where it is not known. root: what neither the folder nor its files may lead
    out of; None for anywhere. Apart from the digest it reads less than 2 MiB.

    A finding without a range is about `model` itself; all others name their file.
    """
    name = location.rstrip("/") or str(folder)
    findings = check_model(model)
    adapter = None
    try:
        _require_folder(folder, name, root)
        with (
            _AdapterFile(folder, CONFIG_FILE, name, root) as config_file,
            _AdapterFile(folder, WEIGHTS_FILE, name, root) as weights_file,
        ):
            config = _read_config(config_file, model, limits)
            tensors = _read_weights(weights_file, config, model, limits)
            findings += config_file.findings + weights_file.findings
            if config_file.stream and weights_file.stream:
                with_digest = digest and not has_errors(findings)
                assets = (config_file.asset(with_digest), weights_file.asset(with_digest))
                pointers = tuple(
                    file.file_name for file in (config_file, weights_file) if file.pointer
                )
                adapter = Adapter(location, assets, facts(tensors, config), pointers)
    except DiagnosticError as error:
        findings += error.diagnostics
    except OSError as error:
        findings.append(_broken(name, error))
    return Inspection(adapter, tuple(findings))


class _AdapterFile:
    """One of the two files, open where that is possible, with what was found about it."""

    def __init__(self, folder: Path, file_name: str, location: str, root: Path | None) -> None:
        self.name = f"{location}/{file_name}"
        self.findings: list[Diagnostic] = []
        self.file_name = file_name
        self.stream: io.BufferedReader | None = None
        self.pointer: Pointer | None = None
        if not os.path.lexists(folder / file_name):
            self.report(
                codes.MISSING_FILE.error(
                    f"There is no {file_name} in {location}.", hint=missing_hint(folder, file_name)
                )
            )
            return
        try:
            self.stream = open_regular(folder / file_name, self.name, root)
        except DiagnosticError as error:
            self.findings.extend(error.diagnostics)
            return
        try:
            self._status = os.fstat(self.stream.fileno())
            if looks_like_pointer(self.stream, self._status.st_size):
                self._take_pointer(self.stream)
        except OSError:
            self.close()
            raise

    @property
    def size(self) -> int:
        return self.pointer.size if self.pointer else self._status.st_size

    @property
    def content(self) -> io.BufferedReader | None:
        """The open file, None where it cannot be read or is elsewhere."""
        return None if self.pointer else self.stream

    def _take_pointer(self, stream: io.BufferedReader) -> None:
        self.pointer = read_pointer(stream)
        if self.pointer is None:
            self.report(
                codes.DAMAGED_POINTER.error(
                    f"{self.name} begins as a Git LFS pointer and does not go on as one.",
                    hint=f"git checkout -- {self.name}",
                )
            )
            self.close()
            return
        self.report(
            codes.LFS_POINTER.warning(
                f"{self.name} is a Git LFS pointer: planned by its digest, but not inspected.",
                hint=f'git lfs pull --include "{self.name}"',
            )
        )

    def report(self, finding: Diagnostic) -> None:
        """Keep a finding; one without a place is about the file as a whole."""
        self.findings.append(finding if finding.range else finding.at(whole_file(self.name)))

    def asset(self, digest: bool) -> Asset:
        """Digest the open file if asked to; raise DiagnosticError where it changed meanwhile."""
        if self.stream is None:
            raise ValueError(f"{self.name} is not open")
        if self.pointer:
            return Asset(self.file_name, self.pointer.sha256, self.pointer.size)
        sha256 = digest_file(self.stream) if digest else ""
        now = os.fstat(self.stream.fileno())
        if (now.st_size, now.st_mtime_ns) != (self.size, self._status.st_mtime_ns):
            raise changed(self.name, f"{self.name} changed while it was inspected.")
        return Asset(self.file_name, sha256, self.size)

    def __enter__(self) -> _AdapterFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; it counts as unreadable from then on."""
        if self.stream:
            self.stream.close()
            self.stream = None


def _require_folder(folder: Path, name: str, root: Path | None) -> None:
    """Raise DiagnosticError unless it is a folder, inside of root."""
    if not os.path.lexists(folder):
        raise DiagnosticError(
            codes.NO_FOLDER.error(
                f"The folder {name} does not exist.",
                hint="Write the path relative to the manifest's own folder.",
                range=whole_file(name),
            )
        )
    if not real_path(folder, name, root).is_dir():
        raise DiagnosticError(
            codes.NO_FOLDER.error(
                f"{name} is not a folder.",
                hint=f"Name the folder that holds {CONFIG_FILE} and {WEIGHTS_FILE}.",
                range=whole_file(name),
            )
        )


def _read_config(file: _AdapterFile, model: str, limits: Limits) -> LoraConfig | None:
    if not file.content:
        return None
    config, findings = read_config(file.content.read(MAX_CONFIG + 1), file.name, model, limits)
    file.findings.extend(findings)
    return config


def _read_weights(
    file: _AdapterFile, config: LoraConfig | None, model: str, limits: Limits
) -> tuple[Tensor, ...]:
    if not file.stream:
        return ()
    if file.size >= limits.max_adapter_bytes:
        file.report(
            codes.TOO_LARGE.error(
                f"{file.name} has {file.size:,} bytes; Workers AI takes less than "
                f"{limits.max_adapter_bytes:,}.",
                hint="Save it in half precision (model.to(torch.bfloat16)), or train with a "
                "lower rank or fewer modules.",
            )
        )
    if not file.content:
        return ()
    tensors, findings = read_header(file.content, file.size)
    for finding in (*findings, *(check_tensors(tensors, config, model) if tensors else ())):
        file.report(finding)
    return tensors


def _broken(name: str, error: OSError) -> Diagnostic:
    return codes.UNREADABLE_FILE.error(
        f"Reading the files in {name} failed: {error.strerror}.",
        hint="Check the disk, or copy the files again.",
        range=whole_file(name),
    )
