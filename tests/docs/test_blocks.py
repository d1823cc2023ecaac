"""The commands of the pages work, one after the other, as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.docs.conftest import Trial
from tests.docs.pages import PAGES, ROOT, Step, blocks, steps

_LEFT_OUT = re.compile(r"^export .*=\.\.\..*$", re.MULTILINE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
RUN = {page: list(steps(page)) for page in PAGES}


@pytest.mark.parametrize(
    "page",
    [page for page, found in RUN.items() if any(step.script for step in found)],
    ids=lambda page: page.name,
)
def test_the_blocks_of_a_page_work_in_order(page: Path, trial: Trial) -> None:
    if any("reconciler init" in step.script for step in RUN[page]):
        begin_with_adapters_alone(trial)
    for step in RUN[page]:
        perform(step, trial)


def begin_with_adapters_alone(trial: Trial) -> None:
    shutil.rmtree(trial.folder / "finetunes")
    (trial.folder / "reconciler.yaml").unlink()


def perform(step: Step, trial: Trial) -> None:
    if step.path:
        trial.write(step.path, step.content)
    else:
        # Where a reader fills in what is theirs, the trial has its own already.
        trial.run(_LEFT_OUT.sub("", step.script))


def test_the_workflow_for_github_applies_what_was_reviewed(trial: Trial) -> None:
    (block,) = [text for text in blocks(ROOT / "docs" / "ci.md", "yaml") if "jobs:" in text]
    workflow = yaml.safe_load(block)
    assert workflow["defaults"]["run"]["shell"] == "bash"
    trial.run(script_of(workflow, "validate"))
    digest = _DIGEST.findall(trial.run(script_of(workflow, "plan")))[-1]
    commit(trial, f"Merge pull request 7\n\nPlan: {digest}")
    assert "Apply complete" in trial.run(script_of(workflow, "apply"))


def test_the_workflow_for_github_applies_nothing_else(trial: Trial) -> None:
    (block,) = [text for text in blocks(ROOT / "docs" / "ci.md", "yaml") if "jobs:" in text]
    script = script_of(yaml.safe_load(block), "apply")
    for message in ("Merge", f"Merge\n\nPlan: sha256:{'0' * 64}"):
        commit(trial, message)
        with pytest.raises(AssertionError, match=r"R201|R612"):
            trial.run(script)
        assert not (trial.folder / "reconciler.state.json").exists()


def test_the_workflow_for_github_ends_well_where_there_is_nothing_to_do(trial: Trial) -> None:
    (block,) = [text for text in blocks(ROOT / "docs" / "ci.md", "yaml") if "jobs:" in text]
    trial.run("reconciler apply --auto-approve")
    commit(trial, "Merge")
    assert "No changes" in trial.run(script_of(yaml.safe_load(block), "apply"))


def script_of(workflow: dict[str, dict[str, dict[str, list[dict[str, str]]]]], job: str) -> str:
    """Return what a job runs, but for what installs the tool."""
    found = [step["run"] for step in workflow["jobs"][job]["steps"] if "run" in step]
    return "\n".join(script for script in found if not script.startswith("pip install"))


def commit(trial: Trial, message: str) -> None:
    author = "-c user.name=x -c user.email=x@example.com"
    trial.run(f'git init -q; git {author} commit -q --allow-empty -m "$M"', M=message)
