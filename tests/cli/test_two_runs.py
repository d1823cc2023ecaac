"""Rows 47 to 52 through the command line: two processes, one account."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import MODEL, Project
from tests.cli.test_protocol import server, state_of
from tests.faults.server import Exchange, FaultServer
from tests.internal import failed_internally

__all__ = ["server"]

APPLY = ("apply", "--auto-approve", "--settle-timeout", "0", "--parallelism", "1")


@dataclass
class Held:
    """A first apply, of "a" and "b", whose create of "a" the account has and does not execute."""

    process: subprocess.Popen[str]
    go_on: threading.Event


@pytest.fixture
def held(project: Project, server: FaultServer) -> Iterator[Held]:
    arrived, go_on = threading.Event(), threading.Event()

    def hold(exchange: Any) -> bool:
        exchange.read_body()
        arrived.set()
        go_on.wait(60)
        exchange.sock.sendall(exchange.execute())
        return True

    server.script("create", hold)
    project.declare("a", "b")
    first = project.spawn(*APPLY)
    assert arrived.wait(60)
    yield Held(first, go_on)
    go_on.set()
    first.communicate(timeout=60)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    assert not failed_internally(err)
    return process.returncode, (out + err).replace("\n  ", " ")


def names_of(server: FaultServer) -> list[str]:
    return sorted(made["name"] for made in server.account.finetunes)


def test_row_47_of_two_processes_the_second_names_the_first_or_waits(
    project: Project, server: FaultServer, held: Held
) -> None:
    waiting = project.spawn(*APPLY, "--lock-timeout", "60")

    code, text = end(project.spawn(*APPLY))

    assert code == 1
    assert "R408" in text
    assert f"process {held.process.pid}" in text
    held.go_on.set()
    assert end(held.process)[0] == end(waiting)[0] == 0
    assert names_of(server) == ["a", "b"]
    assert server.count("create") == 2
    project.is_converged()


def test_row_47_a_process_that_was_stopped_for_a_while_goes_on_alone(
    project: Project, server: FaultServer, held: Held
) -> None:
    held.process.send_signal(signal.SIGSTOP)
    held.go_on.set()
    while not server.account.finetunes:
        threading.Event().wait(0.01)

    code, text = end(project.spawn(*APPLY))

    assert code == 1
    assert "R408" in text
    held.process.send_signal(signal.SIGCONT)
    assert end(held.process)[0] == 0
    assert names_of(server) == ["a", "b"]
    assert server.count("create") == 2
    project.is_converged()


def test_row_49_a_project_that_is_deleted_loses_no_id(
    project: Project, server: FaultServer, tmp_path: Path
) -> None:
    project.environment = {**project.environment, "TMPDIR": str(tmp_path)}
    project.declare("a", "b")

    def delete(exchange: Exchange) -> bool:
        answer = exchange.execute()
        shutil.rmtree(project.folder)
        exchange.sock.sendall(answer)
        return True

    server.script("create", delete)

    code, text = end(project.spawn(*APPLY))

    assert code == 3
    assert "R410" in text
    assert server.account.finetunes[0]["id"] in text
    assert server.count("create") == 1
    (rescued,) = tmp_path.glob("reconciler.state.rescue.*.json")
    assert server.account.finetunes[0]["id"] in rescued.read_text()


def test_row_49_a_project_that_is_moved_goes_on_where_it_is(
    project: Project, server: FaultServer, tmp_path: Path
) -> None:
    project.environment = {**project.environment, "TMPDIR": str(tmp_path)}
    project.declare("a", "b")
    there = project.folder

    def move(exchange: Exchange) -> bool:
        answer = exchange.execute()
        there.rename(tmp_path / "moved")
        exchange.sock.sendall(answer)
        return True

    server.script("create", move)

    assert end(project.spawn(*APPLY))[0] == 3
    assert server.count("create") == 1
    (tmp_path / "moved").rename(there)
    assert end(project.spawn(*APPLY))[0] == 0
    assert names_of(server) == ["a", "b"]
    assert server.count("create") == 2
    project.is_converged()


def test_many_at_once_say_nothing_of_connections(project: Project, server: FaultServer) -> None:
    project.declare(*[f"n{number}" for number in range(40)])
    together = threading.Barrier(40)

    def made(exchange: Exchange) -> bool:
        answer = exchange.execute()
        together.wait(60)
        exchange.sock.sendall(answer)
        return True

    server.script("create", *[made] * 40)

    code, text = end(project.spawn("apply", "--auto-approve", "--parallelism", "40"))

    assert code == 0
    assert "urllib3" not in text
    assert server.count("create") == 40
    project.is_converged()


def test_row_48_the_lock_of_a_killed_process_is_free(
    project: Project, server: FaultServer, held: Held
) -> None:
    held.process.kill()
    held.process.wait(60)

    code, text = end(project.spawn(*APPLY))

    assert code == 3
    assert "R408" not in text
    assert server.count("create") == 1
    held.go_on.set()
    while not server.account.finetunes:
        threading.Event().wait(0.01)
    assert end(project.spawn(*APPLY))[0] == 0
    assert names_of(server) == ["a", "b"]
    assert server.count("create") == 2
    project.is_converged()


@pytest.mark.parametrize("replaced", [False, True])
def test_row_49_a_lock_file_that_is_removed_lets_nobody_create_twice(
    project: Project, server: FaultServer, held: Held, replaced: bool
) -> None:
    lock = project.folder / "reconciler.state.json.lock"
    lock.unlink()
    if replaced:
        lock.touch()

    second = end(project.spawn(*APPLY))
    held.go_on.set()
    first = end(held.process)

    # The second sees the intent of the first, which is the lock that cannot be removed.
    assert second[0] == 3
    assert "R605" in second[1]
    # The first cannot record what it created, says so, and goes no further.
    assert first[0] == 3
    assert "R410" in first[1]
    assert "R702" in first[1]
    assert server.count("create") == 1
    assert project.run(*APPLY).code == 0
    assert names_of(server) == ["a", "b"]
    assert server.count("create") == 2
    project.is_converged()


@pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed; it makes system calls fail"
)
@pytest.mark.parametrize("error", ["ENOLCK", "ENOSYS"])
def test_row_50_where_the_state_cannot_be_locked_nothing_is_sent(
    project: Project, error: str
) -> None:
    project.declare("a")
    tracer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=flock"]
    command = [sys.executable, "-m", "reconciler", *APPLY]

    done = subprocess.run(
        [*tracer, "-e", f"inject=flock:error={error}", *command],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "R409" in done.stderr
    assert project.creates() == 0


def test_row_51_two_machines_without_a_shared_lock_both_report_the_duplicate(
    project: Project, server: FaultServer, tmp_path: Path
) -> None:
    """Two states, one account: neither can know of the other, and both must see the end."""
    project.declare("a")
    other = Project(tmp_path / "other", project.box, project.capture)
    other.folder.mkdir()
    other.declare("a")
    both_sent = threading.Barrier(2)
    both_executed = threading.Barrier(2)

    def together(exchange: Any) -> bool:
        exchange.read_body()
        both_sent.wait(30)
        answer = exchange.execute()
        both_executed.wait(30)
        exchange.sock.sendall(answer)
        return True

    server.script("create", together, together)

    ends = [end(process) for process in [each.spawn(*APPLY) for each in (project, other)]]

    assert [code for code, _ in ends] == [3, 3]
    ids = [made["id"] for made in server.account.finetunes]
    assert len(ids) == 2
    for _, text in ends:
        assert "R703" in text
        assert all(id_ in text for id_ in ids)
    for each in (project, other):
        code, text = end(each.spawn("plan"))
        assert code == 1
        assert "R603" in text
        assert end(each.spawn(*APPLY))[0] == 1
    assert server.count("create") == 2


@pytest.mark.parametrize(
    ("description", "without_digest"),
    [("", "R609"), ("Somebody else's.", "R602")],
    ids=["alike", "another"],
)
def test_row_52_what_somebody_else_created_after_the_review_is_reported_and_not_adopted(
    project: Project, server: FaultServer, description: str, without_digest: str
) -> None:
    project.declare("a")
    digest = project.run("plan").out.splitlines()[-1]
    assert project.run("plan", "--out", "plan.json").code == 0
    made = server.account.create({"name": "a", "model": MODEL, "description": description})

    by_digest = end(project.spawn("apply", "--plan-digest", digest))
    by_file = end(project.spawn("apply", "plan.json"))

    for code, text in (by_digest, by_file):
        assert code == 1
        assert "R612" in text or "R602" in text
    assert server.count("create") == 0
    assert not (project.folder / "reconciler.state.json").exists()
    seen = project.run("plan")
    assert made["id"] in seen.out + seen.err
    if description:
        assert without_digest in seen.err
    else:
        assert "1 to adopt" in seen.out


def test_row_52_what_somebody_else_created_between_list_and_create_is_reported(
    project: Project, server: FaultServer
) -> None:
    project.declare("a", "b")

    def beside(exchange: Any) -> bool:
        exchange.read_body()
        server.account.create({"name": "a", "model": MODEL, "description": "Theirs."})
        exchange.sock.sendall(exchange.execute())
        return True

    server.script("create", beside)

    code, text = end(project.spawn(*APPLY, "--parallelism", "1"))

    theirs, ours, _ = server.account.finetunes
    assert code == 3
    assert "R703" in text
    assert theirs["id"] in text
    assert ours["id"] in str(state_of(project))
    assert theirs["id"] not in str(state_of(project))
