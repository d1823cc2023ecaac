"""Follows a process system call by system call, and deals it a blow at any one of them.

`strace -e inject=...:when=N` counts in every thread on its own: the first send of a worker
can never be hit, because the main thread's first send comes before and is hit instead.
This counts over all threads, from the moment the state's lock was taken, and the victim
stands still at the entry of the call when it is killed, so that the call is not executed.

Linux 5.3 or newer (PTRACE_GET_SYSCALL_INFO). Nothing but ctypes is needed.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from tests.explore.blows import Blow, cut_power, set_result, skip_call
from tests.explore.files import file_of
from tests.explore.syscalls import NAMES, name_of

_TRACEME, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_SYSGOOD, _TRACECLONE, _TRACEEXEC, _EXITKILL = 0x1, 0x8, 0x10, 0x100000
_ENTRY, _EXIT = 1, 2
_WALL = 0x40000000
_PATIENCE = 60.0
_SYSCALL_STOP = signal.SIGTRAP | 0x80


class _Info(ctypes.Structure):
    _fields_ = (
        ("op", ctypes.c_uint8),
        ("_pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("ip", ctypes.c_uint64),
        ("sp", ctypes.c_uint64),
        ("number_or_result", ctypes.c_int64),
        ("arguments", ctypes.c_uint64 * 6),
        ("rest", ctypes.c_uint64 * 2),
    )


_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


@dataclass(slots=True)
class Trail:
    """What a traced process did.

    calls: those entered from the lock on to the power cut, a thread's number, name and file. The
    main thread is number 0. The last call of any thread but the one that was hit may not have
    returned.

    status: as os.waitstatus_to_exitcode has it (-9 for killed). fired: whether it got so far
    that it was hit.
    """

    calls: list[tuple[int, str, str]] = field(default_factory=list)
    status: int = 0
    fired: bool = False


class TracingUnavailableError(Exception):
    """This machine does not let a process trace its own child; the text says why."""


def require_tracing() -> None:
    """Raise TracingUnavailableError where nothing can be traced here."""
    if "flock" not in NAMES.values():
        raise TracingUnavailableError("no table of system calls for this architecture")
    try:
        trail = follow(lambda: os._exit(7))
    except OSError as error:
        raise TracingUnavailableError(f"ptrace: {error.strerror}") from error
    if trail.status != 7:
        raise TracingUnavailableError("ptrace does not work here")


def follow(
    child: Callable[[], NoReturn],
    blow: Blow | None = None,
) -> Trail:
    """Fork, run `child` in it, and follow it to its end. Without a blow, note the files, too.

    Raises TimeoutError where it comes to none. Only the main thread of a process may call
    this, and the process should have no other.
    """
    pid = os.fork()
    if pid == 0:
        _begin(child)
    with _patience(pid):
        _wait_for_first_stop(pid)
        return _Follower(pid, blow).run()


def simply_run(child: Callable[[], NoReturn]) -> Trail:
    """Fork, run `child` in it to its end, and follow nothing."""
    pid = os.fork()
    if pid == 0:
        child()
    with _patience(pid):
        _, status = os.waitpid(pid, 0)
    return Trail(status=os.waitstatus_to_exitcode(status))


@contextmanager
def _patience(pid: int) -> Iterator[None]:
    """End a process that does not come to its end; raises TimeoutError then."""
    expired = []

    def end(*_: object) -> None:
        expired.append(pid)
        os.kill(pid, signal.SIGKILL)

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if expired:
        raise TimeoutError("the command did not come to an end")


def _begin(child: Callable[[], NoReturn]) -> NoReturn:
    if _libc.ptrace(_TRACEME, 0, None, None) != 0:
        os._exit(126)
    os.kill(os.getpid(), signal.SIGSTOP)
    child()


def _wait_for_first_stop(pid: int) -> None:
    _, status = os.waitpid(pid, _WALL)
    if not os.WIFSTOPPED(status):
        raise OSError(1, "a process cannot be traced here")
    _ptrace(_SETOPTIONS, pid, _SYSGOOD | _TRACECLONE | _TRACEEXEC | _EXITKILL)


class _Follower:
    def __init__(self, pid: int, blow: Blow | None) -> None:
        self._pid = pid
        self._blow = blow
        self._trail = Trail()
        self._met = 0
        self._results: dict[int, int] = {}
        self._locked = False
        self._last: dict[int, str] = {}
        # A worker that began before the lock was taken may be seen first.
        self._threads: dict[int, int] = {pid: 0}
        self._info = _Info()

    def run(self) -> Trail:
        self._resume(self._pid, 0)
        while True:
            thread, status = os.waitpid(-1, _WALL)
            if not os.WIFSTOPPED(status):
                if thread == self._pid:
                    self._trail.status = os.waitstatus_to_exitcode(status)
                    return self._trail
                continue
            self._resume(thread, self._stopped(thread, status))

    def _stopped(self, thread: int, status: int) -> int:
        """Note what a thread stopped for; returns the signal to hand on to it."""
        number = os.WSTOPSIG(status)
        if number == _SYSCALL_STOP:
            self._at_call(thread)
            return 0
        first = thread not in self._threads
        self._threads.setdefault(thread, len(self._threads))
        is_event = status >> 16 != 0
        return 0 if is_event or (number == signal.SIGSTOP and first) else number

    def _at_call(self, thread: int) -> None:
        size = _ptrace(
            _GET_SYSCALL_INFO, thread, ctypes.sizeof(self._info), ctypes.addressof(self._info)
        )
        if size <= 0:
            return
        if self._info.op == _ENTRY:
            self._at_entry(thread, name_of(self._info.number_or_result))
        elif self._info.op == _EXIT:
            self._at_exit(thread)

    def _at_entry(self, thread: int, name: str) -> None:
        self._last[thread] = name
        if not self._locked or (self._trail.fired and self._blow and self._blow.cut):
            return
        arguments = list(self._info.arguments)

        def find_file() -> str:
            return file_of(thread, name, arguments)

        index = self._threads.setdefault(thread, len(self._threads))
        self._trail.calls.append((index, name, "" if self._blow else find_file()))
        if self._blow and self._blow.is_about(name, find_file):
            self._met += 1
            if self._blow.strikes(self._met):
                self._trail.fired = True
                self._strike(self._blow, thread)

    def _strike(self, blow: Blow, thread: int) -> None:
        if blow.result is not None:
            skip_call(_ptrace, thread)
            self._results[thread] = blow.result
            return
        if blow.cut:
            cut_power(blow.cut, blow.flag)
        os.kill(self._pid, blow.with_signal)

    def _at_exit(self, thread: int) -> None:
        if thread in self._results:
            set_result(_ptrace, thread, self._results.pop(thread))
        if not self._locked:
            took = self._last.get(thread) == "flock" and self._info.number_or_result == 0
            self._locked = took

    def _resume(self, thread: int, number: int) -> None:
        # A thread may be gone by now, because another one ended the process.
        _libc.ptrace(_SYSCALL, thread, None, number)


def _ptrace(request: int, pid: int, size: int, data: int | None = None) -> int:
    if request == _SETOPTIONS:
        size, data = 0, size
    result: int = _libc.ptrace(request, pid, size, data)
    return result
