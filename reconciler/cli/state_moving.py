"""`reconciler state pull|push|migrate|unlock`: whole states, and the locks on them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reconciler.cli.options import lock_option, state_options
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as project_codes
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable
from reconciler.state import Snapshot, State, StateLock, StateStore, decode_state, encode_state
from reconciler.state.succession import check_succession
from reconciler.stores import open_store
from reconciler.stores.local import LocalStore


@click.command("pull")
@state_options
@click.pass_obj
def pull(terminal: Terminal, state: str, sandbox: bool) -> int:
    """Write the state to standard output, as it is stored.

    \b
    Example:
      reconciler state pull > copy.json
    """
    workspace = Workspace(terminal, state=state, sandbox=sandbox)
    terminal.out(encode_state(workspace.recorded_state()).decode().removesuffix("\n"))
    return 0


@click.command("push")
@click.argument("file")
@state_options
@lock_option
@click.pass_obj
def push(terminal: Terminal, file: str, state: str, sandbox: bool, lock_timeout: float) -> int:
    """Store a state from a file, or from standard input (-).

    Refused where the stored one is newer, or of another lineage or account.

    \b
    Example:
      reconciler state push copy.json
    """
    workspace = Workspace(terminal, state=state, sandbox=sandbox, lock_timeout=lock_timeout)
    pushed = decode_state(_read(file), file)
    account = workspace.settings.account_id
    if account and pushed.account_id != account:
        raise DiagnosticError(
            codes.STATE_OTHER_ACCOUNT.error(
                f"{printable(file)} is of account {printable(pushed.account_id)}, not {account}.",
                hint="Push the state of this account, or name the other account.",
            )
        )
    store = workspace.store()
    with workspace.locked(store, "state push") as lock:
        _put(pushed, store, lock)
    terminal.out(f"{store.location} has serial {pushed.serial} now.")
    return 0


@click.command("migrate")
@click.option("--to", "target", required=True, metavar="PATH|URL", help="Where to copy it.")
@state_options
@lock_option
@click.pass_obj
def migrate(terminal: Terminal, target: str, state: str, sandbox: bool, lock_timeout: float) -> int:
    """Copy the state to another place, and check the copy.

    Both places are locked. Lineage and serial stay, so that the way back is the
    same command. The old copy stays where it is; nothing uses it any more once
    reconciler.yaml names the new place.

    \b
    Examples:
      reconciler state migrate --to s3://acme-state/prod/reconciler.state.json
      reconciler state migrate --state s3://... --to reconciler.state.json
    """
    workspace = Workspace(terminal, state=state, sandbox=sandbox, lock_timeout=lock_timeout)
    source = workspace.store()
    destination = open_store(target, workspace.settings.root)
    if source.location == destination.location:
        raise DiagnosticError(
            project_codes.INVALID_USAGE.error(
                f"The state is in {source.location} already.", hint="Give another place with --to."
            )
        )
    with (
        workspace.locked(source, "state migrate") as lock,
        workspace.locked(destination, "state migrate") as other_lock,
    ):
        snapshot = workspace.recorded(source)
        _put(snapshot.state, destination, other_lock)
        lock.check()
        _check_copy(snapshot, destination)
    terminal.out(f"Copied serial {snapshot.state.serial} to {destination.location}.")
    terminal.err(f"Now name it in reconciler.yaml: state: {destination.location}")
    terminal.err(f"Then remove {source.location}, so that nobody applies with the old copy.")
    return 0


@click.command("unlock")
@click.option("--force", "lock_id", metavar="ID", help="Free this lock; its holder is gone.")
@state_options
@click.pass_obj
def unlock(terminal: Terminal, lock_id: str | None, state: str, sandbox: bool) -> int:
    """Show who holds the lock of the state; with --force ID, free it.

    Make sure first that the holder is gone for good. Should it live on, it stops
    before its next create, and cannot overwrite what others save.

    \b
    Examples:
      reconciler state unlock
      reconciler state unlock --force 35b17259-4c9d-1289-ca10-29cf0ba1a136
    """
    store = Workspace(terminal, state=state, sandbox=sandbox).store()
    if lock_id:
        store.break_lock(lock_id)
        terminal.out(f"{store.location} is free.")
        return 0
    holder = store.holder()
    if holder is None:
        terminal.out(f"{store.location} is not locked.")
        return 0
    shown = printable(holder.id, 100)
    terminal.out(f"{store.location} is held by {printable(str(holder))}, lock {shown}.")
    if isinstance(store, LocalStore):
        terminal.err("The lock of a file goes with the process that holds it: end that one.")
    else:
        terminal.err("If the holder is gone for good:")
        terminal.err(f"  reconciler state unlock --force {shown}")
    return 0


COMMANDS = (pull, push, migrate, unlock)


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        detail = f"Cannot read {printable(file)}: {error.strerror}."
        raise DiagnosticError(project_codes.INVALID_USAGE.error(detail)) from error


def _put(state: State, store: StateStore, lock: StateLock) -> None:
    """Store a state where there is none, or an earlier one of the same project."""
    stored = store.load()
    if stored is not None:
        problem = check_succession(state, stored.state, store.location)
        if problem is not None:
            raise DiagnosticError(problem)
        if stored.state == state:
            return
    lock.check()
    store.save(state, stored.version if stored else "")


def _check_copy(snapshot: Snapshot, destination: StateStore) -> None:
    copy = destination.load()
    if copy is None or copy.state != snapshot.state:
        raise DiagnosticError(
            codes.STATE_NOT_SAVED.error(
                f"What {destination.location} gives back is not what was written to it.",
                hint="Keep the state where it is, and look into that place.",
            )
        )
