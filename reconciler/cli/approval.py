"""A person's yes to a plan: a digest, a plan file, a flag, or the answer to a question."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.terminal import Terminal
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import plan as plan_codes
from reconciler.diagnostics.codes import project as codes
from reconciler.plan import Plan, decode_plan
from reconciler.plan.comparison import differences_between
from reconciler.render.text import count

_MOST_LISTED = 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Approval:
    """What was said beforehand. digest: of the plan that was reviewed, "" for none."""

    digest: str = ""
    plan: Plan | None = None
    automatic: bool = False

    @property
    def asks(self) -> bool:
        """Whether a person has to be asked."""
        return not self.digest and not self.automatic

    def check(self, plan: Plan) -> None:
        """Raise DiagnosticError (R612) where what would be done is not what was reviewed."""
        if not self.digest or self.digest == plan.digest:
            return
        if self.plan is not None:
            detail = _moved(list(differences_between(self.plan, plan)))
        else:
            detail = (
                f"The digest of what would be done now is {plan.digest}; "
                f"what was reviewed has {self.digest}."
            )
        if not plan.has_changes:
            detail += "\nNow there is nothing to do: it may have been applied already."
        hint = "Nothing was changed. Plan again, have it reviewed, and apply that one."
        raise DiagnosticError(plan_codes.PLAN_STALE.error(detail, hint=hint))

    def is_given(self, plan: Plan, terminal: Terminal, *, sandbox: bool) -> bool:
        """Tell whether to go on; ask where nothing was said beforehand."""
        if not self.asks:
            return True
        number = count(len(plan.effective), "change")
        where = "the sandbox" if sandbox else f"account {plan.account_id}"
        answer = terminal.ask(f"\nApply {number} to {where}? Only 'yes' is a yes: ")
        if answer is None:
            raise DiagnosticError(
                codes.NOT_INTERACTIVE.error(
                    "There is no terminal to ask on, and nobody approved the plan beforehand.",
                    hint="Apply what was reviewed, with the same flags and "
                    f"--plan-digest {plan.digest}, or give a plan file, or --auto-approve.",
                )
            )
        return answer == "yes"


def _moved(differences: list[str]) -> str:
    """List what is not as it was reviewed, a line each."""
    lines = [f"- {difference}" for difference in differences[:_MOST_LISTED]]
    if len(differences) > len(lines):
        lines.append(f"- and {len(differences) - len(lines):,} more")
    return "\n".join(["What was reviewed is not what would be done now:", *lines])


def read_approval(
    workspace: Workspace, planfile: str | None, digest: str | None, automatic: bool
) -> Approval:
    """Read what was approved; DiagnosticError where that is no plan of this account."""
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise DiagnosticError(
            codes.INVALID_USAGE.error(
                "--plan-digest is not sha256: and 64 hex digits"
                f"{'' if digest else ', it is empty'}.",
                hint="Give the digest that `reconciler plan` printed for the review.",
            )
        )
    if planfile is None:
        return Approval(digest or "", None, automatic)
    plan = read_plan_file(planfile)
    if digest is not None and digest != plan.digest:
        raise DiagnosticError(
            plan_codes.PLAN_STALE.error(
                f"{planfile} has the digest {plan.digest}, not the one of --plan-digest.",
                hint="Nothing was changed. Give the file, or the digest, that was reviewed.",
            )
        )
    account = workspace.settings.require_account()
    if plan.account_id != account:
        raise DiagnosticError(
            plan_codes.PLAN_STALE.error(
                f"{planfile} was made for account {plan.account_id}, not for {account}.",
                hint="Name that account, or plan again for this one.",
            )
        )
    return Approval(plan.digest, plan, automatic)


def read_plan_file(path: str) -> Plan:
    """Read a plan file; DiagnosticError where it cannot be used."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        detail = f"Cannot read {path}: {error.strerror}."
        hint = "Name the file that `reconciler plan --out FILE` wrote."
        raise DiagnosticError(codes.INVALID_USAGE.error(detail, hint=hint)) from error
    return decode_plan(raw, path)
