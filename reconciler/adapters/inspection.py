"""Inspects an adapter: every finding at once, without reading the weights into memory."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

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
    try:
        _require_folder(folder, name, root)
        with (
            _FolderFile(folder, CONFIG_FILE, name, root) as config_file,
            _FolderFile(folder, WEIGHTS_FILE, name, root) as weights_file,
        ):
            return inspect_files(
                config_file,
                weights_file,
                location=location,
                model=model,
                limits=limits,
                digest=digest,
            )
    except DiagnosticError as error:
        return Inspection(None, (*check_model(model), *error.diagnostics))
    except OSError as error:
        return Inspection(None, (*check_model(model), _broken(name, error)))


def inspect_files(
    config_file: AdapterFile,
    weights_file: AdapterFile,
    *,
    location: str,
    model: str,
    limits: Limits,
    digest: bool = True,
) -> Inspection:
    """Inspect an adapter whose two files are open, wherever they lie; see `inspect`.

    Raises what reading them raises.
    """
    config = _read_config(config_file, model, limits)
    tensors = _read_weights(weights_file, config, model, limits)
    findings = [*check_model(model), *config_file.findings, *weights_file.findings]
    adapter = None
    if config_file.stream and weights_file.stream:
        with_digest = digest and not has_errors(findings)
        assets = (config_file.asset(with_digest), weights_file.asset(with_digest))
        pointers = tuple(file.file_name for file in (config_file, weights_file) if file.pointer)
        adapter = Adapter(location, assets, facts(tensors, config), pointers)
    return Inspection(adapter, tuple(findings))


class AdapterFile:
    """One of an adapter's two files, open, with what was found about it.

    name: as messages call it. stream: None where it cannot be read. size in bytes.
    sha256: what is known of it beforehand, "" for nothing.
    """

    pointer: Pointer | None = None

    def __init__(
        self,
        file_name: str,
        name: str,
        stream: BinaryIO | None = None,
        size: int = 0,
        sha256: str = "",
    ) -> None:
        self.file_name = file_name
        self.name = name
        self.stream = stream
        self.size = size
        self.sha256 = sha256
        self.findings: list[Diagnostic] = []

    @property
    def content(self) -> BinaryIO | None:
        """The open file, None where it cannot be read or is elsewhere."""
        return None if self.pointer else self.stream

    def report(self, finding: Diagnostic) -> None:
        """Keep a finding; one without a place is about the file as a whole."""
        self.findings.append(finding if finding.range else finding.at(whole_file(self.name)))

    def asset(self, digest: bool) -> Asset:
        """Return what it is; digest: with its sha256, computed where it is not known."""
        return Asset(self.file_name, self.sha256 if digest else "", self.size)

    def close(self) -> None:
        """Close it; it counts as unreadable from then on."""
        if self.stream:
            self.stream.close()
            self.stream = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _FolderFile(AdapterFile):
    """A file in a folder; a Git LFS pointer stands for the file that it names."""

    def __init__(self, folder: Path, file_name: str, location: str, root: Path | None) -> None:
        super().__init__(file_name, f"{location}/{file_name}")
        if not os.path.lexists(folder / file_name):
            self.report(
                codes.MISSING_FILE.error(
                    f"There is no {file_name} in {location}.", hint=missing_hint(folder, file_name)
                )
            )
            return
        try:
            file = open_regular(folder / file_name, self.name, root)
        except DiagnosticError as error:
            self.findings.extend(error.diagnostics)
            return
        self.stream = self._file = file
        try:
            self._status = os.fstat(file.fileno())
            self.size = self._status.st_size
            if looks_like_pointer(file, self.size):
                self._take_pointer(file)
        except OSError:
            self.close()
            raise

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
        self.size = self.pointer.size
        self.report(
            codes.LFS_POINTER.warning(
                f"{self.name} is a Git LFS pointer: planned by its digest, but not inspected.",
                hint=f'git lfs pull --include "{self.name}"',
            )
        )

    def asset(self, digest: bool) -> Asset:
        """Digest the open file if asked to; raise DiagnosticError where it changed meanwhile."""
        if self.pointer:
            return Asset(self.file_name, self.pointer.sha256, self.pointer.size)
        sha256 = digest_file(self._file) if digest else ""
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self.size, self._status.st_mtime_ns):
            raise changed(self.name, f"{self.name} changed while it was inspected.")
        return Asset(self.file_name, sha256, self.size)


def _require_folder(folder: Path, name: str, root: Path | None) -> None:
    """Raise DiagnosticError unless it is a folder, inside of root."""
    if not os.path.lexists(folder):
        raise DiagnosticError(
            codes.NO_FOLDER.error(
                f"The folder {name} does not exist.",
                hint="Check the path; in a manifest it starts from the manifest's own folder.",
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


def _read_config(file: AdapterFile, model: str, limits: Limits) -> LoraConfig | None:
    if not file.content:
        return None
    config, findings = read_config(file.content.read(MAX_CONFIG + 1), file.name, model, limits)
    file.findings.extend(findings)
    return config


def _read_weights(
    file: AdapterFile, config: LoraConfig | None, model: str, limits: Limits
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
