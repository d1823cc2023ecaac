"""The steps that histories are made of: plain data, whose repr is Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CreateFate = Literal[
    "answered",
    "lost",
    "late",
    "never",
    "refused",
    "fatal",
    "unsent",
    "exists",
    "altered",
    "renamed",
]
"""What becomes of a create: executed and answered, executed and the answer lost, executed
later or never without an answer, a definite no, one that all would meet, not a byte sent,
"exists already", and executed with another description or under another name than was sent."""

UploadFate = Literal["answered", "lost", "never", "refused", "exists", "changed"]
"""The same for an upload; changed: the file here is not the one that was planned."""


@dataclass(frozen=True, slots=True)
class Apply:
    """One run. crash_at, stop_at: the moment, counted from 1, at which it is killed or asked
    to stop; 0 never. Every call to the outside has two, one before and one after its effect.

    failing_saves: (number of the save, whether it took effect all the same).
    failing_lists: numbers of lists. during: steps that happen at a moment of this run.
    order: seeds the order in which calls that are under way at once happen.
    reviewed: only the plan that the runner's last Review saw may be applied.
    """

    runner: int = 0
    creates: tuple[CreateFate, ...] = ()
    uploads: tuple[UploadFate, ...] = ()
    crash_at: int = 0
    stop_at: int = 0
    failing_saves: tuple[tuple[int, bool], ...] = ()
    failing_lists: tuple[int, ...] = ()
    during: tuple[tuple[int, Step], ...] = ()
    parallelism: int = 2
    order: int = 0
    target: str = ""
    reviewed: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """Somebody plans, and reads it."""

    runner: int = 0


@dataclass(frozen=True, slots=True)
class Resolve:
    """A person says what is true of every create that the runner's state has in doubt.

    hasty: they do not look, and say of every one that it was not created.
    """

    runner: int = 0
    hasty: bool = False


@dataclass(frozen=True, slots=True)
class ExecuteLate:
    """The account does what was sent to it long ago."""


@dataclass(frozen=True, slots=True)
class Lag:
    """What is created from now on shows after so many more lists."""

    lists: int


@dataclass(frozen=True, slots=True)
class OutsideCreate:
    """Somebody else creates a finetune. alike: with the attributes that are declared."""

    name: str
    alike: bool


@dataclass(frozen=True, slots=True)
class OutsideDelete:
    """Somebody deletes every listed finetune of a name, which the API cannot."""

    name: str


@dataclass(frozen=True, slots=True)
class OutsideRename:
    """Somebody renames every listed finetune of a name, which the API cannot."""

    name: str


@dataclass(frozen=True, slots=True)
class Declare:
    """The manifest gets a finetune, or another content of it."""

    address: str
    name: str
    revision: int = 0
    versioned: bool = False
    adapter: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """The manifest loses a finetune."""

    address: str


@dataclass(frozen=True, slots=True)
class Rename:
    """The manifest calls a finetune otherwise. moved: and says so."""

    old: str
    new: str
    moved: bool


@dataclass(frozen=True, slots=True)
class RestoreBackup:
    """Somebody puts back the state from before the runner's last run."""

    runner: int = 0


Step = (
    Apply
    | Review
    | Resolve
    | ExecuteLate
    | Lag
    | OutsideCreate
    | OutsideDelete
    | OutsideRename
    | Declare
    | Drop
    | Rename
    | RestoreBackup
)


@dataclass(frozen=True, slots=True)
class History:
    """shared_state: both runners keep one state. shared_lock: and one lock that works."""

    steps: tuple[Step, ...]
    shared_state: bool = True
    shared_lock: bool = True
