"""A damaged state is replaced by a good copy: on purpose, with the command that the error says."""

from __future__ import annotations

import codecs
import hashlib
import uuid
from pathlib import Path

import psycopg
import pytest

from reconciler.state import encode_state
from reconciler.stores import open_store
from tests.state.samples import rich
from tests.stores.commands import FILE, Project, overwrite
from tests.stores.conftest import SHARED, Serve
from tests.stores.contender import info

GOOD = encode_state(rich())
TORN = GOOD[: len(GOOD) // 2]
COPY = "copy.json"
KEPT = f"reconciler.state.damaged.{hashlib.sha256(TORN).hexdigest()[:8]}.json"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.keep(rich(), COPY)
    return made


@pytest.fixture(params=SHARED)
def damaged(project: Project, request: pytest.FixtureRequest, serve: Serve) -> str:
    """The address of a damaged state."""
    address = f"{serve(request.param).prefix}{uuid.uuid4()}"
    project.store(rich(), address)
    overwrite(address, TORN)
    return address


def test_what_the_error_says_puts_a_good_copy_back(project: Project, damaged: str) -> None:
    said = project.run("state", "list", "--state", damaged, code=1)
    assert "error[R402]" in said
    said = project.follow(said)
    assert f"{damaged} has serial 7 now, in place of a damaged state (kept as {KEPT})." in said
    assert (project.root / KEPT).read_bytes() == TORN
    assert project.stored(damaged) == rich()
    # It is a state like any other: work goes on with it.
    project.run("state", "rm", "plain", "--state", damaged)
    assert project.run("state", "list", "--state", damaged).count("plain") == 0


def test_a_push_without_the_flag_writes_nothing_and_says_the_whole_command(
    project: Project, damaged: str
) -> None:
    project.keep(rich(), "other copy.json")
    said = project.run("state", "push", "other copy.json", "--state", damaged, code=1)
    assert "error[R402]" in said
    assert "push 'other copy.json' --replace-damaged --state" in said
    assert "error[R402]" in project.run("state", "list", "--state", damaged, code=1)
    project.follow(said)
    assert project.stored(damaged) == rich()


@pytest.mark.parametrize("damaged", ["s3", "postgresql", "http"], indirect=True)
def test_only_the_holder_of_the_lock_replaces_it(project: Project, damaged: str) -> None:
    with open_store(damaged, project.root).lock(info("ada@runner"), 0):
        arguments = ("state", "push", COPY, "--replace-damaged", "--state", damaged)
        assert "R408" in project.run(*arguments, code=1)
    assert "error[R402]" in project.run("state", "list", "--state", damaged, code=1)


@pytest.mark.parametrize("damaged", ["s3", "postgresql", "http"], indirect=True)
def test_a_migration_does_not_replace_it(project: Project, damaged: str) -> None:
    project.keep(rich())
    said = project.run("state", "migrate", "--to", damaged, code=1)
    assert "error[R402]" in said
    assert "error[R402]" in project.run("state", "list", "--state", damaged, code=1)
    project.follow(said)
    project.run("state", "migrate", "--to", damaged)


@pytest.mark.parametrize("kind", ["s3", "postgresql", "http"])
def test_the_flag_replaces_no_state_that_can_be_read(
    project: Project, kind: str, serve: Serve
) -> None:
    address = f"{serve(kind).prefix}{uuid.uuid4()}"
    newer = rich().following(rich().finetunes, rich().pending)
    project.store(newer, address)
    arguments = ("state", "push", COPY, "--replace-damaged", "--state", address)
    assert "R423" in project.run(*arguments, code=1)
    assert project.stored(address) == newer


# A file


def test_a_damaged_file_is_kept_beside_the_copy_that_replaces_it(project: Project) -> None:
    (project.root / FILE).write_bytes(TORN)
    older = project.keep(rich(), f"{FILE}.backup")
    said = project.follow(project.run("state", "list", code=1))
    assert f"kept as {KEPT}" in said
    assert project.file() == GOOD
    assert (project.root / KEPT).read_bytes() == TORN
    assert (project.root / KEPT).stat().st_mode & 0o777 == 0o600
    # The backup may have been the only good copy; a damaged one never takes its place.
    assert (project.root / f"{FILE}.backup").read_bytes() == older
    project.run("state", "rm", "plain")
    assert (project.root / f"{FILE}.backup").read_bytes() == GOOD


def test_a_file_that_is_damaged_is_not_pushed(project: Project) -> None:
    project.keep(rich())
    (project.root / COPY).write_bytes(TORN)
    said = project.run("state", "push", COPY, "--replace-damaged", code=1)
    assert "Take another copy." in said
    assert project.file() == GOOD


def test_each_damaged_state_is_kept(project: Project) -> None:
    for damage in (TORN, GOOD[:50], TORN):
        (project.root / FILE).write_bytes(damage)
        assert "in place of a damaged state" in project.follow(project.run("state", "list", code=1))
    kept = {path.read_bytes() for path in project.root.glob("reconciler.state.damaged.*.json")}
    assert kept == {TORN, GOOD[:50]}


def test_what_is_there_under_its_name_is_not_taken_for_it(project: Project) -> None:
    (project.root / FILE).write_bytes(TORN)
    (project.root / KEPT).write_text("mine")
    said = project.follow(project.run("state", "list", code=1))
    (kept,) = project.root.glob("reconciler.state.damaged.????????????*.json")
    assert f"kept as {kept.name}" in said
    assert kept.read_bytes() == TORN
    assert (project.root / KEPT).read_text() == "mine"


def test_a_damaged_state_that_cannot_be_kept_is_not_replaced(project: Project) -> None:
    (project.root / FILE).write_bytes(TORN)
    (project.root / KEPT).mkdir()
    (project.root / KEPT).rmdir()
    (project.root / KEPT).symlink_to("nowhere/at-all")
    said = project.run("state", "push", COPY, "--replace-damaged", code=1)
    assert "error[R209]" in said
    assert project.file() == TORN


def test_a_damaged_state_says_what_it_still_shows_of_unresolved_creates(project: Project) -> None:
    (project.root / FILE).write_bytes(GOOD.replace(b'"Writes."', b'"Write5."'))
    said = " ".join(project.run("state", "list", code=1).split())
    assert "creates whose outcome was unknown: finetune.writer." in said


@pytest.mark.parametrize(
    "copy",
    [
        GOOD.removesuffix(b"\n"),
        GOOD + b"\n",
        GOOD.replace(b"\n", b"\r\n"),
        codecs.BOM_UTF8 + GOOD,
    ],
    ids=["no last line break", "two", "of Windows", "a mark before it"],
)
def test_what_shells_and_editors_do_to_a_copy_does_not_matter(
    project: Project, copy: bytes
) -> None:
    (project.root / COPY).write_bytes(copy)
    project.run("state", "push", COPY)
    assert project.file() == GOOD


def test_a_copy_from_the_history_is_taken(project: Project, postgresql: str) -> None:
    address = f"{postgresql}/{uuid.uuid4()}"
    project.store(rich(), address)
    overwrite(address, TORN)
    with psycopg.connect(postgresql) as connection:
        name = address.rpartition("/")[2]
        query = "SELECT convert_from(content, 'UTF8') FROM reconciler.history WHERE name = %s"
        row = connection.execute(query, [name]).fetchone()
    assert row is not None
    (project.root / COPY).write_text(row[0] + "\n")
    project.run("state", "push", COPY, "--replace-damaged", "--state", address)
    assert project.stored(address) == rich()
