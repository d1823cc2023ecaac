"""`reconciler apply`."""

from __future__ import annotations

import sys
import threading
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.apply import ApplyOptions, Ledger, Run
from reconciler.cli.interrupts import orderly_stop
from reconciler.cli.options import account_options, manifest_option, scope_options, state_options
from reconciler.cli.reporter import Reporter, open_reporter
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Declared, Planned, Workspace, parse_scope
from reconciler.cloudflare import AccountClient, AssetBody
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import adapters as adapter_codes
from reconciler.diagnostics.codes import plan as plan_codes
from reconciler.diagnostics.codes import project as codes
from reconciler.model import Address, Asset
from reconciler.plan import Plan, Scope, decode_plan
from reconciler.plan.comparison import differences_between
from reconciler.render.text import count
from reconciler.state import State, StateLock, StateStore, encode_state


@dataclass(frozen=True, slots=True)
class Approval:
    """What was said beforehand. digest: of the plan that was reviewed, "" for none."""

    digest: str = ""
    plan: Plan | None = None
    automatic: bool = False

    @property
    def is_given(self) -> bool:
        """Whether nobody has to be asked."""
        return bool(self.digest) or self.automatic


@click.command("apply")
@click.argument("planfile", required=False)
@manifest_option
@state_options
@account_options
@scope_options
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--plan-digest", default="", metavar="sha256:...", help="Apply just this plan.")
@click.option("--parallelism", type=click.IntRange(1, 64), default=None, help="Calls at once [4].")
@click.option(
    "--settle-timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    metavar="SECONDS",
    help="How long to look for a create whose answer was lost [60].",
)
@click.option("--json", "as_json", is_flag=True, help="Print Terraform's machine-readable lines.")
@click.pass_obj
def command(
    terminal: Terminal,
    planfile: str | None,
    manifests: tuple[str, ...],
    state: str,
    sandbox: bool,
    base_url: str | None,
    lock_timeout: float,
    targets: tuple[str, ...],
    selectors: tuple[str, ...],
    auto_approve: bool,
    plan_digest: str,
    parallelism: int | None,
    settle_timeout: float,
    as_json: bool,
) -> int:
    """Create what is missing in the account and upload its files.

    Makes the plan anew and asks before anything is sent. With a plan file or a
    digest it applies only if the plan is the very one that was reviewed.

    \b
    Examples:
      reconciler apply
      reconciler apply plan.json
      reconciler apply --plan-digest sha256:...
      reconciler apply --auto-approve --json
    """
    workspace = Workspace(
        terminal,
        manifests=manifests,
        state=state,
        parallelism=parallelism or 0,
        sandbox=sandbox,
        base_url=base_url,
        lock_timeout=lock_timeout,
    )
    approval = _approval(planfile, plan_digest, auto_approve, workspace)
    scope = approval.plan.scope if approval.plan else parse_scope(targets, selectors)
    if planfile and (targets or selectors):
        raise DiagnosticError(
            codes.INVALID_USAGE.error("A plan file says itself what is in its scope.")
        )
    scope = Scope(scope.targets, scope.selector)
    options = ApplyOptions(workspace.settings.parallelism, settle_timeout)
    reporter = open_reporter(terminal, as_json=as_json)
    declared = workspace.declared(scope)
    store = workspace.store()
    stop = threading.Event()
    with (
        # The outermost: once something was sent, no signal may break in until the lock and
        # the connections are given back.
        ExitStack() as signals,
        workspace.account(stop) as account,
        workspace.locked(store, "apply") as lock,
    ):
        planned = workspace.plan(declared, store, account, scope)
        reporter.planned(planned.plan)
        if planned.plan.exit_code:
            return planned.plan.exit_code
        _check_approval(planned.plan, approval)
        if not planned.plan.has_changes:
            _save_refreshed(planned, store, lock)
            reporter.nothing_to_do()
            return 0
        _check_files(planned.plan, declared)
        if not approval.is_given:
            _ask(terminal, planned.plan)
        signals.enter_context(orderly_stop(stop, terminal.err))
        execution = Execution(workspace, declared, planned, store, lock, account, options, stop)
        return execution.run(reporter)


