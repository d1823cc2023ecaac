"""`reconciler output`."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

import click

from reconciler.cli.options import state_options
from reconciler.cli.scope import parse_addresses
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.model import Address
from reconciler.model.codec import encode_verification
from reconciler.render.text import safe
from reconciler.render.verification import outcome_text
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

    And whether they answered when they were last asked: `reconciler verify`.

    \b
    Examples:
      reconciler output --format json
      eval "$(reconciler output --format env)"; echo "$FINETUNE_SUPPORT_BOT_ID"
    """
    workspace = Workspace(terminal, state=state, sandbox=sandbox)
    recorded = workspace.recorded_state()
    chosen = _chosen(recorded.finetunes, addresses)
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
        width = max((len(a.name) for a in chosen), default=0)
        for address, record in chosen.items():
            current = record.current
            told = f"  {outcome_text(current.verification)}" if current.verification else ""
            name = safe(current.attributes.name)
            terminal.out(f"{address.name:<{width}}  {current.id}  {name}{told}")
    return 0


def _entry(record: FinetuneRecord) -> dict[str, Any]:
    current = record.current
    return {
        "id": current.id,
        "name": current.attributes.name,
        "model": current.attributes.model,
        "verification": current.verification and encode_verification(current.verification),
    }


def _chosen(
    finetunes: Mapping[Address, FinetuneRecord], addresses: tuple[str, ...]
) -> dict[Address, FinetuneRecord]:
    wanted = parse_addresses(addresses) or tuple(sorted(finetunes))
    missing = [address for address in wanted if address not in finetunes]
    if missing:
        raise DiagnosticError(
            *(
                codes.UNKNOWN_ADDRESS.error(
                    f"{address} is not recorded.", hint="`reconciler state list` shows what is."
                )
                for address in missing
            )
        )
    return {address: finetunes[address] for address in wanted}
