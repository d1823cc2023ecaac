"""`reconciler state mv|rm`: change what is recorded; the account stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from reconciler.cli.options import lock_option, state_options
from reconciler.cli.scope import parse_address, parse_addresses
from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as project_codes
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable, to_paste
from reconciler.model import Address
from reconciler.state import Generation, State


@click.command("mv")
@click.argument("source")
@click.argument("destination")
@state_options
@lock_option
@click.pass_obj
def move(
    terminal: Terminal,
    source: str,
    destination: str,
    state: str,
    sandbox: bool,
    lock_timeout: float,
) -> int:
    """Record a finetune under another address.

    `moved:` in a manifest does the same for everybody who applies it; use this for
    a state of your own.

    \b
    Example:
      reconciler state mv support support-bot
    """
    workspace = Workspace(terminal, state=state, sandbox=sandbox, lock_timeout=lock_timeout)
    old, new = parse_address(source), parse_address(destination)
    with _edited(workspace, "state mv", _Move(old, new)):
        terminal.out(f"{old} is now {new}.")
    return 0


@click.command("rm")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@state_options
@lock_option
@click.pass_obj
def remove(
    terminal: Terminal, addresses: tuple[str, ...], state: str, sandbox: bool, lock_timeout: float
) -> int:
    """Forget finetunes; they stay in the account.

    What a manifest still declares is adopted again by the next apply.

    \b
    Example:
      reconciler state rm old-bot
    """
    workspace = Workspace(terminal, state=state, sandbox=sandbox, lock_timeout=lock_timeout)
    wanted = parse_addresses(addresses)
    with _edited(workspace, "state rm", _Removal(wanted)) as before:
        for address in wanted:
            terminal.out(f"{address}: forgotten; it stays in the account.")
            for generation in before.finetunes[address].generations:
                if not generation.seen:
                    terminal.err(_of_unlisted(generation))
    return 0


COMMANDS = (move, remove)


def _of_unlisted(generation: Generation) -> str:
    name = printable(generation.attributes.name)
    return (
        f"No listing has shown {generation.id} yet, which was created as {name}. Where that name "
        "is declared, apply creates it again as long as none does: a second one, if it is there "
        "after all."
    )


@dataclass(frozen=True, slots=True)
class _Move:
    old: Address
    new: Address

    def __call__(self, state: State) -> State:
        """Return the next state; refuses what could lead to a duplicate."""
        _check_recorded(state, self.old)
        if self.new == self.old:
            raise DiagnosticError(
                project_codes.INVALID_USAGE.error(
                    f"{self.new} is its address already.", hint="Give another one."
                )
            )
        _check_settled(state, self.new)
        if self.new in state.finetunes:
            raise DiagnosticError(
                codes.UNUSABLE_ADDRESS.error(
                    f"{self.new} is recorded already.",
                    hint="Take another address, or first:"
                    + to_paste(f"reconciler state rm {self.new.name}"),
                )
            )
        finetunes = dict(state.finetunes)
        finetunes[self.new] = finetunes.pop(self.old)
        return state.following(finetunes, state.pending)


@dataclass(frozen=True, slots=True)
class _Removal:
    addresses: tuple[Address, ...]

    def __call__(self, state: State) -> State:
        """Return the next state without them."""
        for address in self.addresses:
            _check_recorded(state, address)
        kept = {a: record for a, record in state.finetunes.items() if a not in self.addresses}
        return state.following(kept, state.pending)


def _check_settled(state: State, address: Address) -> None:
    if address in state.pending:
        raise DiagnosticError(
            codes.UNUSABLE_ADDRESS.error(
                f"{address} has a create whose outcome is unknown.",
                hint="Settle it first; `reconciler plan` shows how.",
            )
        )


def _check_recorded(state: State, address: Address) -> None:
    _check_settled(state, address)
    if address not in state.finetunes:
        raise DiagnosticError(
            project_codes.UNKNOWN_ADDRESS.error(
                f"{address} is not recorded.", hint="`reconciler state list` shows what is."
            )
        )


@contextmanager
def _edited(workspace: Workspace, operation: str, change: _Move | _Removal) -> Iterator[State]:
    """Change the state, and tell of it before the lock is let go, which can fail.

    Gives the state as it was before.
    """
    store = workspace.store()
    with workspace.locked(store, operation) as lock:
        snapshot = workspace.recorded(store)
        following = change(snapshot.state)
        lock.check()
        store.save(following, snapshot.version)
        yield snapshot.state
