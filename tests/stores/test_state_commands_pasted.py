"""What the state commands advise is typed to the letter, wherever the state is and is named."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from reconciler.cli.files import SANDBOX_STATE
from reconciler.model import Address
from reconciler.sandbox import SandboxSettings
from reconciler.state import decode_state, encode_state
from reconciler.stores import open_store
from tests.state.samples import rich
from tests.stores.backend_server import Backend
from tests.stores.commands import FILE, Project
from tests.stores.conftest import Serve
from tests.stores.contender import info
from tests.stores.places import BUCKET

GOOD = encode_state(rich())
TORN = GOOD[: len(GOOD) // 2]
COPY = "copy.json"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.keep(rich(), COPY)
    return made


@pytest.fixture(params=["typed", "in the environment"])
def queried(
    project: Project, http_backend: Backend, request: pytest.FixtureRequest
) -> Iterator[tuple[Project, list[str]]]:
    """A damaged state whose address has a query, and how a command names it."""
    http_backend.states["/state"] = TORN
    address = f"{http_backend.url}/state?workspace=prod"
    typed = request.param == "typed"
    named = project if typed else replace(project, environment={"RECONCILER_STATE": address})
    yield named, ["--state", address] if typed else []
    assert all("workspace=prod" in url for _, url, _ in http_backend.log), "another state"


def test_an_address_with_a_query_is_repeated_whole_or_not_at_all(
    queried: tuple[Project, list[str]], http_backend: Backend
) -> None:
    project, flags = queried
    said = project.run("state", "list", *flags, code=1)
    assert "error[R402]" in said
    assert ("workspace=prod" in said) == bool(flags)
    project.follow(said)
    assert http_backend.states == {"/state": GOOD}

    http_backend.locks["/state"] = json.dumps({"ID": "gone", "Who": "ada@ci"}).encode()
    said = project.run("state", "rm", "plain", *flags, code=1)
    assert "error[R408]" in said
    assert "is free" in project.follow(project.follow(said))


def test_two_queries_are_two_places(project: Project, http_backend: Backend) -> None:
    http_backend.states["/state"] = GOOD
    here, there = (f"{http_backend.url}/state?name={name}" for name in "ab")
    said = project.run("state", "migrate", "--state", here, "--to", there, code=1)
    assert "already" not in said


def test_the_state_of_the_emulated_account_is_named_by_its_flag(project: Project) -> None:
    made_up = decode_state(GOOD, "").following({}, {})
    made_up = replace(made_up, account_id=SandboxSettings().account_id)
    (project.root / COPY).write_bytes(encode_state(made_up))
    (project.root / ".reconciler").mkdir()
    (project.root / SANDBOX_STATE).write_bytes(TORN)
    account = replace(project, environment={"CLOUDFLARE_ACCOUNT_ID": rich().account_id})
    said = account.run("state", "push", COPY, "--sandbox", code=1)
    assert f"reconciler state push --sandbox {COPY} --replace-damaged" in said
    assert "in place of a damaged state" in account.follow(said)


def test_the_state_of_the_emulated_account_is_not_moved(project: Project) -> None:
    said = project.run("state", "migrate", "--sandbox", "--to", "elsewhere.json", code=1)
    assert "error[R201]" in said
    assert not (project.root / "elsewhere.json").exists()


@pytest.mark.parametrize("content", ['{"Who":"somebody"}', '{"ID":"","Who":"somebody"}', "what"])
def test_a_lock_without_an_id_can_be_freed(project: Project, s3: str, content: str) -> None:
    key = str(uuid.uuid4())
    address = f"s3://{BUCKET}/{key}"
    bucket = S3Store(BUCKET, endpoint=s3, region="us-east-1", client_options={"allow_http": True})
    obstore.put(bucket, f"{key}.tflock", content.encode())
    assert "is free" in project.follow(project.run("state", "unlock", "--state", address))
    assert "is not locked" in project.run("state", "unlock", "--state", address)


def test_a_long_id_is_not_cut_short(project: Project, serve: Serve) -> None:
    address = f"{serve('http').prefix}{uuid.uuid4()}"
    with open_store(address, project.root).lock(replace(info(), id="a" * 150), 0):
        assert "is free" in project.follow(project.run("state", "unlock", "--state", address))


@pytest.mark.parametrize("odd", ["a\nb", "a\tb", "a\u200bb", "a\\b", "-x", "it's"])
def test_an_id_that_cannot_be_typed_is_freed_as_it_is_shown(
    project: Project, serve: Serve, odd: str
) -> None:
    address = f"{serve('s3').prefix}{uuid.uuid4()}"
    with open_store(address, project.root).lock(replace(info(), id=odd), 0):
        assert "is free" in project.follow(project.run("state", "unlock", "--state", address))


def test_no_command_is_made_up_where_the_server_tells_no_id(
    project: Project, http_backend: Backend
) -> None:
    http_backend.terse = True
    http_backend.locks["/state"] = json.dumps({"ID": "real", "Who": "ada@ci"}).encode()
    address = f"{http_backend.url}/state"
    said = project.run("state", "unlock", "--state", address)
    assert "--force unknown" not in said
    assert "tells nobody which lock it is" in said
    project.run("state", "unlock", "--force", "real", "--state", address)
    assert http_backend.locks == {}


def test_an_address_with_an_unresolved_create_is_not_to_be_forgotten_first(
    project: Project,
) -> None:
    project.keep(rich())
    (writer,) = rich().pending
    said = project.run("state", "mv", "plain", writer.name, code=1)
    assert "error[R426]" in said
    assert "reconciler plan" in said
    assert "state rm" not in said


def test_what_came_from_standard_input_is_named_as_a_file(project: Project) -> None:
    (project.root / FILE).write_bytes(TORN)
    said = project.run("state", "push", "-", code=1, stdin=GOOD.decode())
    assert "in place of a damaged state" in project.follow(said)


def test_the_backup_is_named_only_where_there_is_one(project: Project) -> None:
    (project.root / FILE).write_bytes(TORN)
    assert f"state push {COPY}" in project.run("state", "list", code=1)
    project.keep(rich(), f"{FILE}.backup")
    assert f"state push {FILE}.backup" in project.run("state", "list", code=1)


@pytest.mark.parametrize("name", ["a: b #c.json", "no", "1.5", "états.json", "plain/state.json"])
def test_the_new_place_can_be_pasted_into_the_project_file(project: Project, name: str) -> None:
    project.keep(rich())
    said = project.run("state", "migrate", "--to", name)
    (told,) = (line for line in said.splitlines() if "in reconciler.yaml" in line)
    settings = f"version: 1\n{told.partition('in reconciler.yaml: ')[2]}\n"
    (project.root / "reconciler.yaml").write_text(settings)
    (project.root / FILE).unlink()
    assert str(Address("plain")) in project.run("state", "list")
