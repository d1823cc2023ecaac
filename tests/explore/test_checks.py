"""What the exploration looks for is what a command really says."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import NoReturn

import pytest

from reconciler.apply.tasks import create
from reconciler.cli.main import run
from reconciler.cli.workspace import Workspace
from reconciler.cloudflare import Ambiguous
from reconciler.model import Action, Address, Attributes, Change
from reconciler.render.diagnostics import render_diagnostics
from reconciler.render.style import Style
from tests.explore.blows import Blow
from tests.explore.checks import ViolationError, check_run
from tests.explore.runner import Finished
from tests.explore.world import SCENARIOS, World
from tests.internal import failed_internally


def fail(*_: object) -> NoReturn:
    raise ZeroDivisionError("planted")


def test_an_internal_error_of_a_command_breaks_a_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Workspace, "store", fail)
    with World(tmp_path / "project", SCENARIOS[0]) as world:
        monkeypatch.chdir(world.folder)
        code = run(["plan", "--sandbox"])
        ended = Finished(code, fired=True, calls=[], err=capsys.readouterr().err)

        with pytest.raises(ViolationError, match="it failed internally"):
            check_run(world, ended)


def test_an_exception_in_a_create_is_an_internal_failure_however_it_is_folded() -> None:
    class Account:
        create = list_finetunes = upload = fail

    address = Address("a" * 40)
    change = Change(address, Action.CREATE, "new", after=Attributes("a", "model", ""))
    outcome = create(Account(), change, threading.Event(), ignore).outcome
    assert isinstance(outcome, Ambiguous)

    assert failed_internally(render_diagnostics([outcome.diagnostic], Style()))


def ignore(_event: object) -> None:
    """Take an event, and do nothing."""


def test_what_went_well_is_no_internal_failure() -> None:
    assert not failed_internally("finetune.a: created in 0.1 s")


WRONG_ENDS = [
    (-signal.SIGTERM, signal.SIGTERM, "it ended with -15"),
    (130, signal.SIGKILL, "it ended with 130"),
    (3, signal.SIGTERM, "exit code 3 although nothing is in doubt"),
    (1, signal.SIGTERM, "exit code 1 although nothing failed"),
]


@pytest.mark.parametrize(("code", "number", "what"), WRONG_ENDS)
def test_an_exit_code_that_is_not_the_true_one_breaks_a_promise(
    tmp_path: Path, code: int, number: signal.Signals, what: str
) -> None:
    ended = Finished(code, fired=True, calls=[])

    with (
        World(tmp_path / "project", SCENARIOS[0]) as world,
        pytest.raises(ViolationError, match=what),
    ):
        check_run(world, ended, Blow(1, with_signal=number))
