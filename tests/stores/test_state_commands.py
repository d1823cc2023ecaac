"""`reconciler state mv|rm|unlock` over real stores, as a user runs them."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model import Address
from reconciler.stores import open_store
from tests.state.samples import ACCOUNT, rich
from tests.stores.commands import FILE, Project
from tests.stores.conftest import Serve
from tests.stores.contender import contenders, info
from tests.stores.places import BUCKET


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.keep(rich())
    return made


def test_rm_forgets_and_says_what_stays(project: Project) -> None:
    name = next(a for a in rich().finetunes if a not in rich().pending)
    assert "stays in the account" in project.run("state", "rm", name.name)
    assert str(name) not in json.loads(project.file())["finetunes"]


def test_mv_never_covers_another_record(project: Project) -> None:
    names = [a.name for a in rich().finetunes if a not in rich().pending]
    before = project.file()
    assert "R426" in project.run("state", "mv", str(names[0]), str(names[1]), code=1)
    said = project.run("state", "mv", str(names[0]), str(names[0]), code=1)
    assert "is its address already" in said
    assert "state rm" not in said
    assert project.file() == before


def test_rm_warns_of_every_generation_that_no_list_has_shown(project: Project) -> None:
    record = rich().finetunes[Address("bot")]
    (old,) = record.superseded
    unlisted = replace(record, superseded=(replace(old, seen=False),))
    project.keep(replace(rich(), finetunes={Address("bot"): unlisted}))
    said = project.run("state", "rm", "bot")
    assert f"No listing has shown {old.id} yet, which was created as {old.attributes.name}" in said
    assert record.current.id not in said


def test_unlock_shows_the_holder_and_frees_it_by_its_id(project: Project, s3: str) -> None:
    address = f"s3://{BUCKET}/{uuid.uuid4()}"
    holder = info("ada@runner")
    with open_store(address, project.root).lock(holder, 0):
        said = project.run("state", "unlock", "--state", address)
        assert "ada@runner" in said
        assert f"reconciler state unlock --force {holder.id}" in said
        assert "R422" in project.run("state", "unlock", "--state", address, "--force", "x", code=1)
        project.run("state", "unlock", "--state", address, "--force", holder.id)
        assert "is not locked" in project.run("state", "unlock", "--state", address)


def test_the_lock_of_a_file_is_its_process(project: Project) -> None:
    holder = info("ada@laptop")
    with open_store(FILE, project.root).lock(holder, 0):
        said = project.run("state", "unlock", "--force", holder.id, code=1)
    assert "End that process" in said
    assert "is not locked" in project.run("state", "unlock")


@pytest.mark.parametrize("kind", ["s3", "http"])
def test_the_commands_that_free_a_lock_are_printed_to_the_letter(
    project: Project, kind: str, serve: Serve
) -> None:
    address = f"{serve(kind).prefix}{uuid.uuid4()}"
    with contenders(1, "hold", address, project.root) as (holder,):
        holder.go()
        assert holder.hear() == "held"
        holder.kill()
    said = project.run("state", "migrate", "--to", address, code=1)
    assert "R408" in said
    said = project.follow(said)
    assert "is held by" in said
    assert "is free" in project.follow(said)
    said = project.run("state", "unlock", "--force", "x", "--state", address, code=1)
    assert "R422" in said
    assert f"{address} is not locked" in project.follow(said)


def test_the_id_of_a_hostile_lock_is_one_word_of_the_command(project: Project, s3: str) -> None:
    address = f"s3://{BUCKET}/{uuid.uuid4()}"
    with open_store(address, project.root).lock(replace(info(), id="$(touch gone); x"), 0):
        said = project.run("state", "unlock", "--state", address)
        assert "--force '$(touch gone); x' --state" in said
        assert "is free" in project.follow(said)


@pytest.mark.parametrize(
    "arguments",
    [
        "list",
        "show plain",
        "pull",
        "rm plain",
        "mv plain other",
        "migrate --to other.json",
        "push copy.json",
    ],
)
def test_a_state_of_another_account_is_refused(project: Project, arguments: str) -> None:
    """As plan and apply refuse it: what is done to it would be done to the wrong account's."""
    other = Project(project.root, {"CLOUDFLARE_ACCOUNT_ID": "f" * 32})
    before = project.file()
    project.keep(rich().following(rich().finetunes, rich().pending), "copy.json")
    said = " ".join(other.run("state", *arguments.split(), code=1).split())
    assert "R404" in said
    assert f"is of account {ACCOUNT}, not {'f' * 32}." in said
    assert f"CLOUDFLARE_ACCOUNT_ID={ACCOUNT}" in said
    assert project.file() == before
    assert not (project.root / "other.json").exists()
    # Its own account is none.
    Project(project.root, {"CLOUDFLARE_ACCOUNT_ID": ACCOUNT}).run("state", *arguments.split())


def test_a_token_in_the_place_of_the_account_is_not_repeated(project: Project) -> None:
    other = Project(project.root, {"CLOUDFLARE_ACCOUNT_ID": "a-secret-token"})
    assert "a-secret-token" not in other.run("state", "list", code=1)
