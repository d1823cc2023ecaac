"""Makes histories by a seed, and makes a failing one as short as it can be."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any, TypeVar, get_args

from tests.explore.histories.steps import (
    Apply,
    CreateFate,
    Declare,
    Drop,
    ExecuteLate,
    History,
    Lag,
    OutsideCreate,
    OutsideDelete,
    OutsideRename,
    Rename,
    Resolve,
    RestoreBackup,
    Review,
    Step,
    UploadFate,
)

Fate = TypeVar("Fate")
_ADDRESSES = ("a", "b", "c")
_CREATES: tuple[CreateFate, ...] = get_args(CreateFate)
_UPLOADS: tuple[UploadFate, ...] = get_args(UploadFate)
_MOMENTS = 40


def generate(seed: int) -> History:
    """Make a history: some declarations, then runs and whatever else happens."""
    chance = random.Random(seed)
    shared = chance.random() < 0.8
    steps: list[Step] = [
        Declare(a, a, versioned=chance.random() < 0.2, adapter=chance.random() < 0.5)
        for a in _ADDRESSES[: chance.randint(1, 3)]
    ]
    steps += (_step(chance) for _ in range(chance.randint(2, 9)))
    return History(tuple(steps), shared, chance.random() < 0.7)


def _step(chance: random.Random) -> Step:
    if chance.random() < 0.55:
        return _apply(chance)
    return _other(chance)


def _other(chance: random.Random) -> Step:
    address, name = chance.choice(_ADDRESSES), chance.choice(_ADDRESSES)
    kinds: tuple[tuple[int, Callable[[], Step]], ...] = (
        (6, lambda: Resolve(_runner(chance), hasty=chance.random() < 0.1)),
        (4, lambda: Review(_runner(chance))),
        (6, ExecuteLate),
        (4, lambda: Lag(chance.choice((0, 1, 2, 5, 20)))),
        (2, lambda: OutsideCreate(name, chance.random() < 0.7)),
        (1, lambda: OutsideDelete(name)),
        (1, lambda: OutsideRename(name)),
        (3, lambda: _declare(chance, address, name)),
        (1, lambda: Drop(address)),
        (3, lambda: Rename(address, chance.choice(_ADDRESSES), chance.random() < 0.6)),
        (1, lambda: RestoreBackup(_runner(chance))),
    )
    make = chance.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])[0]
    return make()


def _declare(chance: random.Random, address: str, name: str) -> Declare:
    """A new one, or a new content of a versioned one; others can't be changed."""
    versioned = chance.random() < 0.7
    revision = chance.randint(0, 2) if versioned else 0
    return Declare(address, name, revision, versioned, chance.random() < 0.5)


def _apply(chance: random.Random, depth: int = 0) -> Apply:
    def fates(of: tuple[Fate, ...], trouble: float) -> tuple[Fate, ...]:
        if chance.random() < 0.05:
            return (chance.choice(of),) * 3
        drawn = [chance.choice(of) for _ in range(chance.randint(0, 4))]
        # The first of each tuple is the one without trouble.
        return tuple(fate if chance.random() < trouble else of[0] for fate in drawn)

    def moment(likely: float) -> int:
        return chance.randint(1, _MOMENTS) if chance.random() < likely else 0

    during = []
    while depth == 0 and chance.random() < 0.25:
        inner = _apply(chance, 1) if chance.random() < 0.4 else _other(chance)
        # The manifests were read before; who edits them now means the next run.
        if not isinstance(inner, Declare | Drop | Rename):
            during.append((chance.randint(1, _MOMENTS), inner))
    saves = [(chance.randint(1, 8), chance.random() < 0.5)] if chance.random() < 0.2 else []
    return Apply(
        runner=_runner(chance),
        creates=fates(_CREATES, 0.5),
        uploads=fates(_UPLOADS, 0.4),
        crash_at=moment(0.5),
        stop_at=moment(0.15),
        failing_saves=tuple(saves),
        failing_lists=(chance.randint(1, 4),) if chance.random() < 0.1 else (),
        during=tuple(during),
        parallelism=chance.choice((1, 2, 4)),
        order=chance.randint(0, 99),
        target=chance.choice(_ADDRESSES) if chance.random() < 0.1 else "",
        reviewed=chance.random() < 0.3,
    )


def _runner(chance: random.Random) -> int:
    return int(chance.random() < 0.3)


def shrink(history: History, fails: Callable[[History], bool]) -> History:
    """Leave out what is not needed to fail, until nothing more can be left out."""
    while True:
        for smaller in _smaller(history):
            if fails(smaller):
                history = smaller
                break
        else:
            return history


def _smaller(history: History) -> Iterator[History]:
    steps = history.steps
    for at in range(len(steps)):
        yield replace(history, steps=steps[:at] + steps[at + 1 :])
    if not (history.shared_lock and history.shared_state):
        yield replace(history, shared_state=True, shared_lock=True)
    for at, step in enumerate(steps):
        for simpler in _simpler(step):
            yield replace(history, steps=(*steps[:at], simpler, *steps[at + 1 :]))


def _simpler(step: Any) -> Iterator[Any]:
    """Set one field back to its default, or leave the last out of what it lists."""
    for field in fields(step):
        value = getattr(step, field.name)
        if isinstance(field.default, int | str | tuple) and value != field.default:
            yield replace(step, **{field.name: field.default})
            if isinstance(value, tuple) and len(value) > 1:
                yield replace(step, **{field.name: value[:-1]})
    if isinstance(step, Apply):
        for at, (moment, inner) in enumerate(step.during):
            for simpler in _simpler(inner):
                during = (*step.during[:at], (moment, simpler), *step.during[at + 1 :])
                yield replace(step, during=during)
