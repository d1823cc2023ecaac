"""Two real runs of the command meet over each shared store: rows 47 to 52 of what can go wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.faults.server import ACCOUNT_ID, Exchange, FaultServer
from tests.internal import failed_internally
from tests.stores.abilities import CANNOT, Ability
from tests.stores.conftest import SHARED, Serve
from tests.stores.http_proxy import tampering
from tests.stores.places import Served
from tests.stores.postgresql import PASSWORD
from tests.stores.wire import wire

MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
TOKEN = "a-token-that-must-never-show"
# The command, which tries again at once where it would pause.
HASTY = """
from reconciler.__main__ import main
from reconciler.stores import object_client
object_client.FIRST_PAUSE = 0.01
main()
"""


@dataclass(slots=True)
class Ended:
    code: int
    text: str


@dataclass(slots=True)
class Team:
    """One project of two finetunes, one account, and a state that its runners share."""

    kind: str
    folder: Path
    server: FaultServer
    served: Served
    address: str
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(
        self, *arguments: str, address: str = "", hasty: bool = False, **environment: str
    ) -> subprocess.Popen[str]:
        """Start a runner, on a machine of its own."""
        program = ["-c", HASTY] if hasty else ["-m", "reconciler"]
        process = subprocess.Popen(
            [sys.executable, *program, *arguments, "--state", address or self.address],
            cwd=self.folder,
            env={**os.environ, **environment},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.processes.append(process)
        return process

    def run(self, *arguments: str) -> Ended:
        return ended(self.start(*arguments))

    def apply(self, *arguments: str, **started: Any) -> subprocess.Popen[str]:
        more = ["--auto-approve", "--parallelism", "1", "--settle-timeout", "0"]
        return self.start("apply", *more, *arguments, **started)

    def apply_through(self, port: int) -> subprocess.Popen[str]:
        """Apply with the state's server got to by another port."""
        near = self.served.through(port)
        address = near.prefix + self.address.removeprefix(self.served.prefix)
        return self.apply(address=address, hasty=True, **near.environment)

    @property
    def frees_by_death(self) -> bool:
        return self.kind not in CANNOT[Ability.FREE_BY_DEATH]

    def is_converged(self) -> None:
        """Both are there, once, recorded, and nobody has anything left to do."""
        assert self.names == {"alpha": 1, "beta": 1}
        assert self.server.count("create") == 2
        after = self.run("plan", "--detailed-exitcode")
        assert after.code == 0, after.text

    @property
    def names(self) -> Counter[str]:
        return Counter(finetune["name"] for finetune in self.server.account.finetunes)

    def free_the_lock(self) -> None:
        """Ask who holds it, and free it, as a person would."""
        told = self.run("state", "unlock")
        (lock,) = re.findall(r"--force (\S+)", told.text)
        assert self.run("state", "unlock", "--force", lock).code == 0


def ended(process: subprocess.Popen[str]) -> Ended:
    text, _ = process.communicate()
    assert TOKEN not in text
    assert "hunter2" not in text
    assert not failed_internally(text)
    return Ended(process.returncode, text)


@pytest.fixture(params=SHARED)
def team(
    request: pytest.FixtureRequest, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Team]:
    served = serve(request.param)
    lines = [f'  {name}: {{model: "{MODEL}"}}' for name in ("alpha", "beta")]
    (tmp_path / "finetunes.yaml").write_text("\n".join(["version: 1", "finetunes:", *lines, ""]))
    with FaultServer() as server:
        monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", server.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        made = Team(request.param, tmp_path, server, served, f"{served.prefix}{uuid.uuid4()}")
        yield made
        for process in made.processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


class Gate:
    """Holds a create back, before it is executed or before it is answered."""

    def __init__(self, server: FaultServer, executed: bool = True) -> None:
        self._reached, self._opened, self._executed = threading.Event(), threading.Event(), executed
        server.script("create", self._react)

    def wait(self) -> None:
        assert self._reached.wait(60), "no create came"

    def open(self) -> None:
        self._opened.set()

    def _react(self, exchange: Exchange) -> bool:
        exchange.read_body()
        answer = exchange.execute() if self._executed else b""
        self._reached.set()
        assert self._opened.wait(60)
        exchange.sock.sendall(answer or exchange.execute())
        return True


