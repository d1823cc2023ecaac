"""What may happen to a run at one of its system calls: a signal, a failure, a power cut."""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass

# _IOR('X', 125, __u32) of linux/fs: both ext4 and xfs stop as if the power had gone.
_SHUTDOWN = 0x8004587D
_GETREGS, _SETREGS = 12, 13
_RAX, _ORIG_RAX, _REGISTERS = 10, 15, 27


@dataclass(frozen=True, slots=True)
class Blow:
    """What happens at the entry of a call, which is not executed then.

    at: the number of the call after the lock was taken, from 1, counting only calls named
    `call` and about files below the folder `under`, where those are given.
    result: what the call seems to return instead (-5 for EIO); lasting: and all that follow.
    cut: the mount point that loses its power first; flag: 0 the file system writes all back,
    1 its log alone, 2 nothing.
    """

    at: int
    call: str = ""
    under: str = ""
    with_signal: int = signal.SIGKILL
    result: int | None = None
    lasting: bool = False
    cut: str = ""
    flag: int = 2

    @property
    def asks_to_stop(self) -> bool:
        """Whether it is a signal that ends a run in order."""
        is_failure = self.result is not None or bool(self.cut)
        return not is_failure and self.with_signal != signal.SIGKILL

    def is_about(self, name: str, find_file: Callable[[], str]) -> bool:
        """Tell whether a call counts."""
        if self.call and name != self.call:
            return False
        return not self.under or find_file().startswith(self.under)

    def strikes(self, number: int) -> bool:
        """Tell whether the number-th of the calls that count is hit."""
        return number == self.at or (self.lasting and number > self.at)


def cut_power(mount: str, flag: int) -> None:
    """Stop a file system at once; what it had not written is lost. OSError where it cannot."""
    descriptor = os.open(mount, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", flag))
    finally:
        os.close(descriptor)


def can_fail_calls() -> bool:
    """Tell whether calls can be made to fail on this architecture."""
    return platform.machine() == "x86_64"


Ptrace = Callable[[int, int, int, int | None], int]


def skip_call(ptrace: Ptrace, thread: int) -> None:
    """Keep a call that is being entered from being executed."""
    _set_register(ptrace, thread, _ORIG_RAX, -1)


def set_result(ptrace: Ptrace, thread: int, result: int) -> None:
    """Make a call that is being left return this."""
    _set_register(ptrace, thread, _RAX, result)


def _set_register(ptrace: Ptrace, thread: int, index: int, value: int) -> None:
    registers = (ctypes.c_int64 * _REGISTERS)()
    place = ctypes.addressof(registers)
    ptrace(_GETREGS, thread, 0, place)
    registers[index] = value
    ptrace(_SETREGS, thread, 0, place)
