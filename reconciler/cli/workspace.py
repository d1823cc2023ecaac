"""The wiring that commands share: from settings to desired state, store, account and plan."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from shlex import quote

from reconciler.cli.declared import Declared, declare
from reconciler.cli.files import SANDBOX_FOLDER, SANDBOX_STATE, current_folder, make_private_folder
from reconciler.cli.identity import lock_info
from reconciler.cli.scope import check_scope
from reconciler.cli.terminal import Terminal
from reconciler.cloudflare import (
    AccountClient,
    Credentials,
    Network,
    RateLimiter,
    Timeouts,
    is_loopback,
    resolve_base_url,
)
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.diagnostics.codes import state as state_codes
from reconciler.diagnostics.text import printable
from reconciler.plan import Plan, Scope, build_plan
from reconciler.project import Flags, resolve_settings
from reconciler.project.settings import DEFAULT_STATE
from reconciler.refresh import PriorState, refresh
from reconciler.state import Snapshot, State, StateLock, StateStore, new_state
from reconciler.stores import open_store


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what it was made from. version: the state's, for compare-and-swap."""

    plan: Plan
    prior: PriorState
    version: str


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
        self.settings = resolve_settings(current_folder(), os.environ, flags)
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

    def declared(self, scope: Scope | None = None) -> Declared:
        """Read the manifests and inspect the adapters in scope; DiagnosticError with all errors."""
        return declare(self.settings, scope)

    # State and account

    def store(self) -> StateStore:
        """Open the place of the state."""
        if self.is_sandbox:
            make_private_folder(self.settings.root / SANDBOX_FOLDER)
        settings = self.settings
        return open_store(settings.state, settings.root, from_project_file=settings.state_from_file)

    @contextmanager
    def locked(self, store: StateStore, operation: str) -> Iterator[StateLock]:
        """Hold the lock of the state; where it is waited for, say once for whom."""
        info, timeout, is_held = lock_info(operation, store.location), 0.0, False
        while not is_held:
            try:
                # No ExitStack: what it keeps of an error would keep the lock, too.
                with store.lock(info, timeout) as lock:
                    is_held = True
                    yield lock
            except DiagnosticError as error:
                held = error.diagnostics[0]
                if is_held or timeout or not self._lock_timeout:
                    raise
                if held.code != state_codes.STATE_LOCKED.id:
                    raise
                self.terminal.say(f"Waiting for the lock: {held.detail}")
                timeout = self._lock_timeout

    def snapshot(self, store: StateStore) -> Snapshot:
        """Load the state of this account, a new one where there is none yet."""
        snapshot = store.load()
        if snapshot is None:
            return Snapshot(new_state(self.settings.require_account()), "")
        self.check_account(snapshot.state, store.location)
        return snapshot

    def recorded_state(self) -> State:
        """Load the state to look into; DiagnosticError (R412) where there is none yet."""
        return self.recorded(self.store()).state

    def recorded(self, store: StateStore) -> Snapshot:
        """Load what a store has; DiagnosticError (R404, R412) where there is none of ours yet."""
        snapshot = store.load()
        if snapshot is None:
            raise DiagnosticError(
                state_codes.NO_STATE.error(
                    f"{store.location} does not exist.",
                    hint=self._where_a_state_is(),
                )
            )
        self.check_account(snapshot.state, store.location)
        return snapshot

    def check_account(self, state: State, location: str) -> None:
        """Raise DiagnosticError (R404) where a state is of another account than the one named."""
        if self.settings.account_id in ("", state.account_id):
            return
        account, recorded = self.settings.require_account(), printable(state.account_id, 40)
        raise DiagnosticError(
            state_codes.STATE_OTHER_ACCOUNT.error(
                f"{location} is of account {recorded}, not {account}.",
                hint="Name the state of this account, or set "
                f"CLOUDFLARE_ACCOUNT_ID={quote(recorded)}",
            )
        )

    def _where_a_state_is(self) -> str:
        begins = "begins with the first `reconciler apply`."
        if self.is_sandbox:
            return f"It {begins}"
        if self.settings.state != DEFAULT_STATE:
            return f"Check the address. If it is right, the state {begins}"
        if (self.settings.root / SANDBOX_STATE).exists():
            return f"It {begins} The emulated account has one, which --sandbox uses."
        return f"It {begins}"

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
                timeouts=Timeouts(slowest=self.settings.slowest),
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
        if account is None and not snapshot.version:
            self.terminal.say(f"There is no state at {store.location}: all is planned as new.")
        check_scope(scope, declared.desired, snapshot.state)
        listing = account.list_finetunes() if account else None
        prior = refresh(snapshot.state, listing)
        plan = build_plan(declared.desired, prior, self.settings.limits, scope)
        problems = (*declared.warnings, *plan.problems)
        plan = replace(plan, problems=problems)
        return Planned(plan, prior.limited_to(plan.addresses), snapshot.version)
