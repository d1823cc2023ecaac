"""`reconciler resolve`: a person's word about a create whose outcome is unknown."""

from __future__ import annotations

import threading

import click

from reconciler.apply.resolution import adopt, retry
from reconciler.cli.options import account_options, state_options
from reconciler.cli.scope import parse_addresses
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import apply as apply_codes
from reconciler.diagnostics.codes import project as codes
from reconciler.model import Address, Listing
from reconciler.state import Intent, State


@click.command("resolve")
@click.argument("address", required=False)
@state_options
@account_options
@click.option("--adopt", "adopt_id", metavar="ID", help="It became this finetune.")
@click.option("--retry", "retry_", is_flag=True, help="It certainly was not created.")
@click.option("--all", "all_", is_flag=True, help="All that are unresolved (with --retry).")
@click.pass_obj
def command(
    terminal: Terminal,
    address: str | None,
    state: str,
    sandbox: bool,
    base_url: str | None,
    lock_timeout: float,
    adopt_id: str | None,
    retry_: bool,
    all_: bool,
) -> int:
    """Say what became of a create whose outcome is unknown.

    Look at the account first: `plan` shows what was sent and what is there. Only
    the state changes; the next apply goes on from there.

    \b
    Examples:
      reconciler resolve support-bot --adopt 8f1c...
      reconciler resolve support-bot --retry
      reconciler resolve --all --retry
    """
    if bool(adopt_id) == retry_ or bool(address) == all_ or (all_ and adopt_id):
        raise DiagnosticError(
            codes.INVALID_USAGE.error(
                "resolve takes ADDRESS --adopt ID, ADDRESS --retry, or --all --retry.",
                hint="reconciler resolve --help shows examples.",
            )
        )
    workspace = Workspace(
        terminal, state=state, sandbox=sandbox, base_url=base_url, lock_timeout=lock_timeout
    )
    store = workspace.store()
    with workspace.locked(store, "resolve") as lock:
        snapshot = workspace.snapshot(store)
        chosen = _chosen(snapshot.state, address)
        with workspace.account(threading.Event()) as account:
            listing = account.list_finetunes()
        if adopt_id:
            following = adopt(snapshot.state, chosen[0], adopt_id, listing)
        else:
            following = retry(snapshot.state, chosen, listing)
        lock.check()
        store.save(following, snapshot.version)
        # Before the lock is let go, which can fail.
        for resolved in chosen:
            became = _became(snapshot.state.pending[resolved], adopt_id, listing)
            terminal.out(terminal.typed(f"{resolved}: resolved, {became}."))
    return 0


def _became(intent: Intent, adopted: str | None, listing: Listing) -> str:
    if adopted:
        return f"is {adopted}"
    if listing.named(intent.attributes.name):
        return "was not created; its name is taken by now, see `reconciler plan`"
    return "will be created by the next apply"


def _chosen(state: State, address: str | None) -> tuple[Address, ...]:
    wanted = parse_addresses((address,)) if address else tuple(sorted(state.pending))
    missing = [item for item in wanted if item not in state.pending]
    if missing or not wanted:
        what = f"{missing[0]} has no unresolved create." if missing else "Nothing is unresolved."
        raise DiagnosticError(
            apply_codes.NO_INTENT.error(what, hint="`reconciler plan` shows what is unresolved.")
        )
    return wanted
