"""`reconciler plan`."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import click

from reconciler.cli.files import SANDBOX_STATE, write_file
from reconciler.cli.options import account_options, manifest_option, scope_options, state_options
from reconciler.cli.repository import working_folder
from reconciler.cli.scope import parse_scope
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Planned, Workspace
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.diagnostics.text import printable
from reconciler.model import Action
from reconciler.plan import Plan, Scope, encode_plan
from reconciler.project.settings import DEFAULT_STATE
from reconciler.render.plan_human import render_drift, render_plan
from reconciler.render.review import HERE, Place
from reconciler.render.style import Style
from reconciler.state import StateStore

FORMATS = ("human", "json", "markdown", "html", "gitlab")
"""Of a plan. `gitlab` is GitLab's `artifacts:reports:terraform`."""

DRIFT_FORMATS = ("human", "json")


@click.command("plan")
@manifest_option
@state_options
@account_options
@scope_options
@click.option("--out", metavar="FILE", help="Write the plan to a file for `apply FILE`.")
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="human", help="How to show it."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where there are changes.")
@click.option("--refresh-only", is_flag=True, help="Show only how the account drifted.")
@click.option("--no-refresh", is_flag=True, help="Do not ask the account; needs no token.")
@click.pass_obj
def command(
    terminal: Terminal,
    manifests: tuple[str, ...],
    state: str,
    sandbox: bool,
    base_url: str | None,
    lock_timeout: float,
    targets: tuple[str, ...],
    selectors: tuple[str, ...],
    out: str | None,
    format_: str,
    detailed_exitcode: bool,
    refresh_only: bool,
    no_refresh: bool,
) -> int:
    """Show what apply would do; changes nothing.

    It holds the lock of the state meanwhile, which somebody's apply may hold: then it is
    refused, or waits with --lock-timeout. --no-refresh takes no lock.

    Exit codes: 0 can be applied, or no changes; 1 cannot; 2 changes (with
    --detailed-exitcode); 3 an earlier create is unresolved.

    \b
    Examples:
      reconciler plan
      reconciler plan --out plan.json --detailed-exitcode
      reconciler plan --no-refresh          # in a fork's pull request
      reconciler plan --format markdown     # for its comment
      reconciler plan --format html > plan.html
      reconciler plan --target support-bot
    """
    if refresh_only and format_ not in DRIFT_FORMATS:
        detail = f"--refresh-only is shown as {' or '.join(DRIFT_FORMATS)}, not as {format_}."
        hint = "Leave --refresh-only out: a whole plan shows the drift, too."
        raise DiagnosticError(codes.INVALID_USAGE.error(detail, hint=hint))
    scope = parse_scope(targets, selectors, refreshed=not no_refresh)
    place = Place(working_folder(), _flags(manifests, state, sandbox))
    account = ""
    try:
        workspace = Workspace(
            terminal,
            manifests=manifests,
            state=state,
            sandbox=sandbox,
            base_url=base_url,
            lock_timeout=lock_timeout,
        )
        account = workspace.settings.account_id
        plan, left = _make_plan(workspace, scope)
    except DiagnosticError as error:
        show_failure(terminal, error, account, format_, place)
        raise
    if refresh_only:
        plan = only_drift(plan)
    if out:
        write_plan(Path(out), plan)
    if refresh_only and format_ == "human":
        terminal.out(render_drift(plan, terminal.out_style))
    else:
        show_plan(terminal, plan, format_, place)
    if left:
        terminal.diagnostics(left.diagnostics)
    if plan.exit_code or left:
        return plan.exit_code or 1
    return 2 if detailed_exitcode and (plan.has_changes or plan.drift) else 0


def _flags(manifests: tuple[str, ...], state: str, sandbox: bool) -> tuple[str, ...]:
    """Return what an apply of the same plan needs; no credential can be in an address (R418)."""
    return (
        *(word for manifest in manifests for word in ("--manifest", manifest)),
        *(("--state", state) if state else ()),
        *(("--sandbox",) if sandbox else ()),
    )


def _make_plan(workspace: Workspace, scope: Scope) -> tuple[Plan, DiagnosticError | None]:
    """Make a plan, under the lock of the state where the account is asked.

    Returns what went wrong after it was made, too: the lock that was left (R425).
    """
    declared = workspace.declared(scope)
    store = workspace.store()
    if not scope.refreshed:
        return workspace.plan(declared, store, None, scope).plan, None
    planned = None
    try:
        with workspace.account(threading.Event()) as account, workspace.locked(store, "plan"):
            planned = workspace.plan(declared, store, account, scope)
            tell_new_state(workspace, planned, store)
    except DiagnosticError as left:
        if planned is None:
            raise
        return planned.plan, left
    return planned.plan, None


def tell_new_state(workspace: Workspace, planned: Planned, store: StateStore) -> None:
    """Say that there is no state yet, where a mistyped or forgotten one would look the same.

    It would not in an account that has nothing, in the place where every project begins.
    """
    listing = planned.prior.listing
    if planned.version or listing is None:
        return
    if listing.finetunes or workspace.settings.state not in (DEFAULT_STATE, SANDBOX_STATE):
        where = printable(store.location)
        workspace.terminal.say(f"There is no state at {where} yet: the first apply begins one.")


def only_drift(plan: Plan) -> Plan:
    """Leave what refresh found, and nothing to do."""
    kept = tuple(change for change in plan.changes if change.action is Action.NO_OP)
    return replace(plan, changes=kept, problems=())


def show_plan(terminal: Terminal, plan: Plan, format_: str, place: Place = HERE) -> None:
    """Write a plan to standard output and its problems to standard error."""
    show_problems(terminal, plan)
    if format_ in ("markdown", "html"):
        plan = replace(plan, problems=terminal.advised(plan.problems))
    terminal.out(rendered(plan, format_, terminal.out_style, place))


def show_problems(terminal: Terminal, plan: Plan) -> None:
    """Write what forbids a plan, or what there is to say about it, to standard error."""
    terminal.diagnostics(plan.problems)
    if plan.problems:
        terminal.err("")


def show_failure(
    terminal: Terminal, error: DiagnosticError, account_id: str, format_: str, place: Place
) -> None:
    """Write why there is no plan, where people look for it: it takes the place of an older one."""
    found = terminal.advised(error.diagnostics)
    if format_ == "markdown":
        from reconciler.render import markdown

        terminal.out(markdown.render_failure(found, account_id, place))
    elif format_ == "html":
        from reconciler.render import html

        terminal.out(html.render_failure(found, account_id, place))


def rendered(plan: Plan, format_: str, style: Style, place: Place) -> str:
    """Render a plan in one of FORMATS."""
    if format_ == "json":
        return encode_plan(plan)
    if format_ == "markdown":
        from reconciler.render.markdown import render_markdown

        return render_markdown(plan, place)
    if format_ == "html":
        from reconciler.render.html import render_html

        return render_html(plan, place)
    if format_ == "gitlab":
        from reconciler.render.gitlab import render_terraform_report

        return render_terraform_report(plan)
    return render_plan(plan, style)


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan file, readable by its owner alone: it names what will exist."""
    write_file(path, f"{encode_plan(plan)}\n", private=True, hint="Check --out.")
