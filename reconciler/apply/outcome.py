"""What an apply came to: done, failed, in doubt, not attempted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from reconciler.apply.events import CreateDone, Event, Failed, InDoubt, Recorded, Remark, UploadDone
from reconciler.diagnostics import Diagnostic
from reconciler.model import Action, Address, Change


@dataclass(slots=True)
class Outcome:
    """The sum of a run's events.

    done: what was done to each address. uploaded: files acknowledged.
    alarms: problems that a person must look at though every call succeeded.
    """

    planned: tuple[Change, ...]
    done: dict[Address, Action] = field(default_factory=dict)
    uploaded: int = 0
    failed: dict[Address, Diagnostic] = field(default_factory=dict)
    in_doubt: dict[Address, Diagnostic] = field(default_factory=dict)
    remarks: list[Diagnostic] = field(default_factory=list)
    interrupted: bool = False

    def count(self, event: Event) -> None:
        """Take one event into account."""
        if isinstance(event, Recorded):
            self.done[event.address] = event.action
        elif isinstance(event, CreateDone):
            self.done[event.address] = Action.CREATE
        elif isinstance(event, UploadDone):
            self.uploaded += 1
            self.done.setdefault(event.address, Action.UPLOAD)
        elif isinstance(event, Failed):
            self.failed[event.address] = event.diagnostic
        elif isinstance(event, InDoubt):
            self.in_doubt[event.address] = event.diagnostic
        elif isinstance(event, Remark):
            self.remarks.append(event.diagnostic)

    @property
    def counts(self) -> Counter[Action]:
        """How many addresses were done, by action."""
        return Counter(self.done.values())

    @property
    def not_attempted(self) -> tuple[Change, ...]:
        """The planned changes that were not begun."""
        begun: Iterable[Address] = {*self.done, *self.failed, *self.in_doubt}
        return tuple(change for change in self.planned if change.address not in begun)

    @property
    def exit_code(self) -> int:
        """3 in doubt, 130 interrupted, 1 failed, 0 done: the gravest that is true."""
        if self.in_doubt or any(remark.is_error for remark in self.remarks):
            return 3
        if self.interrupted:
            return 130
        return 1 if self.failed or self.not_attempted else 0
