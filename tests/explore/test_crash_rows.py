"""Section A of the fault matrix, each row at its place: the command is killed at one call.

What an apply of one finetune with its adapter does after the lock, as far as it matters here:

    fsync 1, rename 1, fsync 2   the intent is saved
    sendto 1                     the account is listed
    sendto 2, 3; recvfrom 2      the create, head and body, and its answer
    fsync 3, rename 2, fsync 4   the id is saved
    sendto 4 to 7; recvfrom 3    the first file
    fsync 5, rename 3, fsync 6   its acknowledgement is saved
    sendto 8 to 11; recvfrom 4   the second file
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.explore.blows import Blow
from tests.explore.checks import APPLY, recorded_state, recover
from tests.explore.crash import new_world, struck
from tests.explore.runner import Command, Runner
from tests.explore.world import SCENARIOS, Fate, World

ONE_WITH_ADAPTER = SCENARIOS[2]
FILES = {"adapter_config.json": 1, "adapter_model.safetensors": 1}


@pytest.fixture
def world() -> Iterator[World]:
    with new_world(ONE_WITH_ADAPTER) as made:
        yield made


def kill(
    world: World, runner: Runner, call: str, number: int, fate: Fate, *, exact: bool = False
) -> None:
    """Kill the command at a call; what it sends meets the fate. exact: in a new interpreter."""
    world.fate = fate
    # Of the writes those of the state alone: how much is printed is of no interest.
    under = str(world.folder) if call == "write" else ""
    run = struck(world, Blow(number, call, under), runner, exact=exact)
    assert run.fired
    assert run.status == -9


def uploads(world: World) -> Counter[str]:
    """How often each file arrived whole, by its name."""
    return Counter(
        subject.partition("/")[2] for operation, subject in world.requests if operation == "upload"
    )


def finish(world: World, runner: Runner) -> int:
    """Rerun until all is done and a plan has no changes; returns how many runs it took."""
    world.fate = Fate.ANSWERED
    return recover(world, runner)


BEFORE_IT_IS_DURABLE = [("write", 1), ("fsync", 1), ("rename", 1)]


@pytest.mark.parametrize(("call", "number"), BEFORE_IT_IS_DURABLE)
def test_row_1_killed_before_the_intent_is_durable(
    world: World, runner: Runner, call: str, number: int
) -> None:
    kill(world, runner, call, number, Fate.ANSWERED)

    assert recorded_state(world) is None
    assert world.sent().total() == 0
    assert finish(world, runner) == 1
    assert world.sent().total() == 1
    assert uploads(world) == FILES


@pytest.mark.parametrize(("call", "number"), [("fsync", 2), ("sendto", 2)])
def test_row_2_killed_between_the_intent_and_its_request(
    world: World, runner: Runner, call: str, number: int
) -> None:
    kill(world, runner, call, number, Fate.ANSWERED)

    state = recorded_state(world)
    assert state is not None
    assert [str(address) for address in state.pending] == ["finetune.bot-0"]
    assert world.sent().total() == 0
    # Exit code 3, a person's word, and then it is created.
    assert finish(world, runner) == 2
    assert world.sent().total() == 1


@pytest.mark.parametrize("fate", Fate)
def test_row_3_killed_in_the_middle_of_the_request(
    world: World, runner: Runner, fate: Fate
) -> None:
    kill(world, runner, "sendto", 3, fate)

    assert world.sent().total() == 0
    assert finish(world, runner) == 2
    assert world.executed() == {"bot-0": 1}


@pytest.mark.parametrize("fate", Fate)
def test_row_4_killed_before_the_answer_is_read(world: World, runner: Runner, fate: Fate) -> None:
    kill(world, runner, "recvfrom", 2, fate)

    # What was executed is adopted by the rerun alone, and nothing is sent a second time. Where
    # the rerun finds nothing it asks, and a person looks once more.
    assert finish(world, runner) == (2 if fate in (Fate.NEVER, Fate.LATER) else 1)
    assert world.sent().total() == (2 if fate is Fate.NEVER else 1)
    assert world.executed() == {"bot-0": 1}


@pytest.mark.parametrize(("call", "number"), [("fsync", 3), ("rename", 2)])
def test_row_5_killed_with_the_answer_read_and_the_id_unsaved(
    world: World, runner: Runner, call: str, number: int
) -> None:
    kill(world, runner, call, number, Fate.ANSWERED, exact=True)

    state = recorded_state(world)
    assert state is not None
    assert not state.finetunes
    assert finish(world, runner) == 1
    assert world.sent().total() == 1
    assert uploads(world) == FILES


def test_row_6_killed_between_the_two_files(world: World, runner: Runner) -> None:
    kill(world, runner, "sendto", 8, Fate.ANSWERED)

    assert uploads(world) == {"adapter_config.json": 1}
    assert finish(world, runner) == 1
    assert uploads(world) == FILES
    assert world.sent().total() == 1


@pytest.mark.parametrize("refuses", [False, True], ids=["takes it again", "refuses it again"])
def test_row_6_killed_before_the_acknowledgement_is_saved(
    world: World, runner: Runner, refuses: bool
) -> None:
    world.refuses_existing_assets = refuses
    kill(world, runner, "rename", 3, Fate.ANSWERED)

    assert uploads(world) == {"adapter_config.json": 1}
    assert finish(world, runner) == 1
    assert uploads(world) == FILES | {"adapter_config.json": 2}


@pytest.mark.parametrize("number", [5, 6, 7, 9, 10, 11])
def test_row_7_killed_in_the_middle_of_a_file(world: World, runner: Runner, number: int) -> None:
    kill(world, runner, "sendto", number, Fate.ANSWERED)

    assert uploads(world) == ({} if number < 8 else {"adapter_config.json": 1})
    assert finish(world, runner) == 1
    assert uploads(world) == FILES


def test_row_8_killed_again_and_again_in_the_recovery(world: World, runner: Runner) -> None:
    kill(world, runner, "recvfrom", 2, Fate.LATE)
    kill(world, runner, "rename", 1, Fate.ANSWERED)
    kill(world, runner, "sendto", 3, Fate.LOST)
    kill(world, runner, "fsync", 4, Fate.ANSWERED)

    assert finish(world, runner) == 1
    assert world.sent().total() == 1
    assert world.executed() == {"bot-0": 1}


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_row_8_killed_while_a_persons_word_is_recorded(
    world: World, runner: Runner, call: str
) -> None:
    kill(world, runner, "sendto", 2, Fate.ANSWERED)
    world.fate = Fate.ANSWERED

    # It is asked for again, and then taken.
    blow = Blow(1, call, str(world.folder))
    assert recover(world, runner, blow) == 3
    assert world.sent().total() == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_rows_9_and_10_asked_to_stop_once_the_exit_code_is_told(
    runner: Runner, number: signal.Signals
) -> None:
    with new_world(SCENARIOS[0]) as world:
        world.fate = Fate.NEVER
        command = Command(APPLY, str(world.folder), world.environment, traced=True, exact=True)
        calls = Counter(name for _, name, _ in runner.run(command).calls)
    # To its last call: giving back the lock, the handlers of signals, and the process itself.
    last = [("ftruncate", calls["ftruncate"]), ("exit_group", calls["exit_group"])]
    last += [("rt_sigaction", calls["rt_sigaction"] - back) for back in range(3)]

    assert [_stopped(runner, call, at, number) for call, at in last] == [3] * len(last)


def _stopped(runner: Runner, call: str, at: int, number: signal.Signals) -> int:
    """Ask a run whose create leaves no trace to stop, at a call; returns its exit code."""
    with new_world(SCENARIOS[0]) as world:
        world.fate = Fate.NEVER
        run = struck(world, Blow(at, call, with_signal=number), runner, exact=True)
        assert run.fired
        assert "R516" in run.err
        return run.status
