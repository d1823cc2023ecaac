"""What happens during an apply, as it happens."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.diagnostics import Diagnostic
from reconciler.model import Action, Address


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change of the state alone is done: import, move or forget."""

    address: Address
    action: Action
    id: str


@dataclass(frozen=True, slots=True)
class CreateStarted:
    """A create is about to be sent."""

    address: Address


@dataclass(frozen=True, slots=True)
class CreateDone:
    """The finetune exists. adopted: its answer was lost, the listing showed it."""

    address: Address
    id: str
    seconds: float
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class Settling:
    """An answer was lost; the account is being listed until it shows what happened."""

    address: Address
    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class FetchStarted:
    """A source begins to give a file; size in bytes."""

    address: Address
    file_name: str
    size: int


@dataclass(frozen=True, slots=True)
class FetchProgress:
    """A source has sent so many bytes of a file."""

    address: Address
    file_name: str
    sent: int


@dataclass(frozen=True, slots=True)
class FetchDone:
    """A file of a source is in the cache; cached: it was there already. size in bytes."""

    address: Address
    file_name: str
    size: int
    seconds: float
    cached: bool = False


@dataclass(frozen=True, slots=True)
class UploadStarted:
    """A file is about to be sent; size in bytes."""

    address: Address
    file_name: str
    size: int


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """So many bytes of a file are sent."""

    address: Address
    file_name: str
    sent: int


@dataclass(frozen=True, slots=True)
class UploadDone:
    """A file was acknowledged. verified: False where the account had one already."""

    address: Address
    file_name: str
    seconds: float
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """A create or an upload failed, for certain."""

    address: Address
    action: Action
    diagnostic: Diagnostic
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A create's outcome stays unknown; its intent is kept."""

    address: Address
    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know that is not a failure of its own."""

    diagnostic: Diagnostic


Event = (
    Recorded
    | CreateStarted
    | CreateDone
    | Settling
    | FetchStarted
    | FetchProgress
    | FetchDone
    | UploadStarted
    | UploadProgress
    | UploadDone
    | Failed
    | InDoubt
    | Remark
)
