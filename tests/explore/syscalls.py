"""Names of system calls, and which of them change something that others can see.

The numbers are the kernel's own, from its tables for the two architectures (unistd_64.h for
x86_64, asm-generic/unistd.h for aarch64). A call that is not here is named by its number.
"""

from __future__ import annotations

import platform

_X86_64 = {
    "read": 0,
    "write": 1,
    "close": 3,
    "poll": 7,
    "lseek": 8,
    "mmap": 9,
    "mprotect": 10,
    "munmap": 11,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "ioctl": 16,
    "pwrite64": 18,
    "mremap": 25,
    "madvise": 28,
    "socket": 41,
    "connect": 42,
    "sendto": 44,
    "recvfrom": 45,
    "sendmsg": 46,
    "shutdown": 48,
    "setsockopt": 54,
    "getsockopt": 55,
    "exit": 60,
    "flock": 73,
    "fsync": 74,
    "fdatasync": 75,
    "ftruncate": 77,
    "rename": 82,
    "mkdir": 83,
    "unlink": 87,
    "gettid": 186,
    "futex": 202,
    "getdents64": 217,
    "exit_group": 231,
    "openat": 257,
    "newfstatat": 262,
    "set_robust_list": 273,
    "getrandom": 318,
    "rseq": 334,
    "clone3": 435,
}
_AARCH64 = {
    "ioctl": 29,
    "flock": 32,
    "mkdirat": 34,
    "unlinkat": 35,
    "renameat": 38,
    "ftruncate": 46,
    "openat": 56,
    "close": 57,
    "getdents64": 61,
    "lseek": 62,
    "read": 63,
    "write": 64,
    "pwrite64": 68,
    "ppoll": 73,
    "newfstatat": 79,
    "fsync": 82,
    "fdatasync": 83,
    "exit": 93,
    "exit_group": 94,
    "futex": 98,
    "set_robust_list": 99,
    "rt_sigaction": 134,
    "rt_sigprocmask": 135,
    "gettid": 178,
    "socket": 198,
    "connect": 203,
    "sendto": 206,
    "recvfrom": 207,
    "setsockopt": 208,
    "getsockopt": 209,
    "shutdown": 210,
    "sendmsg": 211,
    "munmap": 215,
    "mremap": 216,
    "mmap": 222,
    "mprotect": 226,
    "madvise": 233,
    "renameat2": 276,
    "getrandom": 278,
    "rseq": 293,
    "clone3": 435,
}
_TABLES = {"x86_64": _X86_64, "aarch64": _AARCH64}
_EFFECTS = frozenset(
    (
        "close",
        "connect",
        "fdatasync",
        "flock",
        "fsync",
        "ftruncate",
        "mkdir",
        "mkdirat",
        "openat",
        "pwrite64",
        "recvfrom",
        "rename",
        "renameat",
        "renameat2",
        "sendmsg",
        "sendto",
        "shutdown",
        "unlink",
        "unlinkat",
        "write",
    )
)

NAMES: dict[int, str] = {
    number: name for name, number in _TABLES.get(platform.machine(), {}).items()
}


def name_of(number: int) -> str:
    """Return a call's name, or `#NUMBER` where it is none of those above."""
    return NAMES.get(number, f"#{number}")


def has_effect(name: str) -> bool:
    """Tell whether a call may change what others see: files, locks, connections."""
    return name in _EFFECTS
