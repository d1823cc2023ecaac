"""`reconciler output`."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import click

from reconciler.cli.options import state_options
from reconciler.cli.scope import choose_recorded
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.model.codec import encode_verification
from reconciler.render.names import missing_files, render_names
from reconciler.state import FinetuneRecord


@click.command("output")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@state_options
@click.option("--format", "format_", type=click.Choice(["human", "json", "env"]), default="human")
@click.pass_obj
def command(
    terminal: Terminal, addresses: tuple[str, ...], state: str, sandbox: bool, format_: str
) -> int:
    """Print the current name and id of finetunes, for what calls them.

    And whether they answered when they were last asked (`reconciler verify`), and which of
    their files the account has not acknowledged.

    \b
    Examples:
      reconciler output --format json
      eval "$(reconciler output --format env)"; echo "$FINETUNE_SUPPORT_BOT_ID"
    """
    workspace = Workspace(terminal, state=state, sandbox=sandbox)
    recorded = workspace.recorded_state()
    chosen = {a: recorded.finetunes[a] for a in choose_recorded(recorded, addresses)}
    if format_ == "json":
        terminal.out(json.dumps({a.name: _entry(r) for a, r in chosen.items()}, indent=2))
    elif format_ == "env":
        for address, record in chosen.items():
            key = re.sub(r"[^A-Za-z0-9]", "_", address.name).upper()
            terminal.out(f"FINETUNE_{key}_ID={shlex.quote(record.current.id)}")
            terminal.out(f"FINETUNE_{key}_NAME={shlex.quote(record.current.attributes.name)}")
            verification = record.current.verification
            outcome = verification.outcome if verification else ""
            terminal.out(f"FINETUNE_{key}_VERIFIED={shlex.quote(outcome)}")
    else:
        if chosen:
            terminal.out(render_names(chosen, terminal.out_style))
    return 0


def _entry(record: FinetuneRecord) -> dict[str, Any]:
    current = record.current
    return {
        "id": current.id,
        "name": current.attributes.name,
        "model": current.attributes.model,
        "missing": list(missing_files(current)),
        "verification": current.verification and encode_verification(current.verification),
    }
