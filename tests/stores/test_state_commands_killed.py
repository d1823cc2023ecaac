"""A migration that is killed at each of its steps, and two at once: nothing is lost."""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.state import encode_state
from reconciler.stores import open_store
from tests.state.samples import rich
from tests.stores.commands import FILE, Project
from tests.stores.conftest import Serve
from tests.stores.http_proxy import Proxy, tampering

KINDS = ["s3", "http"]
MOST_STEPS = 30


@dataclass(frozen=True, slots=True)
class Road:
    """The way to a shared place, on which requests can be held up."""

    project: Project
    address: str
    proxy: Proxy

    def run_until(self, step: int, what: str, *arguments: str) -> bool:
        """Kill a command at one of its requests, which is then "cut" or "swallow"ed.

        Returns whether it came so far.
        """
        started = threading.Event()
        running: list[subprocess.Popen[str]] = []

        def decide(method: str, number: int) -> str:
            if number - before != step:
                return ""
            assert started.wait(60)
            running[0].kill()
            running[0].wait()
            return what

        before = len(self.proxy.requests)
        self.proxy.decide = decide
        with self.project.start(*arguments) as process:
            running.append(process)
            started.set()
            said, _ = process.communicate()
        self.proxy.decide = lambda method, number: ""
        assert process.returncode in (0, -9), said
        return process.returncode == -9


@pytest.fixture
def road(request: pytest.FixtureRequest, serve: Serve, tmp_path: Path) -> Iterator[Road]:
    served = serve(request.param)
    parts = urlsplit(served.endpoint)
    with tampering(f"{parts.scheme}://{parts.netloc}") as proxy:
        prefix = served.prefix.replace(served.endpoint, proxy.url)
        environment = {served.variable: proxy.url} if served.variable else {}
        yield Road(Project(tmp_path, environment), f"{prefix}{uuid.uuid4()}", proxy)


def finish(project: Project, *arguments: str) -> str:
    """Run a command again, and do what it says where a dead run holds the lock."""
    said = project.run(*arguments, code=None)
    if "R408" in said:
        assert "state migrate since" in " ".join(said.split())
        assert "is free" in project.follow(project.follow(said))
        said = project.run(*arguments)
    return said


@pytest.mark.parametrize("road", KINDS, indirect=True)
@pytest.mark.parametrize("what", ["cut", "swallow"])
def test_a_migration_that_is_killed_at_any_step_is_finished_by_the_next(
    road: Road, what: str
) -> None:
    """cut: the server never saw the request; swallow: it executed it."""
    project, before = road.project, road.project.keep(rich())
    for step in range(1, MOST_STEPS):
        address = f"{road.address}-{step}"
        arguments = ("state", "migrate", "--to", address)
        if not road.run_until(step, what, *arguments):
            break
        assert project.file() == before
        # There is nothing at all there, or the whole of it.
        there = project.run("state", "pull", "--state", address, code=None)
        assert "R412" in there or there.encode() == before
        assert f"Copied serial 7 to {address}" in finish(project, *arguments)
        assert project.run("state", "pull", "--state", address).encode() == before
        assert "is not locked" in project.run("state", "unlock", "--state", address)
        assert "is not locked" in project.run("state", "unlock")
    assert step > 5


@pytest.mark.parametrize("road", KINDS, indirect=True)
@pytest.mark.parametrize("what", ["cut", "swallow"])
def test_so_is_one_on_the_way_back(road: Road, what: str) -> None:
    project, raw = road.project, encode_state(rich())
    (project.root / "copy.json").write_bytes(raw)
    project.run("state", "push", "copy.json", "--state", road.address)
    for step in range(1, MOST_STEPS):
        (project.root / FILE).unlink(missing_ok=True)
        arguments = ("state", "migrate", "--state", road.address, "--to", FILE)
        if not road.run_until(step, what, *arguments):
            break
        assert not (project.root / FILE).exists() or project.file() == raw
        finish(project, *arguments)
        assert project.file() == raw
        assert project.run("state", "pull", "--state", road.address).encode() == raw
    assert step > 3


@pytest.mark.parametrize("road", KINDS, indirect=True)
def test_of_two_migrations_at_once_one_is_told_of_the_other(road: Road) -> None:
    """From two copies that went apart to one place; the first is held up as it saves."""
    project = road.project
    (project.root / "other").mkdir()
    other = Project(project.root / "other", project.environment)
    project.keep(rich())
    other.keep(rich().following({}, rich().pending))
    saving, going_on = threading.Event(), threading.Event()
    save = "POST" if road.address.startswith("http") else "PUT"

    def decide(method: str, number: int) -> str:
        path = road.proxy.requests[number - 1][1]
        if method == save and "lock" not in path and not saving.is_set():
            saving.set()
            assert going_on.wait(60)
        return ""

    road.proxy.decide = decide
    with project.start("state", "migrate", "--to", road.address) as first:
        assert saving.wait(60)
        said = other.run("state", "migrate", "--to", road.address, code=1)
        assert "R408" in said
        assert f"(process {first.pid}), state migrate since" in " ".join(said.split())
        # Nor does anybody else change what is just being copied.
        assert "R408" in project.run("state", "rm", "plain", code=1)
        going_on.set()
        told, _ = first.communicate()
    assert first.returncode == 0, told
    assert project.stored(road.address) == rich()
    assert "R423" in other.run("state", "migrate", "--to", road.address, code=1)
    assert project.stored(road.address) == rich()


@pytest.mark.parametrize("road", ["s3"], indirect=True)
@pytest.mark.parametrize("way", ["there", "back"])
def test_a_lock_that_is_freed_meanwhile_is_noticed(road: Road, way: str) -> None:
    """Freed as the state is read: nothing is saved any more, or the copy is known to be stale."""
    project, store = road.project, open_store(road.address, road.project.root)
    arguments = ("state", "migrate", "--to", road.address)
    if way == "back":
        project.store(rich(), road.address)
        arguments = ("state", "migrate", "--state", road.address, "--to", FILE)
    else:
        project.keep(rich())
    freed = threading.Event()

    def decide(method: str, number: int) -> str:
        path = road.proxy.requests[number - 1][1]
        holder = None if freed.is_set() or method != "GET" or "lock" in path else store.holder()
        if holder:
            store.break_lock(holder.id)
            freed.set()
        return ""

    road.proxy.decide = decide
    said = project.run(*arguments, code=1)
    assert freed.is_set()
    assert "R410" in said
    if way == "there":
        assert project.stored(road.address) is None
