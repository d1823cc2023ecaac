"""The main job through the command line: every action, and what comes after it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from reconciler.sandbox import SandboxSettings
from tests.cli.conftest import MODEL, Project, Serve, use


def state_of(project: Project) -> dict[str, object]:
    document: dict[str, object] = json.loads((project.folder / "reconciler.state.json").read_text())
    return document


def test_create(project: Project) -> None:
    project.declare("a: {description: First., public: true}", "b")

    planned = project.run("plan", "--detailed-exitcode")
    applied = project.apply()

    assert planned.code == 2
    assert "Plan: 2 to create." in planned.out
    assert applied.code == 0
    assert "2 created" in applied.out
    assert project.names == ["a", "b"]
    assert project.creates() == 2
    assert (project.folder / "reconciler.state.json").stat().st_mode & 0o777 == 0o600


def test_nothing_is_created_without_a_yes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare("a")
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))

    result = project.run("apply")

    assert result.code == 1
    assert "R206" in result.err
    assert project.creates() == 0


def test_import_of_what_is_there(project: Project) -> None:
    project.box.account.create(name="a", model=MODEL, description="", public=False)
    project.declare("a")

    assert "1 to adopt" in project.run("plan").out
    assert project.apply().code == 0
    assert project.creates() == 0


def test_another_finetune_has_the_name(project: Project) -> None:
    project.box.account.create(name="a", model=MODEL, description="Other.", public=False)
    project.declare("a", "b")

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert "R602" in result.err
    assert project.creates() == 0


def test_move(project: Project) -> None:
    project.declare("a")
    project.apply()
    project.declare("b: {name: a}", more="moved: [{from: a, to: b}]")

    assert "1 to move" in project.run("plan").out
    assert project.apply().code == 0
    assert project.run("state", "list").out == "finetune.b\n"
    assert project.creates() == 1


def test_forget_warns_unless_it_is_meant(project: Project) -> None:
    project.declare("a", "b")
    project.apply()
    project.declare("a")
    unmeant = project.run("plan")
    project.declare("a", more="removed: [b]")
    meant = project.run("plan")

    assert "R607" in unmeant.err
    assert "R607" not in meant.err
    assert project.apply().code == 0
    assert project.names == ["a", "b"]
    assert project.run("state", "list").out == "finetune.a\n"


def test_a_change_is_impossible_and_says_how_to_go_on(project: Project) -> None:
    project.declare("a: {description: Old.}", "b")
    project.apply()
    project.declare("a: {description: New.}", "b", "c")

    planned = project.run("plan")
    applied = project.run("apply", "--auto-approve")

    assert planned.code == applied.code == 1
    assert '"Old." -> "New."' in planned.out
    assert "versioned: true" in planned.err
    assert project.names == ["a", "b"]


def test_target_goes_around_what_is_impossible(project: Project) -> None:
    project.declare("a: {description: Old.}")
    project.apply()
    project.declare("a: {description: New.}", "c")

    assert project.run("apply", "--auto-approve", "--target", "c").code == 0
    assert project.names == ["a", "c"]
    assert project.run("plan", "--target", "nobody").code == 1


def test_selector(project: Project) -> None:
    project.declare("a: {labels: {team: x}}", "b: {labels: {team: y}}")

    assert project.run("apply", "--auto-approve", "--selector", "team=y").code == 0
    assert project.names == ["b"]


def test_versioned_creates_generations_and_output_is_current(project: Project) -> None:
    project.declare("a: {description: One., versioned: true}")
    project.apply()
    first = json.loads(project.run("output", "--format", "json").out)["a"]
    project.declare("a: {description: Two., versioned: true}")
    assert project.apply().code == 0
    second = json.loads(project.run("output", "--format", "json").out)["a"]

    assert first["name"] != second["name"]
    assert first["id"] != second["id"]
    assert project.creates() == 2
    assert "1 superseded generation stays behind" in project.run("plan").out
    assert first["name"] in project.run("state", "show", "a").out

    project.declare("a: {description: One., versioned: true}")
    assert "1 to adopt" in project.run("plan").out
    assert project.apply().code == 0
    assert json.loads(project.run("output", "--format", "json").out)["a"] == first
    assert project.creates() == 2


def test_what_was_deleted_outside_is_created_again(project: Project) -> None:
    project.declare("a")
    project.apply()
    (there,) = project.box.account.finetunes()
    project.box.account.remove(there.id)

    planned = project.run("plan")
    assert "which is gone from the account" in planned.out.replace("\n      # ", " ")
    assert project.apply().code == 0
    assert project.creates() == 2


def test_drift(project: Project) -> None:
    project.declare("a: {description: Mine.}")
    project.apply()
    (there,) = project.box.account.finetunes()
    project.box.account.edit(there.id, model=MODEL, description="Theirs.")

    assert project.run("plan").code == 1
    only = project.run("plan", "--refresh-only", "--detailed-exitcode")
    assert only.code == 2
    assert '"Mine." -> "Theirs."' in only.out

    project.declare("a: {description: Theirs.}")
    assert project.run("apply", "--auto-approve").code == 0
    project.is_converged()


def test_row_28_two_finetunes_of_one_name(project: Project) -> None:
    for _ in range(2):
        project.box.account.create(name="a", model=MODEL, description="", public=False)
    project.declare("a")

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert "R603" in result.err


def test_quota(project: Project) -> None:
    project.write("version: 1\nlimits: {max_finetunes: 2}\n", "reconciler.yaml")
    project.declare("a", "b", "c")

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert "R604" in result.err
    assert project.creates() == 0


def test_refusals_do_not_stop_the_others(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare('a: {model: "@cf/nobody/knows-this"}', "b")

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert "5007" in result.err
    assert project.names == ["b"]
    assert project.run("state", "list").out == "finetune.b\n"


def test_wrong_credentials_stop_everything(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare("a")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "wrong-and-secret")

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert "10000" in result.err
    assert "wrong-and-secret" not in result.out + result.err


def test_missing_credentials_name_the_variables(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare("a")
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")

    result = project.run("plan")

    assert result.code == 1
    assert "CLOUDFLARE_API_TOKEN" in result.err


def test_key_and_email(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SandboxSettings()
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    monkeypatch.setenv("CLOUDFLARE_API_KEY", settings.api_key)
    monkeypatch.setenv("CLOUDFLARE_EMAIL", settings.email)
    project.declare("a")

    assert project.apply().code == 0


def test_no_refresh_needs_no_token(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.declare("a")
    online = project.run("plan")
    for name in ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_BASE_URL"):
        monkeypatch.delenv(name)

    offline = project.run("plan", "--no-refresh")

    assert offline.code == 0
    assert online.out.splitlines()[-1] == offline.out.splitlines()[-1]


def test_digest_applies_just_what_was_reviewed(project: Project) -> None:
    project.declare("a")
    digest = project.run("plan").out.splitlines()[-1]
    project.declare("a", "b")
    stale = project.run("apply", "--plan-digest", digest)
    project.declare("a")
    fresh = project.run("apply", "--plan-digest", digest)

    assert stale.code == 1
    assert "R612" in stale.err
    assert fresh.code == 0
    assert project.names == ["a"]


def test_plan_files(project: Project) -> None:
    project.declare("a", "b")
    assert project.run("plan", "--out", "plan.json").code == 0
    shown = project.run("show", "plan.json")
    assert "Plan: 2 to create." in shown.out
    as_json = json.loads(project.run("show", "plan.json", "--format", "json").out)
    assert as_json["applyable"] is True

    text = (project.folder / "plan.json").read_text()
    (project.folder / "edited.json").write_text(text.replace('"name":"a"', '"name":"x"'))
    assert "R611" in project.run("apply", "edited.json").err

    project.declare("a")
    stale = project.run("apply", "plan.json")
    assert stale.code == 1
    assert "finetune.b would no longer be created" in stale.err.replace("\n  ", " ")

    project.declare("a", "b")
    assert project.run("apply", "plan.json").code == 0
    project.is_converged()


def test_a_plan_file_of_another_account(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare("a")
    project.run("plan", "--out", "plan.json")
    use(project, serve(account_id="f" * 32), monkeypatch)

    result = project.run("apply", "plan.json")

    assert result.code == 1
    assert "R612" in result.err


def test_a_state_of_another_account_is_refused(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare("a")
    project.apply()
    use(project, serve(account_id="f" * 32), monkeypatch)

    assert "R404" in project.run("plan").err


@pytest.mark.parametrize("damage", [b"", b"{", b'{"version":1}', b"\x00" * 100])
def test_a_damaged_state_is_refused_with_a_way_out(project: Project, damage: bytes) -> None:
    project.declare("a")
    project.apply()
    path = project.folder / "reconciler.state.json"
    path.write_bytes(damage)

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert "R402" in result.err
    assert "reconciler state push copy.json --replace-damaged" in result.err
    assert path.read_bytes() == damage
    assert project.creates() == 1


def test_an_old_backup_restored_adopts(project: Project) -> None:
    project.declare("a")
    project.apply()
    old = (project.folder / "reconciler.state.json").read_bytes()
    project.declare("a", "b")
    project.apply()
    (project.folder / "reconciler.state.json").write_bytes(old)

    assert project.apply().code == 0
    assert project.creates() == 2


def test_manifests_from_standard_input(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f'version: 1\nfinetunes: {{a: {{model: "{MODEL}"}}}}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    assert "1 to create" in project.run("plan", "-f", "-").out


def test_json_lines_of_an_apply(project: Project) -> None:
    project.declare("a", "b")

    result = project.run("apply", "--auto-approve", "--json")
    documents = [json.loads(line) for line in result.out.splitlines()]

    kinds = [document["type"] for document in documents]
    assert kinds[0] == "version"
    assert kinds.count("planned_change") == 2
    assert kinds.count("apply_start") == kinds.count("apply_complete") == 2
    assert documents[-1]["changes"] == {
        "add": 2,
        "change": 0,
        "import": 0,
        "operation": "apply",
        "remove": 0,
    }
    again = project.run("apply", "--auto-approve", "--json")
    assert json.loads(again.out.splitlines()[-1])["changes"]["add"] == 0


def test_many_creates_save_about_a_hundred_times(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(project, serve(quota=2000), monkeypatch)
    project.write("version: 1\nlimits: {max_finetunes: 2000}\n", "reconciler.yaml")
    project.declare(*(f"f{number}" for number in range(600)))

    assert project.apply().code == 0
    assert len(project.names) == len(set(project.names)) == 600
    serial = state_of(project)["serial"]
    assert isinstance(serial, int)
    assert 90 <= serial <= 110


def test_sandbox_is_an_account_of_its_own(project: Project) -> None:
    project.declare("a")

    assert project.run("apply", "--auto-approve", "--sandbox").code == 0
    assert project.run("plan", "--sandbox", "--detailed-exitcode").code == 0
    assert project.creates() == 0
    assert not (project.folder / "reconciler.state.json").exists()
    assert project.run("plan", "--sandbox", "--state", "x.json").code == 1


def test_adapters_lfs_pointer_is_planned_and_not_applied(project: Project) -> None:
    from tests.adapters.support import ready

    folder = ready(project.folder)
    project.declare("a: {adapter: mistral}")
    whole = project.run("plan").out.splitlines()[-1]
    weights = folder / "adapter_model.safetensors"
    raw = weights.read_bytes()
    import hashlib

    weights.write_text(
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{hashlib.sha256(raw).hexdigest()}\nsize {len(raw)}\n"
    )

    assert project.run("plan").out.splitlines()[-1] == whole
    refused = project.run("apply", "--plan-digest", whole)
    assert refused.code == 1
    assert "git lfs pull" in refused.err
    assert project.creates() == 0

    weights.write_bytes(raw)
    assert project.run("apply", "--plan-digest", whole).code == 0


def test_paths_are_shown_from_the_working_folder(project: Project, tmp_path: Path) -> None:
    project.write(f'version: 1\nfinetunes:\n  a: {{model: "{MODEL}", adapter: ../x}}\n', "f/a.yaml")
    (project.folder / "x").mkdir()

    assert "x/adapter_config.json" in project.run("validate", "-f", "f").err