def test_rows_47_and_48_a_second_is_told_or_waits_and_a_dead_holder_is_overcome(team: Team) -> None:
    gate = Gate(team.server)
    first = team.apply()
    gate.wait()
    refused = ended(team.apply())
    assert refused.code == 1
    assert "R408" in refused.text
    assert f"(process {first.pid}), apply since" in refused.text
    waiting = team.apply("--lock-timeout", "60")
    first.kill()
    gate.open()
    if not team.frees_by_death:
        team.free_the_lock()
    done = ended(waiting)
    assert done.code == 0, done.text
    assert "alpha" in done.text
    team.is_converged()


def test_row_49_a_runner_whose_lock_is_freed_stops_before_its_next_create(team: Team) -> None:
    gate = Gate(team.server)
    runner = team.apply()
    gate.wait()
    team.free_the_lock()
    gate.open()
    stopped = ended(runner)
    assert stopped.code in (1, 3), stopped.text
    assert re.search("R410|R413", stopped.text), stopped.text
    assert team.server.count("create") == 1
    assert ended(team.apply()).code == 0
    team.is_converged()


def test_a_runner_that_is_cut_off_stops_before_its_next_create(team: Team) -> None:
    gate = Gate(team.server)
    with wire(team.served.port) as cable:
        runner = team.apply_through(cable.port)
        gate.wait()
        cable.cut()
        gate.open()
        stopped = ended(runner)
    assert stopped.code == 3, stopped.text
    assert team.server.count("create") == 1
    if not team.frees_by_death:
        team.free_the_lock()
    recovered = ended(team.apply())
    assert recovered.code == 0, recovered.text
    team.is_converged()


def test_row_50_where_the_state_cannot_be_locked_nothing_is_sent(team: Team) -> None:
    with unlockable(team) as code:
        ran = ended(team.processes[-1])
    assert ran.code == 1, ran.text
    assert code in ran.text
    assert not team.server.requests
    assert "R412" in team.run("state", "list").text


@contextmanager
def unlockable(team: Team) -> Iterator[str]:
    """Apply where no lock can be had; yields the code that says so."""
    if team.kind == "postgresql":
        team.apply(address=_without_advisory_locks(team.served.endpoint))
        yield "R414"
        return
    with tampering(f"http://127.0.0.1:{team.served.port}") as proxy:
        # Azure's requests are signed with their conditions, so that no proxy can drop them.
        fault, code = {"http": ("405 no", "R409"), "az": ("501 NotImplemented", "R424")}.get(
            team.kind, ("ignore", "R416")
        )
        proxy.decide = lambda method, number: fault if method in ("LOCK", "PUT") else ""
        team.apply_through(urlsplit(proxy.url).port or 0)
        yield code


def _without_advisory_locks(endpoint: str) -> str:
    """A database in which its only user may do anything but lock."""
    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(endpoint, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        connection.execute(f"CREATE DATABASE {name} OWNER {name}")
    database = f"{endpoint.rpartition('/')[0]}/{name}"
    with psycopg.connect(database) as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_try_advisory_lock(bigint) FROM PUBLIC")
    return f"{database.replace('postgres@', f'{name}@')}/prod"


def test_row_51_two_machines_without_a_shared_lock_both_report_the_duplicate(team: Team) -> None:
    gate = Gate(team.server, executed=False)
    first = team.apply()
    gate.wait()
    apart = f"{team.address}-apart"
    more = ["apply", "--auto-approve", "--settle-timeout", "0"]
    second = ended(team.start(*more, address=apart))
    assert second.code == 0, second.text
    gate.open()
    late = ended(first)
    assert late.code == 3, late.text
    assert "R703" in late.text
    for address in (team.address, apart):
        told = ended(team.start("plan", address=address))
        assert told.code == 1
        assert "R603" in told.text


def test_row_52_a_foreign_finetune_between_plan_and_apply_is_not_adopted(team: Team) -> None:
    assert team.run("plan", "--out", "plan.json").code == 0
    team.server.account.create({"name": "alpha", "model": MODEL})
    stale = ended(team.start("apply", "plan.json"))
    assert stale.code == 1, stale.text
    assert "R612" in stale.text
    assert team.server.count("create") == 0
    assert "R412" in team.run("state", "list").text
