"""`reconciler state migrate|push` over real stores: what moves, what is refused, what is said."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.state import State, encode_state
from reconciler.stores import open_store
from tests.state.samples import empty, rich
from tests.stores.backend_server import Backend
from tests.stores.commands import FILE, Project
from tests.stores.conftest import SHARED, Serve
from tests.stores.contender import info
from tests.stores.http_proxy import tampering
from tests.stores.places import BUCKET

LOCKING = ["s3", "postgresql", "http"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.keep(rich())
    return made


@pytest.fixture
def address(request: pytest.FixtureRequest, serve: Serve) -> str:
    return f"{serve(request.param).prefix}{uuid.uuid4()}"


shared = pytest.mark.parametrize("address", SHARED, indirect=True)
locking = pytest.mark.parametrize("address", LOCKING, indirect=True)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def later(state: State, times: int = 1) -> State:
    for _ in range(times):
        state = state.following(state.finetunes, state.pending)
    return state


def without(state: State, *forgotten: str) -> State:
    """The next state, which knows nothing of some addresses."""
    kept = {a: r for a, r in state.finetunes.items() if a.name not in forgotten}
    pending = {a: i for a, i in state.pending.items() if a.name not in forgotten}
    return state.following(kept, pending)


# What moves


@shared
def test_a_state_moves_to_a_shared_place_and_back_by_one_command_each(
    project: Project, address: str
) -> None:
    before = project.file()
    said = project.run("state", "migrate", "--to", address)
    assert f"Copied serial 7 to {address}.\n" in said
    assert project.run("state", "pull", "--state", address).encode() == before
    # Work goes on there, and comes back with the same lineage.
    (name,) = list(rich().finetunes)[:1]
    project.run("state", "mv", str(name), "renamed", "--state", address)
    said = project.run("state", "migrate", "--state", address, "--to", FILE)
    assert f"Copied serial 8 to {FILE}, in place of serial 7.\n" in said
    document = json.loads(project.file())
    assert document["lineage"] == rich().lineage
    assert document["serial"] == rich().serial + 1
    assert "finetune.renamed" in document["finetunes"]


def test_a_newer_state_is_pushed_from_standard_input(project: Project) -> None:
    newer = later(rich())
    said = project.run("state", "push", "-", stdin=encode_state(newer).decode())
    assert f"{FILE} has serial 8 now, in place of serial 7." in said
    assert project.file() == encode_state(newer)


# What is refused


def test_an_older_state_is_not_pushed(project: Project) -> None:
    newer = later(rich())
    project.keep(rich(), "older.json")
    project.keep(newer)
    assert "R423" in project.run("state", "push", "older.json", code=1)
    assert project.file() == encode_state(newer)


@pytest.mark.parametrize("change", [{"lineage": str(uuid.uuid4())}, {"account_id": "0" * 32}])
def test_a_state_of_another_project_is_not_pushed(project: Project, change: dict[str, str]) -> None:
    other = encode_state(replace(rich(), serial=99, **change)).decode()
    before = project.file()
    assert "R423" in project.run("state", "push", "-", code=1, stdin=other)
    assert project.file() == before


def test_what_was_changed_apart_is_not_migrated_over(project: Project) -> None:
    apart = project.keep(without(rich(), "plain"), "other.json")
    project.keep(later(rich()))
    said = project.run("state", "migrate", "--to", "other.json", code=1)
    assert "R423" in said
    assert "same serial" in said
    assert (project.root / "other.json").read_bytes() == apart


@locking
@pytest.mark.parametrize("forgotten", ["writer", "plain"])
@pytest.mark.parametrize("command", ["migrate", "push"])
def test_what_only_the_stored_state_knows_is_not_overwritten(
    project: Project, address: str, command: str, forgotten: str
) -> None:
    """Copies that went apart: the one with the higher serial never saw what the other did.

    An intent that is lost is the way to a duplicate, a finetune that is lost to another.
    """
    project.store(rich(), address)
    project.keep(later(without(rich(), forgotten), 3))
    arguments = {"migrate": ("--to", address), "push": (FILE, "--state", address)}[command]
    said = project.run("state", command, *arguments, code=1)
    words = " ".join(said.split())
    assert "R423" in words
    unresolved = {"writer": "the unresolved create of finetune.writer"}
    assert unresolved.get(forgotten, f"finetune.{forgotten} (") in words
    assert project.stored(address) == rich()
    # And the command that it says shows the stored one.
    assert project.follow(said).encode() == encode_state(rich())


def test_a_generation_that_only_the_stored_state_knows_is_not_overwritten(project: Project) -> None:
    stored = project.keep(rich())
    records = {a: replace(r, superseded=()) for a, r in rich().finetunes.items()}
    project.keep(rich().following(records, rich().pending), "copy.json")
    assert "finetune.bot (" in project.run("state", "push", "copy.json", code=1)
    assert project.file() == stored


@locking
def test_work_done_after_two_states_went_apart_keeps_the_intent_of_the_other(
    project: Project, address: str
) -> None:
    """The whole story by commands: migrate, go on at both places, migrate again."""
    project.keep(without(rich(), "writer"))
    project.run("state", "migrate", "--to", address)
    # A run over there is killed in the middle of a create, which nobody knows here.
    before = open_store(address, project.root).load()
    assert before is not None
    doubtful = before.state.following(before.state.finetunes, rich().pending)
    open_store(address, project.root).save(doubtful, before.version)
    for new in ("first", "second", "third"):
        old = {"first": "plain", "second": "first", "third": "second"}[new]
        project.run("state", "mv", old, new)
    said = project.run("state", "migrate", "--to", address, code=1)
    assert "finetune.writer" in said
    assert project.stored(address) == doubtful


@locking
def test_an_intent_that_became_a_finetune_is_not_missed(project: Project, address: str) -> None:
    """The way back over the old copy, which still has the intent, and so has a rescued state."""
    project.store(rich(), address)
    (writer, intent), *_ = rich().pending.items()
    generation = replace(
        rich().finetunes[next(iter(rich().finetunes))].current,
        id="00000099-0000-4000-8000-000000000000",
        attributes=intent.attributes,
    )
    record = replace(next(iter(rich().finetunes.values())), current=generation, superseded=())
    project.keep(rich().following({**rich().finetunes, writer: record}, {}))
    assert "in place of serial 7" in project.run("state", "migrate", "--to", address)
    # But one that was listed before the create was sent is not what became of it,
    other = replace(record, current=replace(generation, id=intent.known_ids[0]))
    stored = project.keep(rich(), "stored.json")
    project.keep(rich().following({**rich().finetunes, writer: other}, {}))
    assert "R423" in project.run("state", "migrate", "--to", "stored.json", code=1)
    assert (project.root / "stored.json").read_bytes() == stored
    # nor one that was recorded before, such as one that is gone from the account.
    before = replace(rich(), finetunes={**rich().finetunes, writer: record})
    stored = project.keep(before, "stored.json")
    project.keep(before.following(before.finetunes, {}))
    assert "R423" in project.run("state", "migrate", "--to", "stored.json", code=1)
    assert (project.root / "stored.json").read_bytes() == stored


@pytest.mark.parametrize("to", [f"./{FILE}", f"folder/../{FILE}", "{root}/" + FILE, "link.json"])
def test_a_state_is_not_migrated_onto_itself(project: Project, to: str) -> None:
    (project.root / "folder").mkdir()
    (project.root / "link.json").symlink_to(FILE)
    before = names(project.root)
    said = project.run("state", "migrate", "--to", to.format(root=project.root), code=1)
    assert "R201" in said
    assert f"The state is in {FILE} already." in said
    assert names(project.root) == before


def test_a_database_is_one_place_by_whatever_options(project: Project, postgresql: str) -> None:
    address = f"{postgresql}/{uuid.uuid4()}"
    project.store(rich(), address)
    to = f"{address}?sslrootcert=system"
    assert "R201" in project.run("state", "migrate", "--state", address, "--to", to, code=1)


@locking
def test_where_there_is_no_state_nothing_is_made(
    tmp_path: Path, address: str, project: Project
) -> None:
    (tmp_path / "wrong").mkdir()
    wrong = Project(tmp_path / "wrong")
    assert "R412" in wrong.run("state", "migrate", "--to", "other.json", code=1)
    assert "R412" in wrong.run("state", "migrate", "--to", address, code=1)
    assert "R412" in wrong.run("state", "migrate", "--state", address, "--to", FILE, code=1)
    assert not names(wrong.root)


# Locks, and the copy


@locking
def test_a_place_that_is_held_is_left_alone(project: Project, address: str) -> None:
    project.store(empty(), address)
    newer = replace(rich(), serial=99)
    project.keep(newer)
    for held in (FILE, address):
        with open_store(held, project.root).lock(info("ada@runner"), 0):
            for source, target in ((FILE, address), (address, FILE)):
                said = project.run("state", "migrate", "--state", source, "--to", target, code=1)
                assert "R408" in said, (held, source)
                assert "ada@runner" in said
    assert project.stored(address) == empty()
    assert project.file() == encode_state(newer)


@locking
def test_a_push_waits_its_turn(project: Project, address: str) -> None:
    with open_store(address, project.root).lock(info("ada@runner"), 0):
        assert "R408" in project.run("state", "push", FILE, "--state", address, code=1)
    assert project.stored(address) is None


def test_a_copy_that_reads_back_as_another_is_told(project: Project, http_backend: Backend) -> None:
    """A server that says yes and keeps what it had, or keeps something else."""
    path = "/state/prod"
    with tampering(http_backend.url) as proxy:

        def decide(method: str, number: int) -> str:
            if path in http_backend.states:
                http_backend.states[path] = encode_state(later(rich(), 5))
            return ""

        proxy.decide = decide
        said = project.run("state", "migrate", "--to", f"{proxy.url}{path}", code=1)
    assert "R407" in said
    assert "not what was written" in " ".join(said.split())
    assert project.file() == encode_state(rich())
    assert not http_backend.locks


def test_a_copy_that_is_not_there_afterwards_is_told(
    project: Project, http_backend: Backend
) -> None:
    path = "/state/prod"
    with tampering(http_backend.url) as proxy:
        proxy.decide = lambda method, number: "200 yes" if method == "POST" else ""
        said = project.run("state", "migrate", "--to", f"{proxy.url}{path}", code=1)
    assert "R407" in said
    assert project.file() == encode_state(rich())


# What is said at the end


@shared
def test_what_is_said_at_the_end_leads_to_the_new_place(project: Project, address: str) -> None:
    """To the letter: in the project file, or in the environment where the file is not enough."""
    said = project.run("state", "migrate", "--to", address)
    (project.root / FILE).unlink()
    file = project.root / "reconciler.yaml"
    if address.startswith(("postgresql", "http")):
        assert f"export RECONCILER_STATE={address}\n" in said
        assert "reconciler.yaml" not in said
        there = Project(project.root, {"RECONCILER_STATE": address})
        # As the file says it, it is refused.
        file.write_text(f"version: 1\nstate: {address}\n")
        assert "R419" in project.run("state", "list", code=1)
    else:
        (line,) = (line for line in said.splitlines() if "reconciler.yaml" in line)
        file.write_text(f"version: 1\n{line.partition('reconciler.yaml: ')[2]}\n")
        there = project
    assert "finetune.plain" in there.run("state", "list")


def test_a_variable_that_beats_the_project_file_is_named(project: Project, s3: str) -> None:
    here = Project(project.root, {"RECONCILER_STATE": FILE})
    address = f"s3://{BUCKET}/{uuid.uuid4()}"
    said = here.run("state", "migrate", "--to", address)
    assert f"export RECONCILER_STATE={address}\n" in said
    assert "reconciler.yaml" not in said


def test_the_options_of_a_database_stay_in_every_address(project: Project, postgresql: str) -> None:
    """Without its sslmode the next run would trust any server."""
    address = f"{postgresql}/{uuid.uuid4()}?sslrootcert=/etc/ssl/our%20own.pem"
    said = project.run("state", "migrate", "--to", address)
    assert f"export RECONCILER_STATE='{address}'\n" in said
    there = Project(project.root, {"RECONCILER_STATE": address})
    assert "finetune.plain" in there.run("state", "list")
    project.keep(later(without(rich(), "plain"), 2))
    said = project.run("state", "push", FILE, "--state", address, code=1)
    assert f"--state '{address}'" in said
    assert project.follow(said).encode() == encode_state(rich())
    with open_store(address, project.root).lock(info("ada@runner"), 0):
        assert "ada@runner" in project.follow(there.run("state", "rm", "plain", code=1))
