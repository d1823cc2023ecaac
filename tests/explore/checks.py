"""What must hold after every run, whatever was done to it: told from the account's own log."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes.apply import INTENT_NOT_CLOSED, RESULTS_NOT_SAVED
from reconciler.state import AssetStatus, State, decode_state
from tests.explore.blows import Blow
from tests.explore.runner import Command, Finished, Runner
from tests.explore.world import TOKEN, Fate, World
from tests.internal import failed_internally

APPLY = ["apply", "--auto-approve", "--settle-timeout", "0"]
PLAN = ["plan", "--detailed-exitcode"]
_LONGEST_RECOVERY = 8
_UNSAVED = (RESULTS_NOT_SAVED, INTENT_NOT_CLOSED)
_RESOLVE = re.compile(r"reconciler\s+resolve\s+(finetune\.[\w-]+)")


class ViolationError(Exception):
    """A promise was broken; the text says which, and how."""


def recorded_state(world: World) -> State | None:
    """Read the state, which is whole after everything."""
    path = world.state_path
    if not path.exists():
        return None
    try:
        return decode_state(path.read_bytes(), path.name)
    except DiagnosticError as error:
        raise ViolationError(f"the state is damaged: {error}") from error


def check_run(world: World, run: Finished, blow: Blow | None = None) -> None:
    """Check what holds at any time, right after an apply has ended or was killed.

    blow: what it was to be dealt, if anything.
    """
    problems = (*_problems(world, run), *_lies(world, run), *_wrong_ends(world, run, blow))
    for problem in problems:
        raise ViolationError(f"{problem}\n{run.text}")


def _wrong_ends(world: World, run: Finished, blow: Blow | None) -> Iterator[str]:
    """Compare the exit code with what is, apart from 0."""
    code, state = run.status, recorded_state(world)
    was_asked = run.fired and blow is not None and blow.asks_to_stop
    was_killed = run.fired and not was_asked and code == -signal.SIGKILL
    if was_killed:
        return
    if code not in ((0, 1, 3, 130) if was_asked else (0, 1, 3)):
        yield f"it ended with {code}"
    in_doubt = [str(address) for address in state.pending] if state else []
    if in_doubt and code != 3:
        yield f"exit code {code} although {in_doubt} is in doubt"
    if code == 3 and not in_doubt and not any(code.id in run.text for code in _UNSAVED):
        yield "exit code 3 although nothing is in doubt"
    if code != 1 or (run.fired and not was_asked):
        return
    if not _missing(world, state):
        yield "exit code 1 although all is done"
    if was_asked and world.fate is Fate.ANSWERED:
        yield "exit code 1 although nothing failed"


def _lies(world: World, run: Finished) -> Iterator[str]:
    """Compare what an apply says with what is."""
    if run.status == 0 and (missing := _missing(world, recorded_state(world))):
        yield f"exit code 0 although {missing}"
    if "nothing was sent" in " ".join(run.text.lower().split()) and world.executed() and run.fired:
        yield "it says that nothing was sent"
    if failed_internally(run.text):
        yield "it failed internally"


def _problems(world: World, run: Finished) -> Iterator[str]:
    state = recorded_state(world)
    for name, times in world.executed().items():
        if times > 1:
            yield f"{name} was created {times} times"
        if not _is_remembered(name, world, state):
            yield f"{name} was created, and is neither recorded nor an intent"
    yield from (f"{name} was sent without an intent" for name in world.unintended)
    yield from (f"{place} has bytes that are not the project's" for place in world.foreign_bytes())
    if TOKEN in run.text:
        yield "the token was printed"
    yield from (f"{name} holds the token" for name, raw in world.texts() if TOKEN.encode() in raw)


def _is_remembered(name: str, world: World, state: State | None) -> bool:
    ids = {finetune["id"] for finetune in world.finetunes if finetune["name"] == name}
    if state is None:
        return False
    recorded = {generation.id for generation in state.generations()}
    return ids <= recorded or any(i.attributes.name == name for i in state.pending.values())


def _missing(world: World, state: State | None) -> str:
    if state is None:
        return "there is no state"
    if set(world.executed()) != set(world.names):
        return f"the account has {sorted(world.executed())}"
    if state.pending:
        return "intents are pending"
    ids = {finetune["name"]: finetune["id"] for finetune in world.finetunes}
    for record in state.finetunes.values():
        if record.current.id != ids[record.current.attributes.name]:
            return f"{record.current.id} is recorded for {record.current.attributes.name}"
        statuses = {asset.status for asset in record.current.assets.values()}
        if AssetStatus.PENDING in statuses:
            return "an asset is pending"
    if len(state.finetunes) != len(world.names):
        return f"{len(state.finetunes)} are recorded"
    return "; ".join(world.wrong_assets())


def recover(world: World, runner: Runner, blow: Blow | None = None) -> int:
    """Run apply again until all is done, with a person's true word where it asks for one.

    blow: what the first `resolve` is dealt, if there is one. Returns how many runs it took.
    Raises ViolationError.
    """
    retried = 0
    for number in range(1, _LONGEST_RECOVERY):
        run = runner.run(Command(APPLY, str(world.folder), world.environment))
        check_run(world, run)
        if run.status == 0:
            _check_converged(world, runner, retried)
            return number
        if run.status != 3:
            raise ViolationError(f"the rerun ended with {run.status}\n{run.text}")
        retried += _resolve(world, runner, run, blow)
        blow = None
    raise ViolationError("it does not come to an end")


def _resolve(world: World, runner: Runner, run: Finished, blow: Blow | None) -> int:
    """Say what is true of every create that the run asks about; returns how many to retry."""
    asked = sorted(set(_RESOLVE.findall(run.err)))
    if not asked:
        raise ViolationError(f"exit code 3 without a command to go on with\n{run.text}")
    world.execute_late()
    retried = 0
    for address in asked:
        name = address.removeprefix("finetune.")
        ids = [finetune["id"] for finetune in world.finetunes if finetune["name"] == name]
        word = ["--adopt", ids[0]] if ids else ["--retry"]
        arguments = ["resolve", address, *word]
        resolved = runner.run(Command(arguments, str(world.folder), world.environment, blow=blow))
        problems = list(_problems(world, resolved))
        if problems or (resolved.status != 0 and not resolved.fired):
            raise ViolationError(f"resolve {word}: {resolved.status}, {problems}\n{resolved.text}")
        retried += not ids and name not in _pending_names(world)
        if resolved.fired:
            break
    return retried


def _pending_names(world: World) -> set[str]:
    state = recorded_state(world)
    return {intent.attributes.name for intent in state.pending.values()} if state else set()


def _check_converged(world: World, runner: Runner, retried: int) -> None:
    run = runner.run(Command(PLAN, str(world.folder), world.environment))
    if run.status != 0:
        raise ViolationError(f"the plan afterwards ended with {run.status}\n{run.text}")
    if problems := world.wrong_assets():
        raise ViolationError("; ".join(problems))
    if any(times != 1 for times in world.executed().values()):
        raise ViolationError(f"the account has {world.executed()}")
    if world.sent().total() > len(world.names) + retried:
        raise ViolationError(f"{world.sent()} creates were sent, {retried} times by word")
