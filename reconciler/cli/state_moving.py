"""`reconciler state pull|push|migrate|unlock`: whole states, and the locks on them."""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote

import click

from reconciler.cli.advice import advised
from reconciler.cli.files import writing
from reconciler.cli.options import lock_option, state_options
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as project_codes
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable
from reconciler.project import STATE_VARIABLE
from reconciler.state import (
    DamagedStateError,
    LockInfo,
    Snapshot,
    State,
    StateLock,
    StateStore,
    decode_state,
    encode_state,
    naming,
)
from reconciler.state.succession import check_succession
from reconciler.stores import open_store
from reconciler.stores.durable import write_new
from reconciler.stores.findings import UNKNOWN_HOLDER
from reconciler.stores.local import LocalStore

_PLAIN = re.compile(r"[A-Za-z](?:[\w./:@-]*\w)?", re.ASCII)
"""What YAML takes as text without quotes, where it also has a dot or a slash."""

_AFTER_DAMAGE = (
    "What was created after that copy is adopted once the account lists it. Where a plan wants to "
    "create it again, wait, and make sure first."
)


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
@click.option("--replace-damaged", is_flag=True, help="Replace a stored state that is damaged.")
@state_options
@lock_option
@click.pass_obj
def push(
    terminal: Terminal,
    file: str,
    replace_damaged: bool,
    state: str,
    sandbox: bool,
    lock_timeout: float,
) -> int:
    """Store a state from a file, or from standard input (-).

    Refused where the stored one is newer, knows more, or is of another lineage or account.

    \b
    Example:
      reconciler state push copy.json
    """
    workspace = Workspace(terminal, state=state, sandbox=sandbox, lock_timeout=lock_timeout)
    pushed = decode_state(_read(file), file)
    workspace.check_account(pushed, printable(file))
    store = workspace.store()
    try:
        with workspace.locked(store, "state push") as lock:
            keep = partial(_keep, workspace.settings.root) if replace_damaged else None
            before = _put(pushed, store, lock, keep)
            # Before the lock is let go, which can fail.
            terminal.out(f"{store.location} has serial {pushed.serial} now{before}.")
            if "damaged" in before:
                terminal.say(_AFTER_DAMAGE)
    except DamagedStateError as error:
        name = "copy.json" if file == "-" else quote(file)
        command = f"reconciler state push {name} --replace-damaged"
        hint = f"To replace it:\n{command}{naming(store.location)}"
        raise DiagnosticError(*(replace(d, hint=hint) for d in error.diagnostics)) from error
    return 0


@click.command("migrate")
@click.option("--to", "target", required=True, metavar="PATH|URL", help="Where to copy it.")
@state_options
@lock_option
@click.pass_obj
def migrate(terminal: Terminal, target: str, state: str, sandbox: bool, lock_timeout: float) -> int:
    """Copy the state to another place, and check the copy.

    Both places are locked. Lineage and serial stay, so that the way back is the
    same command, as long as nothing was forgotten meanwhile. The old copy stays
    where it is; nothing uses it any more once the new place is named as the message
    at the end says.

    \b
    Examples:
      reconciler state migrate --to s3://acme-state/prod/reconciler.state.json
      reconciler state migrate --state s3://... --to reconciler.state.json
    """
    workspace = Workspace(terminal, state=state, sandbox=sandbox, lock_timeout=lock_timeout)
    if sandbox:
        raise DiagnosticError(
            project_codes.INVALID_USAGE.error(
                "The state of the emulated account stays with it.",
                hint="Leave --sandbox out. To try a place without an account, serve the emulated "
                "one, set what it prints, and apply: reconciler sandbox",
            )
        )
    source = workspace.store()
    root, address = workspace.settings.root, workspace.settings.state
    destination = open_store(target, root)
    if _place(source, address, root) == _place(destination, target, root):
        raise DiagnosticError(
            project_codes.INVALID_USAGE.error(
                f"The state is in {source.location} already.", hint="Give another place with --to."
            )
        )
    # In a wrong folder nothing is made, not even a lock.
    workspace.recorded(source)
    with workspace.locked(source, "state migrate") as lock:
        snapshot = workspace.recorded(source)
        with _advice_for(target), workspace.locked(destination, "state migrate") as other_lock:
            before = _put(snapshot.state, destination, other_lock)
            lock.check()
            _check_copy(snapshot, destination)
            # Before the locks are let go, which can fail.
            terminal.out(
                f"Copied serial {snapshot.state.serial} to {destination.location}{before}."
            )
            terminal.err(f"Now name it {_where_to_name(target, root)}")
            terminal.say(
                f"Then remove {source.location}, so that nobody applies with the old copy."
            )
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
    if lock_id is not None:
        if "\\" in lock_id and (holder := store.holder()) and _typed(holder) == lock_id:
            # It was shown so, because it cannot be typed as it is.
            lock_id = holder.id
        store.break_lock(lock_id)
        terminal.out(f"{store.location} is free.")
        return 0
    holder = store.holder()
    if holder is None:
        terminal.out(f"{store.location} is not locked.")
        return 0
    shown = _typed(holder)
    terminal.out(f"{store.location} is held by {printable(str(holder))}, lock {shown}.")
    if isinstance(store, LocalStore):
        terminal.say("The lock of a file goes with the process that holds it: end that one.")
    elif holder.id == UNKNOWN_HOLDER.id and store.location.startswith("http"):
        terminal.err(
            "Its server tells nobody which lock it is, and frees it by its id alone: look for it "
            "there. If the holder is gone for good: reconciler state unlock --force ID"
        )
    else:
        terminal.err("If the holder is gone for good:")
        command = f"  reconciler state unlock --force {quote(shown)}"
        terminal.err(terminal.typed(f"{command}{naming(store.location)}"))
    return 0


