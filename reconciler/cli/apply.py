"""`reconciler apply`."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import click

from reconciler.apply import ApplyOptions
from reconciler.cli.approval import Approval, read_approval
from reconciler.cli.declared import Declared
from reconciler.cli.execution import Execution
from reconciler.cli.interrupts import exit_code_is, orderly_stop
from reconciler.cli.options import (
    DURATION,
    account_options,
    answer_option,
    manifest_option,
    scope_options,
    state_options,
)
from reconciler.cli.plan import tell_new_state
from reconciler.cli.reporter import Reporter, open_reporter
from reconciler.cli.scope import parse_scope
from reconciler.cli.terminal import Terminal, tell_at_once
from reconciler.cli.verify import verify_applied
from reconciler.cli.workspace import Planned, Workspace
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import adapters as adapter_codes
from reconciler.diagnostics.codes import project as codes
from reconciler.plan import Plan, Scope
from reconciler.state import StateLock, StateStore


@click.command("apply")
@click.argument("planfile", required=False)
@manifest_option
@state_options
@account_options
@scope_options
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--plan-digest", metavar="sha256:...", help="Apply just this plan.")
@click.option("--parallelism", type=click.IntRange(1, 64), default=None, help="Calls at once [4].")
@click.option(
    "--settle-timeout",
    type=DURATION,
    default=60.0,
    metavar="SECONDS",
    help="How long to look for a create whose answer was lost [60].",
)
@click.option("--verify", is_flag=True, help="Then ask what has not answered yet for one token.")
@answer_option
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
    plan_digest: str | None,
    parallelism: int | None,
    settle_timeout: float,
    verify: bool,
    answer_timeout: float,
    as_json: bool,
) -> int:
    """Create what is missing in the account and upload its files.

    Makes the plan anew and asks before anything is sent. With a plan file or a
    digest it applies only if the plan is the very one that was reviewed. With
    --verify the end is not "uploaded" but "answered": exit code 1 where one does
    not, see `reconciler verify` for what a question costs.

    \b
    Examples:
      reconciler apply
      reconciler apply plan.json
      reconciler apply --plan-digest sha256:... --verify
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
    reporter = open_reporter(terminal, as_json=as_json)
    try:
        approval = read_approval(workspace, planfile, plan_digest, auto_approve)
        if approval.plan and (targets or selectors):
            detail = "A plan file says itself what is in its scope."
            raise DiagnosticError(codes.INVALID_USAGE.error(detail))
        asked = approval.plan.scope if approval.plan else parse_scope(targets, selectors)
        scope = Scope(asked.targets, asked.selector)
        declared = workspace.declared(scope)
        code = _apply(workspace, declared, scope, approval, settle_timeout, reporter)
        if verify and code == 0:
            return verify_applied(workspace, declared, scope, answer_timeout, as_json=as_json)
        if verify:
            terminal.err("Nothing was verified, because the apply did not complete.")
        return code
    except DiagnosticError as error:
        if as_json:
            _print_lines(terminal, error.diagnostics)
        raise


def _apply(
    workspace: Workspace,
    declared: Declared,
    scope: Scope,
    approval: Approval,
    settle_timeout: float,
    reporter: Reporter,
) -> int:
    store = workspace.store()
    stop = threading.Event()
    terminal = workspace.terminal
    # Nobody is listening any more: an end as in order as after a signal.
    terminal.on_broken = stop.set
    with (
        _worst_exit_code() as ends,
        # The outermost: once something was sent, no signal may break in until the lock and
        # the connections are given back.
        ExitStack() as signals,
        workspace.account(stop) as account,
        workspace.locked(store, "apply") as lock,
    ):
        planned = workspace.plan(declared, store, account, scope)
        tell_new_state(workspace, planned, store)
        reporter.planned(planned.plan)
        if planned.plan.can_apply and not planned.plan.has_changes:
            approval.check(planned.plan)
            _save_refreshed(planned, store, lock)
            reporter.nothing_to_do()
            return 0
        if code := _why_not(planned.plan, declared, approval, workspace):
            return exit_code_is(code)
        if stop.is_set():
            return 130
        signals.enter_context(orderly_stop(stop, tell_at_once))
        options = ApplyOptions(workspace.settings.parallelism, settle_timeout)
        execution = Execution(
            workspace,
            declared,
            scope,
            planned,
            waited=approval.asks,
            store=store,
            lock=lock,
            account=account,
            options=options,
            stop=stop,
        )
        ends.append(execution.run(reporter))
        return ends[-1]


def _why_not(plan: Plan, declared: Declared, approval: Approval, workspace: Workspace) -> int:
    """Return the exit code of a plan that is not to be applied, 0 for one that is."""
    terminal = workspace.terminal
    if not plan.can_apply:
        terminal.err("The plan cannot be applied; nothing was changed.")
        return plan.exit_code
    approval.check(plan)
    _check_files(plan, declared)
    if not approval.is_given(plan, terminal, sandbox=workspace.is_sandbox):
        terminal.err("Not approved; nothing was changed.")
        return 1
    return 0


@contextmanager
def _worst_exit_code() -> Iterator[list[int]]:
    """A lock that could not be given back does not make an unclear end a clear one."""
    ends: list[int] = []
    try:
        yield ends
    except DiagnosticError as error:
        error.exit_code = max([error.exit_code, *ends])
        raise


def _print_lines(terminal: Terminal, problems: Iterable[Diagnostic]) -> None:
    """Say on the machine-readable stream, too, what ended it before it began."""
    from reconciler.render.events_json import JsonLines

    for problem in terminal.advised(problems):
        terminal.out(JsonLines().diagnostic(problem))


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


def _save_refreshed(planned: Planned, store: StateStore, lock: StateLock) -> None:
    """Keep what refresh found out, such as a description that drifted to what is desired."""
    state = planned.prior.state
    before = store.load()
    if before is not None and before.state != state:
        lock.check()
        store.save(state.following(state.finetunes, state.pending), planned.version)
