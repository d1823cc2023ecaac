"""The files of the adapters that a plan sends: those in folders, and those that are fetched
from elsewhere before anything is created.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from reconciler.adapters import AssetFile, open_asset, open_asset_file
from reconciler.apply.crew import Crew, Emit, Finished
from reconciler.apply.events import Event, FetchDone, FetchProgress, FetchStarted, Remark
from reconciler.cli.declared import Declared, root_for
from reconciler.cli.files import make_private_folder
from reconciler.cli.internal import internal_error
from reconciler.cli.workspace import Workspace
from reconciler.cloudflare import AssetBody
from reconciler.diagnostics import Diagnostic, DiagnosticError, has_errors
from reconciler.model import Adapter, AdapterSource, Address, Asset, Change
from reconciler.plan import Plan
from reconciler.project.settings import DEFAULT_CACHE
from reconciler.sources import (
    Bandwidth,
    Cache,
    CachedFile,
    Fetcher,
    Source,
    Sources,
    StoppedError,
    inspect_fetched,
)


@dataclass(frozen=True, slots=True)
class _Fetched:
    """What became of one adapter. adapter: None where it may not be used."""

    address: Address
    adapter: Adapter | None = None
    found: tuple[Diagnostic, ...] = ()
    files: dict[str, CachedFile] = field(default_factory=dict)


class FetchedFiles:
    """Fetches and opens the files of one apply; what was fetched stays until it is closed."""

    def __init__(self, workspace: Workspace, declared: Declared, stop: threading.Event) -> None:
        self._workspace = workspace
        self._declared = declared
        self._stop = stop
        self._cache = workspace.settings.root / workspace.settings.cache
        settings = workspace.settings
        self._bandwidth = Bandwidth(settings.max_bytes_per_second, settings.slowest, stop)
        self._fetched: dict[Address, _Fetched] = {}
        self._stack = ExitStack()

    def __enter__(self) -> FetchedFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fetch(self, plan: Plan) -> Iterator[Event]:
        """Bring into the cache what the plan sends and no folder has, and inspect it.

        Raises DiagnosticError with all that is wrong, StoppedError where the run is to end.
        """
        wanted = [
            (change, source)
            for change in plan.effective
            if change.uploads and (source := self._source_of(change.address))
        ]
        if not wanted:
            return
        crew: Crew[_Fetched] = Crew(self._workspace.settings.parallelism)
        try:
            fetcher, sources = self._open_fetcher()
            for change, source in wanted:
                crew.submit(partial(self._fetch_one, fetcher, sources, change, source))
            for item in crew.drain():
                if isinstance(item, Finished):
                    self._fetched[item.result.address] = item.result
                else:
                    yield item
        finally:
            crew.dismiss()
        yield from self._judge()

    @property
    def fetched_any(self) -> bool:
        """Whether a source was asked for anything."""
        return bool(self._fetched)

    def _open_fetcher(self) -> tuple[Fetcher, Sources]:
        settings = self._workspace.settings
        if settings.cache == DEFAULT_CACHE:
            make_private_folder(self._cache.parent)
        cache = Cache(self._cache, settings.max_cache_bytes)
        fetcher = Fetcher(cache, settings.limits, self._bandwidth, self._stop)
        sources = Sources(os.environ, self._stop)
        return self._stack.enter_context(fetcher), self._stack.enter_context(sources)

    def _source_of(self, address: Address) -> AdapterSource | None:
        finetune = self._declared.desired.finetunes.get(address)
        return finetune.source if finetune else None

    def _judge(self) -> Iterator[Event]:
        found = [finding for fetched in self._fetched.values() for finding in fetched.found]
        if has_errors(found):
            raise DiagnosticError(*found)
        if self._stop.is_set():
            raise StoppedError
        for finding in found:
            yield Remark(finding)

    def _fetch_one(
        self, fetcher: Fetcher, sources: Sources, change: Change, source: AdapterSource, emit: Emit
    ) -> _Fetched:
        """Fetch and inspect one adapter; whatever goes wrong is a finding about it."""
        address = change.address
        finetune = self._declared.desired.finetunes[address]
        where = finetune.range_of("adapter")
        try:
            opened = sources.open(source.address)
            files = {
                name: _Download(address, name, emit).run(fetcher, opened, sha256)
                for name, sha256 in source.sha256.items()
            }
            inspection = inspect_fetched(
                files,
                location=str(source.address),
                model=finetune.model,
                limits=self._workspace.settings.limits,
            )
        except StoppedError:
            return _Fetched(address)
        except DiagnosticError as error:
            found = tuple(d.at(d.range or where) for d in error.diagnostics)
            return _Fetched(address, None, tuple(d.about(str(address)) for d in found))
        except Exception as error:
            # The thread owes an answer, whatever a library stumbles over.
            logging.getLogger("reconciler").debug("internal error", exc_info=True)
            found = (internal_error(error, str(source.address)).about(str(address)),)
            return _Fetched(address, None, found)
        model = finetune.range_of("model")
        found = tuple(
            (d if d.range else d.at(model)).about(str(address)) for d in inspection.diagnostics
        )
        return _Fetched(address, inspection.adapter, found, files)

    def with_sizes(self, plan: Plan) -> Plan:
        """Return the very plan, with what is known of the fetched files by now."""
        changes = tuple(
            replace(change, assets=adapter.assets, facts=adapter.facts)
            if (fetched := self._fetched.get(change.address)) and (adapter := fetched.adapter)
            else change
            for change in plan.changes
        )
        return replace(plan, changes=changes)

    def open(self, address: Address, asset: Asset) -> _Paced:
        """Open a file to send it; see AdapterFiles of reconciler.apply."""
        fetched = self._fetched.get(address)
        if fetched:
            path = fetched.files[asset.file_name].path
            file = open_asset_file(path, asset, self._cache)
        else:
            folder = self._declared.folders[address]
            file = open_asset(folder, asset, root_for(self._workspace.settings, folder.parent))
        return _Paced(file, self._bandwidth)


class _Download:
    """Tells of one file while it is fetched."""

    def __init__(self, address: Address, file_name: str, emit: Emit) -> None:
        self._address = address
        self._file_name = file_name
        self._emit = emit
        self._started = False

    def run(self, fetcher: Fetcher, source: Source, sha256: str) -> CachedFile:
        """Fetch it."""
        began = time.monotonic()
        file = fetcher.fetch(source, self._file_name, sha256, self._progress)
        seconds = time.monotonic() - began
        done = FetchDone(self._address, self._file_name, file.size, seconds, not self._started)
        self._emit(done)
        return file

    def _progress(self, done: int, size: int) -> None:
        if not self._started:
            self._started = True
            self._emit(FetchStarted(self._address, self._file_name, size))
        self._emit(FetchProgress(self._address, self._file_name, done))


class _Paced:
    """A file that is sent within the bandwidth."""

    def __init__(self, file: AssetFile, bandwidth: Bandwidth) -> None:
        self._file = file
        self._bandwidth = bandwidth

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self._file.size

    def read(self, size: int, /) -> bytes:
        """Return further bytes, when it is their turn."""
        data = self._file.read(self._bandwidth.portion(size))
        self._bandwidth.take(len(data))
        return data

    def __enter__(self) -> AssetBody:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
