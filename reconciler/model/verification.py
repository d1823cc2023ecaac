"""What asking a finetune for one token of inference came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verification:
    """A verdict about one finetune; that it could not be asked is none.

    at: RFC 3339 in UTC, for people only. code: of the finding that says why it did not
    answer, "" where it answered.
    """

    at: str
    code: str = ""

    @property
    def answered(self) -> bool:
        """Whether it answered."""
        return not self.code

    @property
    def outcome(self) -> str:
        """The verdict in one word: answered or silent."""
        return "answered" if self.answered else "silent"
