"""What an apply came to: done, failed, in doubt, not attempted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from reconciler.apply.events import CreateDone, Event, Failed, InDoubt, Recorded, Remark, UploadDone
from reconciler.diagnostics import Diagnostic
from reconciler.model import Action, Address, Change


@dataclass(slots=True)
class Outcome:
    """The sum of a run's events.

    done: what was done to each address. uploaded: the files acknowledged of each.
    remarks: warnings, and errors that a person must look at though every call succeeded.
    """

    planned: tuple[Change, ...]
    done: dict[Address, Action] = field(default_factory=dict)
    uploaded: dict[Address, set[str]] = field(default_factory=dict)
    failed: dict[Address, Diagnostic] = field(default_factory=dict)
    in_doubt: dict[Address, Diagnostic] = field(default_factory=dict)
    remarks: list[Diagnostic] = field(default_factory=list)
    interrupted: bool = False
    _uploads: dict[Address, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._uploads = {change.address: change.uploads for change in self.planned}

    def count(self, event: Event) -> None:
        """Take one event into account."""
        if isinstance(event, Recorded):
            self.done[event.address] = event.action
        elif isinstance(event, CreateDone):
            self.done[event.address] = Action.CREATE
        elif isinstance(event, UploadDone):
            files = self.uploaded.setdefault(event.address, set())
            files.add(event.file_name)
            if files.issuperset(self._planned_uploads(event.address)):
                self.done.setdefault(event.address, Action.UPLOAD)
        elif isinstance(event, Failed):
            self.failed[event.address] = event.diagnostic
        elif isinstance(event, InDoubt):
            self.in_doubt[event.address] = event.diagnostic
        elif isinstance(event, Remark):
            self.remarks.append(event.diagnostic)

    def _planned_uploads(self, address: Address) -> tuple[str, ...]:
        return self._uploads.get(address, ())

    @property
    def incomplete(self) -> tuple[Change, ...]:
        """The finetunes that exist, and lack a file that was planned."""
        return tuple(
            change
            for change in self.planned
            if change.uploads
            and (change.action is Action.UPLOAD or change.address in self.done)
            and not self.uploaded.get(change.address, set()).issuperset(change.uploads)
        )

    @property
    def counts(self) -> Counter[Action]:
        """How many addresses were done, by action."""
        return Counter(self.done.values())

    @property
    def not_attempted(self) -> tuple[Change, ...]:
        """The planned changes that were not begun."""
        begun = {*self.done, *self.failed, *self.in_doubt, *self.uploaded}
        return tuple(change for change in self.planned if change.address not in begun)

    @property
    def needs_a_look(self) -> bool:
        """Whether a person must look at what is in doubt, or at what came out strange."""
        return bool(self.in_doubt) or any(remark.is_error for remark in self.remarks)

    @property
    def exit_code(self) -> int:
        """3 a person must look, 130 interrupted, 1 failed, 0 done: the gravest that is true."""
        if self.needs_a_look:
            return 3
        if self.interrupted:
            return 130
        return 1 if self.failed or self.not_attempted or self.incomplete else 0
