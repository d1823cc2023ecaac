"""Adapters from the manifest to the account: whole, or said to be incomplete."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.adapters.support import fresh, ready
from tests.cli.conftest import Project
from tests.cli.test_protocol import apply, server
from tests.faults import reactions
from tests.faults.server import FaultServer, answer_truly

FILES = ("adapter_config.json", "adapter_model.safetensors")

__all__ = ["server"]


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def test_a_fresh_adapter_arrives_whole(project: Project) -> None:
    folder = ready(project.folder)
    project.declare("a: {adapter: mistral}")

    assert project.apply().code == 0
    (there,) = project.box.account.finetunes()
    uploaded = {asset.file_name: asset.sha256 for asset in project.box.account.assets(there.id)}
    assert uploaded == digests(folder)
    shown = project.run("state", "show", "a").out
    assert shown.count("uploaded") == 2


def test_a_known_mistake_is_stopped_before_anything_is_created(project: Project) -> None:
    fresh(project.folder)
    project.declare("a: {adapter: mistral}", "b")

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert '"model_type": "mistral"' in result.err
    assert project.creates() == 0


def test_row_33_an_upload_that_failed_is_finished_by_the_next_apply(
    project: Project, server: FaultServer
) -> None:
    folder = ready(project.folder)
    project.declare("a: {adapter: mistral}")
    server.script("upload", answer_truly, reactions.api_error(413, 3006, "too large"))

    first = apply(project)
    planned = project.run("plan", "--detailed-exitcode")
    second = apply(project)

    assert first.code == 1
    assert "a is incomplete: it lacks adapter_model.safetensors" in first.out
    assert planned.code == 2
    assert "1 to upload" in planned.out
    assert second.code == 0
    assert server.count("create") == 1
    assert server.count("upload") == 3
    (files,) = server.account.assets.values()
    assert {n: hashlib.sha256(raw).hexdigest() for n, raw in files.items()} == digests(folder)
    project.is_converged()


def test_row_32_a_lost_upload_answer_sends_the_same_bytes_again(
    project: Project, server: FaultServer
) -> None:
    ready(project.folder)
    project.declare("a: {adapter: mistral}")
    server.script("upload", reactions.execute_then(reactions.reset))

    assert apply(project).code == 0
    sent = server.received("upload")
    assert len(sent) == 3
    (files,) = server.account.assets.values()
    assert set(files) == set(FILES)
    project.is_converged()


def test_row_32_a_file_that_exists_is_unverified(project: Project, server: FaultServer) -> None:
    ready(project.folder)
    project.declare("a: {adapter: mistral}")
    server.script("upload", reactions.api_error(400, None, "asset already exists"))

    result = apply(project)

    assert result.code == 0
    assert "R705" in result.err
    assert "unverified" in project.run("state", "show", "a").out


def test_row_45_a_file_that_changed_after_the_review(project: Project) -> None:
    folder = ready(project.folder)
    project.declare("a: {adapter: mistral}")
    digest = project.run("plan").out.splitlines()[-1]
    weights = folder / FILES[1]
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)

    result = project.run("apply", "--plan-digest", digest)

    assert result.code == 1
    assert "R612" in result.err
    assert project.creates() == 0


def test_row_45_a_file_that_changes_while_the_create_is_under_way(
    project: Project, server: FaultServer
) -> None:
    folder = ready(project.folder)
    project.declare("a: {adapter: mistral}")
    weights = folder / FILES[1]

    def change(exchange: object) -> bool:
        raw = bytearray(weights.read_bytes())
        raw[-1] ^= 1
        weights.write_bytes(raw)
        return answer_truly(exchange)  # type: ignore[arg-type]

    server.script("create", change)

    result = apply(project)

    assert result.code == 1
    assert "incomplete" in result.out
    (files,) = server.account.assets.values()
    assert FILES[1] not in files
    assert project.run("plan").code == 1


def test_a_changed_adapter_is_impossible(project: Project) -> None:
    folder = ready(project.folder)
    project.declare("a: {adapter: mistral}")
    project.apply()
    shutil.rmtree(folder)
    ready(project.folder, version="peft-0.10.0")

    result = project.run("plan")

    assert result.code == 1
    assert "adapter/adapter_model.safetensors" in result.out


def test_an_adopted_finetune_is_unverified_and_not_sent(project: Project) -> None:
    ready(project.folder)
    project.declare("a: {adapter: mistral}")
    model = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
    project.box.account.create(name="a", model=model, description="", public=False)

    planned = project.run("plan")

    assert "R609" in planned.err
    assert project.apply().code == 0
    (there,) = project.box.account.finetunes()
    assert not list(project.box.account.assets(there.id))


@pytest.mark.parametrize("path", ["../outside", "/etc"])
def test_row_60_an_adapter_outside_of_the_project(project: Project, path: str) -> None:
    project.declare(f'a: {{adapter: "{path}"}}')

    assert project.run("validate").code == 1


def test_adapter_inspect(project: Project) -> None:
    ready(project.folder)

    shown = project.run("adapter", "inspect", "mistral")
    as_json = project.run("adapter", "inspect", "mistral", "--format", "json")

    assert shown.code == as_json.code == 0
    assert "rank" in shown.out
    assert '"valid": true' in as_json.out
    fresh(project.folder / "other")
    assert project.run("adapter", "inspect", "other/mistral").code == 1
