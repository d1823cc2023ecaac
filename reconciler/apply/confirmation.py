"""After the creates: list once more, to see what was created there, and once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.apply import findings
from reconciler.apply.account import Account
from reconciler.apply.events import Remark
from reconciler.apply.ledger import Ledger
from reconciler.diagnostics import DiagnosticError
from reconciler.model import Address


def confirm(account: Account, ledger: Ledger, created: Sequence[Address]) -> Iterator[Remark]:
    """Record which are listed; remark on every name that the account has twice now."""
    try:
        listing = account.list_finetunes()
    except DiagnosticError as error:
        yield Remark(findings.not_confirmed(error.diagnostics[0]))
        return
    listed: dict[str, list[str]] = {}
    for remote in listing.finetunes:
        listed.setdefault(remote.name, []).append(remote.id)
    for address in created:
        current = ledger.finetunes[address].current
        name = current.attributes.name
        ids = listed.get(name, [])
        if current.id in ids:
            ledger.confirm(address)
        if len({*ids, current.id}) > 1:
            yield Remark(findings.duplicate(address, name, current.id, ids))
