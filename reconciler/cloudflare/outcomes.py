"""What became of a create, an upload or an inference: closed sets, to be matched to the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reconciler.diagnostics import Diagnostic
from reconciler.model import RemoteFinetune


class AssetBody(Protocol):
    """A file to upload: its size in bytes, and its bytes in order, once.

    An error that `read` raises (DiagnosticError when the file changed, at the latest when
    it returns b"" at the end) cuts the upload off before the file's last block.
    """

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        ...

    def read(self, size: int, /) -> bytes:
        """Return at most so many further bytes, b"" at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Created:
    """The finetune exists. remote: as the server recorded it; warnings: where that differs."""

    remote: RemoteFinetune
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was executed, for certain.

    fatal: the same would befall every other request, so going on is pointless.
    sent: whether the API said no (True), or nothing was sent to it (False).
    """

    diagnostic: Diagnostic
    fatal: bool
    sent: bool


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """It may have been executed or not.

    A create: list the account, never send it again. exists: the API said that there is one
    of that name already, so this create was not executed, but the list is out of date.
    An upload: send the same bytes to the same id again.
    """

    diagnostic: Diagnostic
    exists: bool = False


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The API acknowledged the file."""


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The API said that the finetune has such a file already; what is in it is not known."""

    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class Answered:
    """The finetune answered with a token."""


@dataclass(frozen=True, slots=True)
class Silent:
    """The API said that this finetune gives no answer.

    may_be_early: a finetune that has just got its files is known to say the same for a while.
    """

    diagnostic: Diagnostic
    may_be_early: bool


@dataclass(frozen=True, slots=True)
class NoVerdict:
    """Whether it answers is not known: nothing that came back is about this finetune.

    retry_after: seconds after which asking again may help, None where it cannot.
    """

    diagnostic: Diagnostic
    retry_after: float | None


CreateOutcome = Created | Refused | Ambiguous
UploadOutcome = Uploaded | AlreadyThere | Refused | Ambiguous
InferenceOutcome = Answered | Silent | NoVerdict
