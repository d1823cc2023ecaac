"""`reconciler show`."""

from __future__ import annotations

import click

from reconciler.cli.approval import read_plan_file
from reconciler.cli.options import state_options
from reconciler.cli.plan import FORMATS, show_plan
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.render.state_human import render_state
from reconciler.render.state_json import state_document

STATE_FORMATS = ("human", "json")


@click.command("show")
@click.argument("planfile", required=False)
@state_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="human",
    help="How to show it; a state is shown as human or json.",
)
@click.pass_obj
def command(
    terminal: Terminal, planfile: str | None, state: str, sandbox: bool, format_: str
) -> int:
    """Show a plan file, or without one the state.

    \b
    Examples:
      reconciler show plan.json
      reconciler show plan.json --format html > plan.html
      reconciler show --format json
    """
    if planfile is not None:
        plan = read_plan_file(planfile)
        show_plan(terminal, plan, format_)
        return plan.exit_code
    if format_ not in STATE_FORMATS:
        raise DiagnosticError(
            codes.INVALID_USAGE.error(
                f"A state has no format {format_}; a plan has.",
                hint=f"Name a plan file, or choose {' or '.join(STATE_FORMATS)}.",
            )
        )
    workspace = Workspace(terminal, state=state, sandbox=sandbox)
    recorded = workspace.recorded_state()
    if format_ == "json":
        terminal.out(state_document(recorded))
    else:
        terminal.out(render_state(recorded, terminal.out_style))
    return 0