COMMANDS = (pull, push, migrate, unlock)


def _read(file: str) -> bytes:
    """Read a copy, of which shells, editors and databases' clients change the line breaks."""
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        detail = f"Cannot read {printable(file)}: {error.strerror}."
        raise DiagnosticError(project_codes.INVALID_USAGE.error(detail)) from error
    whole = raw.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n")
    return whole.rstrip(b"\n") + b"\n"


def _typed(holder: LockInfo) -> str:
    return printable(holder.id, len(holder.id))


@contextmanager
def _advice_for(address: str) -> Iterator[None]:
    """Have the commands that an error advises name this state, where they name none."""
    try:
        yield
    except DiagnosticError as error:
        told = [advised(diagnostic, ("--state", address)) for diagnostic in error.diagnostics]
        raise DiagnosticError(*told, exit_code=error.exit_code) from error


def _place(store: StateStore, address: str, root: Path) -> str:
    """Tell one place from another, however it is written."""
    if isinstance(store, LocalStore):
        return os.path.realpath(root / address)
    # The options of a database say how to get there.
    is_database = store.location.startswith("postgresql://")
    return store.location.partition("?")[0] if is_database else address


def _where_to_name(address: str, root: Path) -> str:
    """Say how the next run finds it: where the project file counts, or may name a server, there."""
    try:
        open_store(address, root, from_project_file=True)
    except DiagnosticError:
        return f"in the environment of all who use it: export {STATE_VARIABLE}={quote(address)}"
    if os.environ.get(STATE_VARIABLE):
        return f"where {STATE_VARIABLE} is set: export {STATE_VARIABLE}={quote(address)}"
    return f"in reconciler.yaml: state: {_as_yaml(address)}"


def _as_yaml(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and ("/" in text or "." in text)
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _put(
    state: State, store: StateStore, lock: StateLock, keep: Callable[[bytes], str] | None = None
) -> str:
    """Store a state where there is none, or an earlier one of the same project.

    keep: keeps a damaged one that is replaced, and returns where; without it none is. Returns what
    to tell of the one that was.
    """
    version = before = ""
    try:
        stored = store.load()
    except DamagedStateError as error:
        if keep is None:
            raise
        version, kept = error.version, keep(error.content)
        before = f", in place of a damaged state (kept as {kept})"
    else:
        if stored is not None:
            problem = check_succession(state, stored.state, store.location)
            if problem is not None:
                raise DiagnosticError(problem)
            if stored.state == state:
                return ""
            version, before = stored.version, f", in place of serial {stored.state.serial}"
    lock.check()
    store.save(state, version)
    return before


def _keep(folder: Path, damaged: bytes) -> str:
    """Keep what may be the last trace of a create; returns the name of the file."""
    digest = hashlib.sha256(damaged).hexdigest()
    path = folder / f"reconciler.state.damaged.{digest[:8]}.json"
    with writing(path):
        if path.exists() and path.read_bytes() != damaged:
            path = folder / f"reconciler.state.damaged.{digest}.json"
        if not path.exists():
            write_new(path, damaged)
    return path.name


def _check_copy(snapshot: Snapshot, destination: StateStore) -> None:
    copy = destination.load()
    if copy is None or copy.state != snapshot.state:
        raise DiagnosticError(
            codes.STATE_NOT_SAVED.error(
                f"What {destination.location} gives back is not what was written to it.",
                hint="Keep the state where it is, and look into that place.",
            )
        )
