"""The commands of the pages work, one after the other, as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.docs.conftest import Trial
from tests.docs.pages import PAGES, Step, steps

_LEFT_OUT = re.compile(r"^export .*=\.\.\..*$", re.MULTILINE)
RUN = {page: list(steps(page)) for page in PAGES}


@pytest.mark.parametrize(
    "page",
    [page for page, found in RUN.items() if any(step.script for step in found)],
    ids=lambda page: page.name,
)
def test_the_blocks_of_a_page_work_in_order(page: Path, trial: Trial) -> None:
    if any(re.search("reconciler init(?! --ci)", step.script) for step in RUN[page]):
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
