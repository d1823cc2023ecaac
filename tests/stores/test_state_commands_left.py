"""A lock that could not be let go hides nothing of what was done under it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model import Address
from reconciler.sandbox import Sandbox, SandboxSettings
from reconciler.state import encode_state
from tests.state.samples import rich
from tests.stores.backend_server import Backend
from tests.stores.commands import FILE, Project
from tests.stores.http_proxy import Proxy, tampering

PATH = "/state"
RAW = encode_state(rich())


@pytest.fixture
def proxy(http_backend: Backend) -> Iterator[Proxy]:
    """A way to the server on which no lock is released."""
    with tampering(http_backend.url) as made:
        made.decide = lambda method, number: "cut" if method == "UNLOCK" else ""
        yield made


@pytest.fixture
def project(tmp_path: Path, proxy: Proxy) -> Project:
    return Project(tmp_path, {"RECONCILER_STATE": f"{proxy.url}{PATH}"})


def test_rm(project: Project, http_backend: Backend) -> None:
    record = rich().finetunes[Address("plain")]
    unlisted = replace(record, current=replace(record.current, seen=False))
    state = replace(rich(), finetunes={**rich().finetunes, Address("plain"): unlisted})
    http_backend.states[PATH] = encode_state(state)
    said = project.run("state", "rm", "plain", code=1)
    assert "error[R425]" in said
    assert "finetune.plain: forgotten" in said
    assert "No listing has shown" in said


def test_mv(project: Project, http_backend: Backend) -> None:
    http_backend.states[PATH] = RAW
    said = project.run("state", "mv", "plain", "other", code=1)
    assert "error[R425]" in said
    assert "finetune.plain is now finetune.other." in said


def test_push_over_a_damaged_state(project: Project, http_backend: Backend) -> None:
    http_backend.states[PATH] = RAW[:100]
    project.keep(rich(), "copy.json")
    said = project.run("state", "push", "copy.json", "--replace-damaged", code=1)
    assert "error[R425]" in said
    assert "in place of a damaged state (kept as " in said
    assert "wait, and make sure first" in " ".join(said.split())


def test_migrate_says_whose_lock_stayed(
    project: Project, proxy: Proxy, http_backend: Backend
) -> None:
    here = replace(project, environment={})
    here.keep(rich())
    there = f"{proxy.url}{PATH}?workspace=prod"
    said = here.run("state", "migrate", "--to", there, code=1)
    assert "error[R425]" in said
    assert "Copied serial 7" in said
    proxy.decide = lambda method, number: ""
    assert "is free" in here.follow(here.follow(_commands_of_errors(said)))
    assert http_backend.locks == {}


def test_plan(project: Project, http_backend: Backend, tmp_path: Path) -> None:
    with Sandbox(tmp_path / "account") as box:
        account = {
            "CLOUDFLARE_API_BASE_URL": box.base_url,
            "CLOUDFLARE_API_TOKEN": SandboxSettings().token,
            "CLOUDFLARE_ACCOUNT_ID": SandboxSettings().account_id,
        }
        planning = replace(project, environment={**project.environment, **account})
        (tmp_path / "finetunes.yaml").write_text("version: 1\nfinetunes: {}\n")
        said = planning.run("plan", "--out", "plan.json", code=1)
    assert "error[R425]" in said
    assert "No changes." in said
    assert (tmp_path / "plan.json").exists()


@pytest.mark.parametrize("trouble", ["locked", "damaged", "newer"])
def test_what_a_migration_advises_is_about_the_place_of_the_trouble(
    project: Project, proxy: Proxy, http_backend: Backend, trouble: str
) -> None:
    proxy.decide = lambda method, number: ""
    here = replace(project, environment={})
    here.keep(rich())
    here.keep(rich(), "copy.json")
    if trouble == "locked":
        http_backend.locks[PATH] = b'{"ID":"gone","Who":"ada@ci"}'
    later = replace(rich(), serial=9)
    http_backend.states[PATH] = RAW[:100] if trouble == "damaged" else encode_state(later)
    there = f"{proxy.url}{PATH}?workspace=prod"
    said = here.run("state", "migrate", "--state", FILE, "--to", there, code=1)
    told = here.follow(said)
    if trouble == "locked":
        assert "is held by ada@ci" in told
    elif trouble == "damaged":
        assert http_backend.states[PATH] == RAW
    else:
        assert told.encode() == encode_state(later)


def _commands_of_errors(said: str) -> str:
    return said[said.index("error[") :]
