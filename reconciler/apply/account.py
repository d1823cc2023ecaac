"""What an apply needs of the outside: an account, and the adapters' files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from reconciler.cloudflare.outcomes import AssetBody, CreateOutcome, UploadOutcome
from reconciler.model import Address, Asset, Attributes, Listing


class Account(Protocol):
    """The remote account; reconciler.cloudflare.AccountClient is one."""

    def list_finetunes(self) -> Listing:
        """Read every finetune; raises DiagnosticError on any doubt, never answers "empty"."""
        ...

    def create(self, attributes: Attributes) -> CreateOutcome:
        """Send one create, once."""
        ...

    def upload(
        self,
        finetune_id: str,
        file_name: str,
        body: AssetBody,
        on_progress: Callable[[int], None],
    ) -> UploadOutcome:
        """Send one file, once; on_progress gets the bytes sent so far."""
        ...


class AdapterFiles(Protocol):
    """Opens the files that were digested when the plan was made."""

    def __call__(self, address: Address, asset: Asset) -> AbstractContextManager[AssetBody]:
        """Open an asset; reading raises DiagnosticError where it is not the same any more."""
        ...
