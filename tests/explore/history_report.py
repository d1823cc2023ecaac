"""Plays many histories, spread over processes, and sums them up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.explore.histories.generate import generate, shrink
from tests.explore.histories.outside import BrokenPromise
from tests.explore.histories.play import Player, play
from tests.explore.histories.script import as_script
from tests.explore.histories.steps import Apply, History
from tests.explore.report import Report, shown
from tests.explore.spreading import spread

_BLOCK = 200
_FAILURES_SHOWN = 2
_ENDS = {None: "killed", 0: "0", 1: "1", 3: "3", 130: "130"}


@dataclass(frozen=True, slots=True)
class Block:
    """So many histories, from a seed on."""

    first: int
    number: int


@dataclass(slots=True)
class Played:
    """What became of a block. failures: each a script that replays it, as short as it can be."""

    counts: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    failed: int = 0


def explore_histories(number: int, seed: int, seconds: float, jobs: int) -> Report:
    """Play `number` histories; the report's failures are scripts."""
    first = seed * 1_000_000_000
    blocks = [
        Block(start, min(_BLOCK, first + number - start))
        for start in range(first, first + number, _BLOCK)
    ]
    total = Played()
    for played in shown(spread(play_block, blocks, jobs, seconds), "histories", len(blocks)):
        total.counts += played.counts
        total.ends += played.ends
        total.failed += played.failed
        total.failures += played.failures
    figures = {
        "histories planned": number,
        **total.counts,
        "histories that failed": total.failed,
        "runs by exit code": {end: total.ends[end] for end in _ENDS.values()},
    }
    not_reached = number - total.counts["histories played"]
    return Report("Histories", figures, total.failures, not_reached=not_reached)


def play_block(block: Block) -> Played:
    """Play a block in this process."""
    played = Played()
    for seed in range(block.first, block.first + block.number):
        history = generate(seed)
        problem = _count(history, played)
        if problem:
            played.failed += 1
            if len(played.failures) < _FAILURES_SHOWN:
                played.failures.append(f"# history {seed}\n{explain(history)}")
    return played


def explain(history: History) -> str:
    """Shrink a history that fails, and write the script that replays it."""
    small = shrink(history, lambda tried: bool(problem_of(tried)))
    return as_script(small, problem_of(small))


def problem_of(history: History) -> str:
    """Play it; returns what is broken, "" for nothing."""
    return _count(history, Played())


def _count(history: History, played: Played) -> str:
    try:
        player = play(history)
    except BrokenPromise as broken:
        return f"broken promise: {broken}"
    except Exception as error:  # noqa: BLE001
        return f"failed internally: {type(error).__name__}: {error}"
    finally:
        played.counts["histories played"] += 1
    played.counts += Counter(_sums(player, history))
    played.ends.update(_ENDS.get(code, str(code)) for code in player.exit_codes)
    return ""


def _sums(player: Player, history: History) -> dict[str, int]:
    return {
        "runs": len(player.exit_codes),
        "creates sent": len(player.world.sent),
        "finetunes that came of them": player.world.executed,
        "histories with two runs at once": int(any(_overlaps(history))),
        "histories without a working lock": int(not history.shared_lock),
    }


def _overlaps(history: History) -> Iterator[bool]:
    for step in history.steps:
        if isinstance(step, Apply):
            yield any(isinstance(inner, Apply) for _, inner in step.during)
