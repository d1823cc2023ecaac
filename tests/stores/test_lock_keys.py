"""A lock goes with its own key alone: nobody else's, and none that nobody can give."""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import obstore
import psycopg
import pytest

from reconciler.state import StateLock, StateStore
from reconciler.stores import object_client, open_store
from tests.faults.server import unused_port
from tests.state.samples import rich
from tests.stores.commands import Project, bucket
from tests.stores.conftest import SHARED, Serve
from tests.stores.contender import info
from tests.stores.http_proxy import tampering
from tests.stores.places import BUCKET, Served
from tests.stores.wire import wire

OBJECTS = [kind for kind in SHARED if kind.values[0] in ("s3", "r2", "gs", "az")]
PUSH = ("state", "push", "copy.json")


@dataclass(slots=True)
class Scene:
    """A state at a server, whose clients are opened here before a command is led astray."""

    served: Served
    root: Path
    name: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def address(self) -> str:
        return f"{self.served.prefix}{self.name}"

    def open(self) -> StateStore:
        store = open_store(self.address, self.root)
        # It is first used here, while the environment leads straight to the server.
        store.holder()
        return store

    def lock_key(self) -> str:
        return f"{self.address.partition(f'{BUCKET}/')[2]}.tflock"

    def through(self, url: str) -> Project:
        project = Project(self.root, self.served.through(urlsplit(url).port or 0).environment)
        project.keep(rich(), "copy.json")
        return project


@pytest.fixture
def scene(kind: str, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(object_client, "FIRST_PAUSE", 0.01)
    return Scene(serve(kind), tmp_path)


# A lock that passes to the next run while it is let go, or freed


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("command", ["push", "unlock"])
def test_a_delete_is_not_repeated_on_the_lock_of_the_next_run(scene: Scene, command: str) -> None:
    first, second, next_run = info("first@runner"), info("second@runner"), scene.open()
    with ExitStack() as holding, tampering(f"http://127.0.0.1:{scene.served.port}") as proxy:
        locks: list[StateLock] = []
        is_lost = threading.Event()

        def decide(method: str, number: int) -> str:
            if is_lost.is_set() and not locks:
                locks.append(holding.enter_context(next_run.lock(second, 0)))
            if method in ("DELETE", "POST") and not is_lost.is_set():
                is_lost.set()
                return "swallow"
            return ""

        proxy.decide = decide
        project = scene.through(proxy.url)
        if command == "unlock":
            holding.enter_context(scene.open().lock(first, 0))
            force = ("--force", first.id)
            assert "is free" in project.run("state", "unlock", *force, "--state", scene.address)
        else:
            project.run(*PUSH, "--state", scene.address)
        (lock,) = locks
        lock.check()


class HandOver:
    """A lock that its holder lets go at a message of another's connection, and the next takes."""

    def __init__(self, scene: Scene, step: int) -> None:
        self.first = info("first@runner")
        self.lock: StateLock | None = None
        self._step = step
        self._next_run = scene.open()
        self._leaving, self._holding = ExitStack(), ExitStack()
        self._leaving.enter_context(scene.open().lock(self.first, 0))
        # The last message says good-bye, and the command does not wait for its passage.
        self._guard, self._is_over = threading.Lock(), False

    def before(self, number: int) -> None:
        with self._guard:
            if number == self._step and not self._is_over:
                self._leaving.close()
                self.lock = self._holding.enter_context(
                    self._next_run.lock(info("second@runner"), 0)
                )

    def over(self) -> None:
        with self._guard:
            self._is_over = True

    def close(self) -> None:
        self._leaving.close()
        self._holding.close()


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_lock_that_changes_hands_while_it_is_freed_stays_with_the_next(scene: Scene) -> None:
    told: list[bool] = []
    for step in range(1, 100):
        with wire(scene.served.port) as cable, closing(HandOver(scene, step)) as hands:
            cable.before = hands.before
            near = f"{scene.served.through(cable.port).prefix}{scene.name}"
            force = ("--force", hands.first.id)
            said = Project(scene.root).run("state", "unlock", *force, "--state", near, code=None)
            hands.over()
            if hands.lock is None:
                assert "is free" in said
                break
            hands.lock.check()
            told.append("R422" in said)
    # Only at the good-bye it is ended already; the next one has the lock anyhow.
    assert False not in told[:-1]
    assert 5 < len(told) < 99


# A lock whose description names no id


def hold_without_id(scene: Scene, kind: str, text: str, holding: ExitStack) -> None:
    if kind != "postgresql":
        obstore.put(bucket(kind), scene.lock_key(), text.encode())
        return
    holding.enter_context(scene.open().lock(info(), 0))
    with psycopg.connect(scene.served.endpoint) as connection:
        query = "UPDATE reconciler.holder SET info = %s WHERE name = %s"
        assert connection.execute(query, [text, scene.name]).rowcount == 1


@pytest.mark.parametrize("kind", ["s3", "postgresql"])
@pytest.mark.parametrize("id_", [..., "", None, 5, ["x"]])
def test_a_lock_without_an_id_is_freed_by_the_command_that_is_said(
    scene: Scene, kind: str, id_: object
) -> None:
    described = {"Who": "somebody"} if id_ is ... else {"ID": id_, "Who": "somebody"}
    project = Project(scene.root)
    with ExitStack() as holding:
        hold_without_id(scene, kind, json.dumps(described), holding)
        said = project.run("state", "unlock", "--state", scene.address)
        assert "--force unknown" in said
        assert "is free" in project.follow(said)
        assert "is not locked" in project.run("state", "unlock", "--state", scene.address)


# A lock that was taken, which nobody could tell


@pytest.mark.parametrize("kind", OBJECTS)
def test_a_lock_whose_making_was_not_answered_is_let_go(scene: Scene) -> None:
    store = scene.open()
    with tampering(f"http://127.0.0.1:{scene.served.port}") as proxy:
        read_back = object_client.ATTEMPTS + 1
        proxy.decide = lambda method, number: (
            "swallow" if number == 1 else "cut" if number <= read_back else ""
        )
        said = scene.through(proxy.url).run(*PUSH, "--state", scene.address, code=1)
        (made, *_) = proxy.requests
    assert made[0] == "PUT"
    assert "error[R413]" in said
    assert "R425" not in said
    assert store.holder() is None


@pytest.mark.parametrize("kind", OBJECTS)
def test_a_lock_that_may_have_been_made_is_told_where_it_cannot_be_let_go(scene: Scene) -> None:
    store = scene.open()
    with tampering(f"http://127.0.0.1:{scene.served.port}") as proxy:
        proxy.decide = lambda method, number: "swallow" if number == 1 else "cut"
        said = scene.through(proxy.url).run(*PUSH, "--state", scene.address, code=1)
    assert store.holder() is not None
    assert "error[R413]" in said
    assert "error[R425]" in said
    assert "may still be there: " in " ".join(said.split())


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("answer", ["", "403 AccessDenied", "429 SlowDown"])
def test_a_lock_that_was_never_made_is_not_told(scene: Scene, answer: str) -> None:
    with tampering(f"http://127.0.0.1:{scene.served.port}") as proxy:
        proxy.decide = lambda method, number: answer
        # No answer at all: nothing listens there.
        url = proxy.url if answer else f"http://127.0.0.1:{unused_port()}"
        said = scene.through(url).run(*PUSH, "--state", scene.address, code=1)
    assert "error[R4" in said
    assert "R425" not in said
