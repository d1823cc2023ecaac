"""Reads a manifest from standard input in a process of its own and says what that took.

Prints one JSON object: codes and places of the diagnostics, and the most memory that the
process ever had in bytes (VmHWM, which unlike ru_maxrss does not count the parent's).
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from reconciler.manifests import find_manifests, read_manifests


def peak() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise LookupError("VmHWM")


def main() -> None:
    # A runaway is ended, not waited for.
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    files, problems = find_manifests(["-"], Path())
    reading = read_manifests(files)
    told = [(d.code, str(d.range)) for d in (*problems, *reading.diagnostics)]
    json.dump({"told": told, "peak": peak()}, sys.stdout)


if __name__ == "__main__":
    main()
