"""What `reconciler apply` does, between a made-up store and a made-up account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler.apply import ApplyOptions, Ledger, Run
from reconciler.cli.approval import Approval
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.model import Action, Address, Desired, Limits, Listing
from reconciler.plan import Plan, Scope, build_plan
from reconciler.refresh import PriorState, refresh
from reconciler.state import Intent, Snapshot, State, StateLock, new_state
from tests.explore.histories.manifest import open_asset
from tests.explore.histories.outside import FakeAccount, FakeStore, Process


@dataclass(slots=True)
class Ended:
    """How a run ended. code: None where it was killed. plan: None where it came to none.

    told: what it said about single finetunes, and what ended it early.
    """

    code: int | None = None
    plan: Plan | None = None
    told: Sequence[Diagnostic] = ()

    @property
    def had_nothing_to_do(self) -> bool:
        return self.code == 0 and self.plan is not None and not self.plan.has_changes


class Command:
    """One run; see reconciler.cli.apply.

    released: takes the ids that it means to forget. on_taken: told of what it takes for the
    result of an earlier run's intent, which may be forgotten in the same save.
    """

    def __init__(
        self,
        process: Process,
        store: FakeStore,
        account: FakeAccount,
        released: set[str],
        on_taken: Callable[[Intent, str], None],
    ) -> None:
        self._process = process
        self._store = store
        self._account = account
        self._released = released
        self._on_taken = on_taken

    def review(self, desired: Desired) -> Plan:
        """Make the plan, as `reconciler plan` does."""
        return self._plan(desired)[2]

    def apply(self, desired: Desired, reviewed: Plan | None, lock: StateLock) -> Ended:
        """Apply it; reviewed: the plan that was approved, None for any."""
        snapshot, prior, plan = self._plan(desired)
        if plan.exit_code:
            return Ended(plan.exit_code, plan)
        Approval(reviewed.digest if reviewed else "", reviewed, automatic=True).check(plan)
        if not plan.has_changes:
            if snapshot.version and snapshot.state != prior.state:
                lock.check()
                following = prior.state.following(prior.state.finetunes, prior.state.pending)
                self._store.save(following, snapshot.version)
            return Ended(0, plan)
        for address in prior.recovered:
            current = prior.state.finetunes[address].current
            self._on_taken(snapshot.state.pending[address], current.id)
        for change in plan.changes:
            if change.action is Action.FORGET:
                record = prior.state.finetunes[change.address]
                self._released |= {generation.id for generation in record.generations}
        ledger = Ledger(prior, snapshot.version, self._store, lock, _rescue)
        options = ApplyOptions(self._process.step.parallelism, 60.0)
        stop = self._process.stop
        listing = prior.listing or Listing()
        run = Run(plan, listing, ledger, self._account, open_asset, options, stop)
        return _end(run, plan)

    def _plan(self, desired: Desired) -> tuple[Snapshot, PriorState, Plan]:
        snapshot = self._store.load() or Snapshot(new_state("account"), "")
        prior = refresh(snapshot.state, self._account.list_finetunes())
        target = self._process.step.target
        scope = Scope((Address(target),) if target else ())
        plan = build_plan(desired, prior, Limits(), scope)
        return snapshot, prior.limited_to(plan.addresses), plan


def _end(run: Run, plan: Plan) -> Ended:
    error: DiagnosticError | None = None
    try:
        for _ in run.events():
            pass
    except DiagnosticError as raised:
        error = raised
    outcome = run.outcome
    told = [*outcome.failed.values(), *outcome.in_doubt.values(), *outcome.remarks]
    if error is None:
        return Ended(outcome.exit_code, plan, told)
    code = max(error.exit_code, 3 if outcome.needs_a_look else 0)
    return Ended(code, plan, [*told, *error.diagnostics])


def _rescue(state: State) -> str:
    return "a rescue file"
