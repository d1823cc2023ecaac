"""Names of the system calls that change something outside of the process, or may.

The numbers are the kernel's own, from its tables for the two architectures (unistd_64.h for
x86_64, asm-generic/unistd.h for aarch64). Everything else is reported by its number.
"""

from __future__ import annotations

import platform

_X86_64 = {
    0: "read",
    1: "write",
    2: "open",
    3: "close",
    18: "pwrite64",
    41: "socket",
    42: "connect",
    44: "sendto",
    45: "recvfrom",
    46: "sendmsg",
    47: "recvmsg",
    48: "shutdown",
    54: "setsockopt",
    73: "flock",
    74: "fsync",
    75: "fdatasync",
    76: "truncate",
    77: "ftruncate",
    82: "rename",
    83: "mkdir",
    87: "unlink",
    90: "chmod",
    91: "fchmod",
    231: "exit_group",
    257: "openat",
    258: "mkdirat",
    263: "unlinkat",
    264: "renameat",
    316: "renameat2",
}
_AARCH64 = {
    32: "flock",
    34: "mkdirat",
    35: "unlinkat",
    38: "renameat",
    45: "truncate",
    46: "ftruncate",
    52: "fchmod",
    53: "fchmodat",
    56: "openat",
    57: "close",
    63: "read",
    64: "write",
    68: "pwrite64",
    82: "fsync",
    83: "fdatasync",
    94: "exit_group",
    198: "socket",
    203: "connect",
    206: "sendto",
    207: "recvfrom",
    208: "setsockopt",
    210: "shutdown",
    211: "sendmsg",
    212: "recvmsg",
    276: "renameat2",
}
_TABLES = {"x86_64": _X86_64, "aarch64": _AARCH64}

NAMES: dict[int, str] = _TABLES.get(platform.machine(), {})


def name_of(number: int) -> str:
    """Return a call's name, or `#NUMBER` where it is none of those above."""
    return NAMES.get(number, f"#{number}")


def has_effect(name: str) -> bool:
    """Tell whether a call may change what the outside sees; memory and futexes do not."""
    return not name.startswith("#") and name != "exit_group"
