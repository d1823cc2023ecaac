"""What a kind of store cannot do, and why.

A test that needs it is left out there; one that lacks it says what happens instead. All other
tests of the suite are run over every kind.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any, ClassVar, TypeVar


class Ability(Enum):
    SWAP_WITHOUT_LOCK = auto()
    FREE_FROM_THE_LIVING = auto()
    """Free a lock while its holder runs."""
    FREE_BY_DEATH = auto()
    """A lock ends with its holder's process."""
    LOSE_CONNECTION = auto()
    RECONNECT = auto()
    """Go on over another connection, under the same lock."""


_OBJECT = "the lock is an object, which stays where it is when its holder dies"

CANNOT: dict[Ability, dict[str, str]] = {
    Ability.SWAP_WITHOUT_LOCK: {
        "http": "the protocol has no condition for a POST; the lock alone keeps others out",
    },
    Ability.FREE_FROM_THE_LIVING: {
        "file": "the lock is the kernel's, which frees it when the holder ends and not before",
    },
    Ability.FREE_BY_DEATH: {
        **dict.fromkeys(("s3", "r2", "gs", "az"), _OBJECT),
        "http": "the server keeps the lock until it is told; it knows of no process",
    },
    Ability.LOSE_CONNECTION: {
        "file": "it has none; test_local_faults makes every system call fail instead",
    },
    Ability.RECONNECT: {
        "file": "it has none",
        "postgresql": "the lock is the connection's, and is lost with it",
    },
}
"""Why, by the ability and the kind of store that lacks it."""

Test = TypeVar("Test", bound=Callable[..., None])


def needs(ability: Ability) -> Callable[[Test], Test]:
    """Run a test over the stores that have the ability."""
    return _only_where(ability, True)


def lacks(ability: Ability) -> Callable[[Test], Test]:
    """Run a test over the stores that do not have it: it says what happens there instead."""
    return _only_where(ability, False)


def _only_where(ability: Ability, able: bool) -> Callable[[Test], Test]:
    def mark(test: Test) -> Test:
        test.__dict__["only_where"] = ability, able
        return test

    return mark


class Suite:
    """Tests that a class for a kind of store inherits."""

    kind: ClassVar[str] = ""

    @classmethod
    def can(cls, ability: Ability) -> bool:
        return cls.kind not in CANNOT[ability]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        for name in dir(cls) if cls.kind else ():
            ability, able = getattr(getattr(cls, name), "only_where", (None, None))
            if ability is not None and cls.can(ability) is not able:
                setattr(cls, name, None)
