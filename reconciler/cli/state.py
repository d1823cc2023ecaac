"""`reconciler state`: what is recorded, and what a person may do to the record."""

from __future__ import annotations

import json

import click

from reconciler.cli import state_editing, state_moving
from reconciler.cli.options import state_options
from reconciler.cli.scope import parse_address
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.render.state_human import render_record
from reconciler.render.state_json import record_document


@click.group("state")
def command() -> None:
    """Look into the state, edit it, and move it to another place."""


for _subcommand in (*state_editing.COMMANDS, *state_moving.COMMANDS):
    command.add_command(_subcommand)


@command.command("list")
@state_options
@click.pass_obj
def list_(terminal: Terminal, state: str, sandbox: bool) -> int:
    """List the recorded addresses, one a line.

    \b
    Example:
      reconciler state list
    """
    recorded = Workspace(terminal, state=state, sandbox=sandbox).recorded_state()
    for address in sorted({*recorded.finetunes, *recorded.pending}):
        unresolved = "  (unresolved create)" if address in recorded.pending else ""
        terminal.out(f"{address}{unresolved}")
    return 0


@command.command("show")
@click.argument("address")
@state_options
@click.option("--format", "format_", type=click.Choice(["human", "json"]), default="human")
@click.pass_obj
def show(terminal: Terminal, address: str, state: str, sandbox: bool, format_: str) -> int:
    """Show what is recorded of one finetune.

    \b
    Example:
      reconciler state show support-bot
    """
    recorded = Workspace(terminal, state=state, sandbox=sandbox).recorded_state()
    wanted = parse_address(address)
    record, intent = recorded.finetunes.get(wanted), recorded.pending.get(wanted)
    if record is None and intent is None:
        raise DiagnosticError(
            codes.UNKNOWN_ADDRESS.error(
                f"{wanted} is not recorded.", hint="`reconciler state list` shows what is."
            )
        )
    if format_ == "json":
        terminal.out(json.dumps(record_document(wanted, record, intent), indent=2))
    else:
        terminal.out(render_record(wanted, record, intent, terminal.out_style))
    return 0
