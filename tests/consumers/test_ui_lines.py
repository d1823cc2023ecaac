"""`apply --json` as a reader of Terraform's lines takes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reconciler.sandbox import SandboxSettings
from tests.consumers.ui_lines import Line, of_type, read_ui
from tests.pipelines.support import LLAMA, Project, a_project, succeeded


def about(lines: list[Line], name: str) -> list[str]:
    """Return the types of the lines about one finetune, in order."""
    hooks = (line for line in lines if "hook" in line)
    return [line["type"] for line in hooks if line["hook"]["resource"]["resource_name"] == name]


def test_every_action_is_told_in_terraforms_words(mixed: Project) -> None:
    lines = read_ui(succeeded(mixed.run("apply", "--json", "--auto-approve")))

    planned = {
        line["change"]["resource"]["resource_name"]: line["change"]["action"]
        for line in of_type(lines, "planned_change")
    }
    assert planned == {
        "adopted": "import",
        "created": "create",
        "half": "update",
        "moved-to": "move",
    }
    summary = of_type(lines, "change_summary")[-1]["changes"]
    assert summary == {"add": 1, "change": 1, "import": 1, "remove": 0, "operation": "apply"}


def test_a_create_and_its_uploads_begin_and_end(tmp_path: Path) -> None:
    with a_project(tmp_path) as project:
        project.add_adapter("llama")
        project.declare({"bot": f'model: "{LLAMA}", adapter: adapters/llama'})
        lines = read_ui(succeeded(project.run("apply", "--json", "--auto-approve")))
        made = project.box.account.find("bot")

    kinds = [kind for kind in about(lines, "bot") if kind != "apply_progress"]
    assert kinds == ["apply_start", "apply_complete"] * 3
    assert made is not None
    assert of_type(lines, "apply_complete")[0]["hook"]["id_value"] == made.id


def test_a_refusal_is_an_error_and_the_exit_code_tells_it(tmp_path: Path) -> None:
    with a_project(tmp_path, replace(SandboxSettings(), quota=1)) as project:
        project.declare({"one": "", "two": ""})
        done = project.run("apply", "--json", "--auto-approve", "--parallelism", "1")

    lines = read_ui(done.stdout)
    assert done.returncode == 1
    assert about(lines, "two") == ["apply_start", "apply_errored"]
    assert [line["diagnostic"]["address"] for line in of_type(lines, "diagnostic")] == [
        "finetune.two"
    ]
    assert lines[-1]["@level"] == "error"
    assert lines[-1]["changes"]["add"] == 1


def test_no_changes_is_a_whole_report(tmp_path: Path) -> None:
    with a_project(tmp_path) as project:
        project.declare({"one": ""})
        succeeded(project.run("apply", "--auto-approve"))
        lines = read_ui(succeeded(project.run("apply", "--json", "--auto-approve")))

    assert of_type(lines, "planned_change") == []
    assert lines[-1]["changes"]["add"] == 0
