"""Apply: walks a plan. The only room that changes the account, one request an intent."""

from reconciler.apply.account import Account, AdapterFiles
from reconciler.apply.ledger import Ledger
from reconciler.apply.outcome import Outcome
from reconciler.apply.run import ApplyOptions, Run

__all__ = ["Account", "AdapterFiles", "ApplyOptions", "Ledger", "Outcome", "Run"]
