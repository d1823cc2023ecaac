"""The steps of the Atlantis workflow, as its server runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.pipelines.support import Completed, Project, a_project, run, succeeded


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with a_project(tmp_path) as made:
        made.declare({"support-bot": ""})
        succeeded(made.run("init", "--ci", "atlantis"))
        yield made


def atlantis(project: Project, stage: str) -> Completed:
    """Run the steps of a stage, each with `sh -c`, up to the first that fails."""
    document = yaml.safe_load((project.folder / "atlantis.yaml").read_text())
    steps = document["workflows"][document["projects"][0]["workflow"]][stage]["steps"]
    plan_file = project.folder.parent / "default.tfplan"
    environment = {**project.environment, "PLANFILE": str(plan_file)}
    for step in steps:
        done = run(["sh", "-c", step["run"]], folder=project.folder, environment=environment)
        if done.returncode:
            break
    return done


def test_what_was_planned_is_applied(project: Project) -> None:
    assert "will be created" in succeeded(atlantis(project, "plan"))

    succeeded(atlantis(project, "apply"))

    assert project.names == ["support-bot"]
    assert "No changes" in succeeded(atlantis(project, "plan"))


def test_what_moved_since_the_plan_is_not_applied(project: Project) -> None:
    succeeded(atlantis(project, "plan"))
    project.declare({"support-bot": "", "other": ""})

    done = atlantis(project, "apply")

    assert done.returncode == 1
    assert "R612" in done.stderr
    assert project.writes == 0


def test_a_mistake_ends_the_plan(project: Project) -> None:
    project.write("version: 1\nfinetunes: {support-bot: {mdoel: x}}\n")

    assert atlantis(project, "plan").returncode == 1
    assert atlantis(project, "apply").returncode == 1
