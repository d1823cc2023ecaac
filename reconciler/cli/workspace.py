"""The wiring that commands share: from settings to desired state, store, account and plan."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.files import make_private_folder
from reconciler.cli.identity import lock_info
from reconciler.cli.terminal import Terminal
from reconciler.cloudflare import (
    AccountClient,
    Credentials,
    Network,
    RateLimiter,
    is_loopback,
    resolve_base_url,
)
from reconciler.diagnostics import Diagnostic, DiagnosticError, has_errors
from reconciler.diagnostics.codes import project as codes
from reconciler.diagnostics.codes import state as state_codes
from reconciler.model import Address, Desired, Finetune
from reconciler.plan import Plan, Scope, build_plan
from reconciler.project import Flags, Settings, resolve_settings, why_not_allowed
from reconciler.refresh import PriorState, refresh
from reconciler.state import Snapshot, State, StateLock, StateStore, new_state
from reconciler.stores import open_store

if TYPE_CHECKING:
    from reconciler.manifests import ManifestFile

SANDBOX_FOLDER = ".reconciler"
SANDBOX_STATE = f"{SANDBOX_FOLDER}/sandbox.state.json"


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what it was made from. version: the state's, for compare-and-swap."""

    plan: Plan
    prior: PriorState
    version: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What the manifests say; folders: where each adapter lies, by address."""

    desired: Desired
    folders: dict[Address, Path]
    warnings: tuple[Diagnostic, ...]


class Workspace:
    """One run's settings, and what is opened by them."""

    def __init__(
        self,
        terminal: Terminal,
        *,
        manifests: tuple[str, ...] = (),
        state: str = "",
        parallelism: int = 0,
        sandbox: bool = False,
        base_url: str | None = None,
        lock_timeout: float = 0.0,
    ) -> None:
        flags = Flags(manifests, state, parallelism)
        self.terminal = terminal
        self.settings = resolve_settings(Path.cwd(), os.environ, flags)
        self.is_sandbox = sandbox
        self._base_url = base_url
        self._lock_timeout = lock_timeout
        self._environment = dict(os.environ)
        if sandbox:
            self._use_sandbox(state, base_url)

    def _use_sandbox(self, state: str, base_url: str | None) -> None:
        from reconciler.sandbox import SandboxSettings

        if state or base_url:
            raise DiagnosticError(
                codes.INVALID_USAGE.error(
                    "--sandbox has an account and a state of its own.",
                    hint="Leave --state and --base-url out, or leave --sandbox out.",
                )
            )
        made_up = SandboxSettings()
        self._environment = {"CLOUDFLARE_API_TOKEN": made_up.token}
        self.settings = replace(
            self.settings,
            account_id=made_up.account_id,
            account_range=None,
            state=SANDBOX_STATE,
            state_from_file=False,
        )

    # Desired

    def declared(self, scope: Scope | None = None) -> Declared:
        """Read the manifests and inspect the adapters in scope; DiagnosticError with all errors."""
        from reconciler.manifests import read_manifests

        files, problems = self.manifest_files()
        reading = read_manifests(files)
        found = [*problems, *reading.diagnostics]
        found.extend(self._refused_sources(reading.desired))
        if has_errors(found):
            raise DiagnosticError(*found)
        folders = {
            address: reading.folders[address] / finetune.adapter_path
            for address, finetune in reading.desired.finetunes.items()
            if finetune.adapter_path and (scope is None or scope.includes(finetune))
        }
        desired = _with_pinned_adapters(reading.desired)
        finetunes, findings = self._inspected(desired, reading.folders, folders)
        found.extend(findings)
        if has_errors(found):
            raise DiagnosticError(*found)
        return Declared(replace(reading.desired, finetunes=finetunes), folders, tuple(found))

    def manifest_files(self) -> tuple[tuple[ManifestFile, ...], tuple[Diagnostic, ...]]:
        """Find the manifests; returns the files, and what is wrong with finding them."""
        from reconciler.manifests import discover_manifests, find_manifests

        root = self.settings.root
        if self.settings.manifests:
            return find_manifests(self.settings.manifests, root)
        return discover_manifests(root)

    def _refused_sources(self, desired: Desired) -> Iterator[Diagnostic]:
        """Yield the sources that the project file does not allow."""
        for finetune in desired.finetunes.values():
            if finetune.source is None:
                continue
            refusal = why_not_allowed(finetune.source.address, self.settings.allowed_sources)
            if refusal:
                place = finetune.range_of("adapter")
                yield refusal.at(place).about(str(finetune.address))

    def _inspected(
        self, desired: Desired, manifest_folders: dict[Address, Path], folders: dict[Address, Path]
    ) -> tuple[dict[Address, Finetune], list[Diagnostic]]:
        """Inspect and digest the adapters, several at once; hashing leaves the interpreter free."""
        finetunes = dict(desired.finetunes)
        if not folders:
            return finetunes, []
        from reconciler.adapters import inspect

        def look(address: Address) -> tuple[Finetune, tuple[Diagnostic, ...]]:
            finetune = finetunes[address]
            inspection = inspect(
                folders[address],
                location=os.path.relpath(folders[address], self.settings.root),
                model=finetune.model,
                limits=self.settings.limits,
                root=self.root_for(manifest_folders[address]),
            )
            # A finding without a place is about the model that the manifest names.
            model = finetune.range_of("model")
            about = tuple(
                (d if d.range else d.at(model)).about(str(address)) for d in inspection.diagnostics
            )
            return replace(finetune, adapter=inspection.adapter), about

        findings: list[Diagnostic] = []
        with ThreadPoolExecutor(self.settings.parallelism) as pool:
            for finetune, found in pool.map(look, folders):
                finetunes[finetune.address] = finetune
                findings.extend(found)
        return finetunes, findings

    def root_for(self, folder: Path) -> Path:
        """Return what an adapter may not leave: the project, or an outside manifest's folder."""
        root, folder = self.settings.root.resolve(), folder.resolve()
        return root if folder.is_relative_to(root) else folder

    # State and account

    def store(self) -> StateStore:
        """Open the place of the state."""
        if self.is_sandbox:
            make_private_folder(self.settings.root / SANDBOX_FOLDER)
        settings = self.settings
        return open_store(settings.state, settings.root, from_project_file=settings.state_from_file)

    @contextmanager
    def locked(self, store: StateStore, operation: str) -> Iterator[StateLock]:
        """Hold the lock of the state."""
        info = lock_info(operation, store.location)
        with store.lock(info, self._lock_timeout) as lock:
            yield lock

    def snapshot(self, store: StateStore) -> Snapshot:
        """Load the state of this account, a new one where there is none yet."""
        snapshot = store.load()
        if snapshot is None:
            return Snapshot(new_state(self.settings.require_account()), "")
        recorded = snapshot.state.account_id
        if self.settings.account_id and recorded != self.settings.account_id:
            raise DiagnosticError(
                state_codes.STATE_OTHER_ACCOUNT.error(
                    f"{store.location} is of account {recorded}, not {self.settings.account_id}.",
                    hint="Name the state of this account with --state, or set "
                    f"CLOUDFLARE_ACCOUNT_ID={recorded}.",
                )
            )
        return snapshot

    def recorded_state(self) -> State:
        """Load the state to look into; DiagnosticError (R412) where there is none yet."""
        return self.recorded(self.store()).state

    def recorded(self, store: StateStore) -> Snapshot:
        """Load what a store has; DiagnosticError (R412) where there is none yet."""
        snapshot = store.load()
        if snapshot is None:
            raise DiagnosticError(
                state_codes.NO_STATE.error(
                    f"{store.location} does not exist.",
                    hint=self._where_a_state_is(),
                )
            )
        return snapshot

    def _where_a_state_is(self) -> str:
        if not self.is_sandbox and (self.settings.root / SANDBOX_STATE).exists():
            return "The emulated account has one: add --sandbox."
        return "It begins with the first `reconciler apply`."

    @contextmanager
    def account(self, stop: threading.Event) -> Iterator[AccountClient]:
        """Open the account, the emulated one with --sandbox."""
        account_id = self.settings.require_account()
        with ExitStack() as stack:
            if self.is_sandbox:
                base_url = stack.enter_context(self._served_sandbox())
            else:
                base_url = resolve_base_url(self._environment, self._base_url)
            credentials = Credentials.from_environment(self._environment)
            loopback = is_loopback(base_url)
            limit = self.settings.limits.requests_per_5_minutes
            client = AccountClient(
                account_id,
                credentials,
                base_url,
                limiter=None if loopback else RateLimiter(limit),
                network=Network.from_environment(self._environment, base_url),
                stop=stop,
            )
            yield stack.enter_context(client)

    @contextmanager
    def _served_sandbox(self) -> Iterator[str]:
        from reconciler.sandbox import Sandbox, SandboxError

        folder = make_private_folder(self.settings.root / SANDBOX_FOLDER)
        try:
            sandbox = Sandbox(folder / "sandbox")
            sandbox.start()
        except SandboxError as error:
            raise DiagnosticError(
                codes.SANDBOX_FAILED.error(str(error), hint=error.hint)
            ) from error
        try:
            yield sandbox.base_url
        finally:
            sandbox.stop()

    # Plan

    def plan(
        self,
        declared: Declared,
        store: StateStore,
        account: AccountClient | None,
        scope: Scope,
    ) -> Planned:
        """Load, list and plan; account None compares with the state alone."""
        snapshot = self.snapshot(store)
        check_scope(scope, declared.desired, snapshot)
        listing = account.list_finetunes() if account else None
        prior = refresh(snapshot.state, listing)
        plan = build_plan(declared.desired, prior, self.settings.limits, scope)
        problems = (*declared.warnings, *plan.problems)
        return Planned(replace(plan, problems=problems), prior, snapshot.version)


