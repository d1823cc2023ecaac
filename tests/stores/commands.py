"""`reconciler` run as a user runs it, and a state changed behind its back."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import obstore
import psycopg
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from reconciler.cli.main import run
from reconciler.state import State, encode_state
from reconciler.stores import open_store
from tests.stores.places import BUCKET

FILE = "reconciler.state.json"
_PRINTED = re.compile(r"^ +(?:hint: )?reconciler (state .*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Project:
    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Run it in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.root,
            env={**os.environ, "NO_COLOR": "1", **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, code: int | None = 0, stdin: str = "") -> str:
        """Run it here and in this process; returns everything that it printed.

        code: what it must return, None for anything.
        """
        said = io.StringIO()
        given = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        with (
            chdir(self.root),
            patch.dict(os.environ, self.environment),
            patch("sys.stdin", given),
            redirect_stdout(said),
            redirect_stderr(said),
        ):
            returned = run(arguments)
        assert code in (None, returned), said.getvalue()
        return said.getvalue()

    def follow(self, said: str, code: int = 0) -> str:
        """Run the one command that a message says, to the letter."""
        (command,) = _PRINTED.findall(said)
        return self.run(*shlex.split(command), code=code)

    def file(self) -> bytes:
        return (self.root / FILE).read_bytes()

    def keep(self, state: State, name: str = FILE) -> bytes:
        """Write a state into a file; returns its bytes."""
        (self.root / name).write_bytes(encode_state(state))
        return (self.root / name).read_bytes()

    def stored(self, address: str) -> State | None:
        """Return the state that a place has."""
        snapshot = open_store(address, self.root).load()
        return snapshot.state if snapshot else None

    def store(self, state: State, address: str) -> None:
        """Put a state where none is."""
        open_store(address, self.root).save(state, "")


def bucket(kind: str) -> ObjectStore:
    """The bucket of a service, behind the store's back."""
    opened = {"gs": GCSStore, "az": AzureStore}.get(kind, S3Store)
    return opened(BUCKET, client_options={"allow_http": True})


def overwrite(address: str, raw: bytes) -> None:
    """Replace the bytes of a stored state behind the store's back."""
    kind, _, rest = address.partition("://")
    if kind == "postgresql":
        database, _, name = address.rpartition("/")
        with psycopg.connect(database) as connection:
            query = "UPDATE reconciler.state SET content = %s WHERE name = %s"
            assert connection.execute(query, [raw, name]).rowcount == 1
    elif kind == "http":
        user, password = os.environ["TF_HTTP_USERNAME"], os.environ["TF_HTTP_PASSWORD"]
        manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
        manager.add_password(None, address, user, password, is_authenticated=True)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
        opener.open(urllib.request.Request(address, raw, method="POST")).close()
    else:
        obstore.put(bucket(kind), rest.partition(f"{BUCKET}/")[2], raw)
