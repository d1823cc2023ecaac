"""What every store has to say, in the same words everywhere."""

from __future__ import annotations

from dataclasses import replace
from shlex import quote

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable, to_paste
from reconciler.state import (
    MAX_BYTES,
    DamagedStateError,
    LockInfo,
    Snapshot,
    decode_state,
    naming,
)

_UNLOCK = "reconciler state unlock"
_WAIT = "Wait for it, or give --lock-timeout SECONDS."

UNKNOWN_HOLDER = LockInfo("unknown", "an unknown operation", "somebody unknown", "an unknown time")
"""Stands for a holder whose description cannot be read."""


class UnsureError(DiagnosticError):
    """A write failed, and may have been executed all the same."""


def decode(
    raw: bytes, version: str, location: str, older_copies: str, copy: str = "copy.json"
) -> Snapshot:
    """Decode what is stored at a version; DamagedStateError where it is damaged.

    older_copies: where to find some. copy: the name of the one to put back.
    """
    try:
        return Snapshot(decode_state(raw, location), version)
    except DiagnosticError as error:
        if any(d.code != codes.STATE_DAMAGED.id for d in error.diagnostics):
            raise
        hint = (
            "With no good copy, move it away and plan: what the account lists is adopted by name. "
            "What it does not list yet would be created again, with an older copy as well. "
            f"With one ({older_copies}):\n"
            f"reconciler state push {quote(copy)} --replace-damaged{naming(location)}"
        )
        told = [replace(d, hint=hint) for d in error.diagnostics]
        raise DamagedStateError(*told, content=raw, version=version) from error


def check_size(size: int, location: str) -> None:
    """Refuse to read what is far too long to be a state."""
    if size > MAX_BYTES:
        raise DiagnosticError(
            codes.STATE_DAMAGED.error(
                f"{location} is longer than {MAX_BYTES:,} bytes.",
                hint="Check that the address is the one of the state.",
            )
        )


def moved_on(location: str) -> DiagnosticError:
    """R405: what is stored is not what was loaded."""
    return DiagnosticError(
        codes.STATE_MOVED_ON.error(
            f"{location} is not the one that was loaded.",
            hint="Run the command again; it starts from the newer state.",
        )
    )


def locked(
    location: str, holder: LockInfo | None, timeout: float, *, can_stay: bool = True
) -> DiagnosticError:
    """R408: somebody else holds the lock. can_stay: whether it may outlive its holder."""
    waited = f" (waited {timeout:g} s)" if timeout else ""
    who = _shown(holder) if holder else "a process that has not signed yet"
    wait = "Wait longer: --lock-timeout SECONDS." if timeout else _WAIT
    gone = f" If it is gone for good:\n{_UNLOCK}{naming(location)}"
    return DiagnosticError(
        codes.STATE_LOCKED.error(
            f"{location} is held by {who}{waited}.",
            hint=f"{wait}{gone if can_stay else ''}",
        )
    )


def _shown(holder: LockInfo) -> str:
    """Anybody who may lock can write anything into a lock."""
    return f"{printable(str(holder))}, lock {printable(holder.id, 40)}"


def lock_lost(location: str, what: str) -> Diagnostic:
    """R410: what: a sentence on what became of the lock."""
    return codes.LOCK_LOST.error(
        f"The lock of {location}: {what}",
        hint="Nothing more is sent. See who freed it, then run apply again: it goes on from "
        "what is recorded.",
    )


def no_such_lock(location: str, lock_id: str, holder: LockInfo | None) -> DiagnosticError:
    """R422: lock_id is not what holds it now."""
    now = f"It is held by {_shown(holder)}." if holder else "Nobody holds it."
    return DiagnosticError(
        codes.NO_SUCH_LOCK.error(
            f"{location} is not held by lock {printable(lock_id, 40)}. {now}",
            hint=f"This shows who holds it:\n{_UNLOCK}{naming(location)}",
        )
    )


def missing_library(scheme: str, extra: str) -> DiagnosticError:
    """R420: the extra is not installed."""
    published = to_paste(f"pip install 'finetune-reconciler[{extra}]'")
    here = to_paste(f"pip install '.[{extra}]'")
    return DiagnosticError(
        codes.MISSING_LIBRARY.error(
            f"A state at {scheme}:// needs a library that is not installed.",
            hint=f"Install the extra {extra}:{published}\nor in a checkout:{here}",
        )
    )


def lock_left(location: str, why: str) -> DiagnosticError:
    """R425: why: what became of its release."""
    return DiagnosticError(
        codes.LOCK_LEFT.error(
            f"The lock of {location} may still be there: {why}",
            hint=f"This shows it, and how to free it:\n{_UNLOCK}{naming(location)}",
        )
    )