def _with_pinned_adapters(desired: Desired) -> Desired:
    """Take the adapters that live elsewhere for what their pins say."""
    finetunes = {
        address: replace(finetune, adapter=finetune.source.adapter) if finetune.source else finetune
        for address, finetune in desired.finetunes.items()
    }
    return replace(desired, finetunes=finetunes)


def check_scope(scope: Scope, desired: Desired, snapshot: Snapshot) -> None:
    """Refuse a scope that nobody is in; it would plan nothing and look like success."""
    known = {*desired.finetunes, *snapshot.state.finetunes, *snapshot.state.pending}
    unknown = [target for target in scope.targets if target not in known]
    if unknown:
        raise DiagnosticError(
            *(
                codes.UNKNOWN_ADDRESS.error(
                    f"{target} is neither declared nor recorded.",
                    hint=f"There are: {', '.join(map(str, sorted(known)[:10])) or 'none'}.",
                )
                for target in unknown
            )
        )
    if scope.selector and not any(map(scope.includes, desired.finetunes.values())):
        wanted = ", ".join(f"{key}={value}" for key, value in scope.selector.items())
        raise DiagnosticError(
            codes.UNKNOWN_ADDRESS.error(
                f"No declared finetune {'in scope ' if scope.targets else ''}has {wanted}.",
                hint="Check the `labels` in the manifests.",
            )
        )


def parse_scope(
    targets: tuple[str, ...], selectors: tuple[str, ...], *, refreshed: bool = True
) -> Scope:
    """Read --target and --selector; DiagnosticError where they are malformed."""
    addresses = []
    for text in targets:
        address = Address.parse(text)
        if address is None:
            raise DiagnosticError(
                codes.INVALID_USAGE.error(
                    f"--target {text}: not an address.", hint="Write finetune.NAME or NAME."
                )
            )
        addresses.append(address)
    labels = {}
    for text in selectors:
        for part in text.split(","):
            key, separator, value = part.partition("=")
            if not separator or not key:
                raise DiagnosticError(
                    codes.INVALID_USAGE.error(
                        f"--selector {part}: not LABEL=VALUE.", hint="Write team=support."
                    )
                )
            labels[key] = value
    return Scope(tuple(sorted(set(addresses))), labels, refreshed)


__all__ = [
    "Declared",
    "Planned",
    "Settings",
    "Workspace",
    "parse_scope",
]