def _approval(planfile: str | None, digest: str, automatic: bool, workspace: Workspace) -> Approval:
    if planfile is None:
        return Approval(digest, None, automatic)
    try:
        raw = Path(planfile).read_bytes()
    except OSError as error:
        detail = f"Cannot read {planfile}: {error.strerror}."
        raise DiagnosticError(codes.INVALID_USAGE.error(detail)) from error
    plan = decode_plan(raw, planfile)
    if digest and digest != plan.digest:
        raise DiagnosticError(
            plan_codes.PLAN_STALE.error(
                f"{planfile} has the digest {plan.digest}, not the one of --plan-digest."
            )
        )
    account = workspace.settings.require_account()
    if plan.account_id != account:
        raise DiagnosticError(
            plan_codes.PLAN_STALE.error(
                f"{planfile} was made for account {plan.account_id}, not for {account}.",
                hint="Name that account, or plan again for this one.",
            )
        )
    return Approval(plan.digest, plan, automatic)


def _check_approval(plan: Plan, approval: Approval) -> None:
    if not approval.digest or approval.digest == plan.digest:
        return
    if approval.plan is not None:
        moved = "; ".join(differences_between(approval.plan, plan))
        detail = f"What was reviewed is not what would be done now: {moved}."
    else:
        detail = (
            f"The digest of what would be done now is {plan.digest}; "
            f"what was reviewed has {approval.digest[:80]}."
        )
    hint = "Nothing was changed. Plan again, have it reviewed, and apply that one."
    raise DiagnosticError(plan_codes.PLAN_STALE.error(detail, hint=hint))


def _check_files(plan: Plan, declared: Declared) -> None:
    """Refuse before anything is created where a file that is to be sent is not here."""
    missing = [
        (change, name)
        for change in plan.effective
        if change.uploads and (adapter := declared.desired.finetunes[change.address].adapter)
        for name in adapter.pointers
        if name in change.uploads
    ]
    if missing:
        raise DiagnosticError(
            *(
                adapter_codes.LFS_POINTER.error(
                    f"{name} has to be uploaded, and only its Git LFS pointer is here. "
                    "Nothing was created.",
                    hint=f'git lfs pull --include "*{name}"',
                    address=str(change.address),
                )
                for change, name in missing
            )
        )


def _ask(terminal: Terminal, plan: Plan) -> None:
    if not sys.stdin.isatty():
        raise DiagnosticError(
            codes.NOT_INTERACTIVE.error(
                "There is no terminal to ask on, and nobody approved the plan beforehand.",
                hint=f"Apply what was reviewed: --plan-digest {plan.digest}, a plan file, or "
                "--auto-approve.",
            )
        )
    style = terminal.err_style
    question = f"Do these {count(len(plan.effective), 'change')}? Only 'yes' is a yes: "
    sys.stderr.write(f"\n{style.paint(question, 'bold')}")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        terminal.err("Not approved; nothing was sent.")
        raise click.Abort


def _save_refreshed(planned: Planned, store: StateStore, lock: StateLock) -> None:
    """Keep what refresh found out, such as a description that drifted to what is desired."""
    state = planned.prior.state
    before = store.load()
    if before is not None and before.state != state:
        lock.check()
        store.save(state.following(state.finetunes, state.pending), planned.version)


@dataclass(frozen=True, slots=True)
class Execution:
    """An approved plan and all that it takes to apply it."""

    workspace: Workspace
    declared: Declared
    planned: Planned
    store: StateStore
    lock: StateLock
    account: AccountClient
    options: ApplyOptions
    stop: threading.Event

    def run(self, reporter: Reporter) -> int:
        """Apply it; returns the exit code."""
        prior, terminal = self.planned.prior, self.workspace.terminal
        if prior.listing is None:
            raise ValueError("apply needs a listing")
        ledger = Ledger(prior, self.planned.version, self.store, self.lock, self._rescue)
        run = Run(
            self.planned.plan,
            prior.listing,
            ledger,
            self.account,
            self._open_asset,
            self.options,
            self.stop,
        )
        terminal.on_broken_pipe = self.stop.set
        problem: DiagnosticError | None = None
        with reporter:
            try:
                for event in run.events():
                    reporter.event(event)
            except DiagnosticError as error:
                problem = error
        reporter.finished(run.outcome, problem.diagnostics if problem else ())
        if problem:
            return max(problem.exit_code, run.outcome.exit_code if run.outcome.in_doubt else 0)
        return run.outcome.exit_code

    def _open_asset(self, address: Address, asset: Asset) -> AbstractContextManager[AssetBody]:
        from reconciler.adapters import open_asset

        folder = self.declared.folders[address]
        return open_asset(folder, asset, self.workspace.root_for(folder.parent))

    def _rescue(self, state: State) -> str:
        """Write a state that could not be saved into the working folder."""
        path = self.workspace.settings.root / f"reconciler.state.rescue.{state.serial}.json"
        try:
            path.touch(mode=0o600)
            path.write_bytes(encode_state(state))
        except OSError:
            return ""
        return path.name
