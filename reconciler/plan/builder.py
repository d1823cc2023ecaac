"""From what is desired and what is there to the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import plan as codes
from reconciler.model import Action, Address, Change, Desired, Finetune, Limits
from reconciler.plan.decisions import Decision, decide, forget
from reconciler.plan.plan import EVERYTHING, Plan, Quota, Scope
from reconciler.refresh import PriorState, Unresolved
from reconciler.state import FinetuneRecord


def build_plan(
    desired: Desired, prior: PriorState, limits: Limits, scope: Scope = EVERYTHING
) -> Plan:
    """Plan every address of the manifests and the state that is in scope."""
    wanted = {a: f for a, f in desired.finetunes.items() if scope.includes(f)}
    records, moved, problems = _follow_moves(desired, prior)
    # A selector chooses among declared finetunes: labels are not recorded, so it forgets none.
    forgotten = [
        a
        for a in records
        if a not in desired.finetunes
        and not scope.selector
        and (not scope.targets or a in scope.targets)
    ]
    decisions = [
        *_decide_wanted(wanted, records, moved, prior),
        *(forget(a, records[a], prior, a in desired.removed) for a in forgotten),
    ]
    decisions.sort(key=lambda decision: decision.change.address)
    changes = tuple(decision.change for decision in decisions)
    in_scope = {*wanted, *forgotten}
    unresolved = tuple(
        u for a, u in prior.unresolved.items() if not scope.is_partial or a in in_scope
    )
    quota = _quota(changes, prior, limits)
    problems.extend(p for decision in decisions for p in decision.problems)
    problems.extend(_unresolved(u) for u in unresolved)
    problems.extend(_check_quota(quota, changes))
    return Plan(
        account_id=prior.state.account_id,
        lineage=prior.state.lineage if prior.state.serial else "",
        serial=prior.state.serial,
        changes=changes,
        quota=quota,
        scope=scope,
        drift=prior.drift,
        unresolved=unresolved,
        problems=tuple(problems),
        superseded=_superseded(changes, records),
        limits=limits,
    )


def _follow_moves(
    desired: Desired, prior: PriorState
) -> tuple[dict[Address, FinetuneRecord], dict[Address, Address], list[Diagnostic]]:
    """Rename the recorded addresses; return them, the old address of each, and problems."""
    records = dict(prior.state.finetunes)
    moved: dict[Address, Address] = {}
    problems: list[Diagnostic] = []
    for new, old in sorted(desired.moved.items()):
        if old not in records:
            continue
        if new in records:
            problems.append(
                codes.MOVE_BLOCKED.error(
                    f"Both {old} and {new} are in the state, so {old} cannot become {new}.",
                    hint="Remove the `moved` entry, or forget one of the two first.",
                    address=str(new),
                )
            )
            continue
        records[new] = records.pop(old)
        moved[new] = old
    return records, moved, problems


def _decide_wanted(
    wanted: Mapping[Address, Finetune],
    records: Mapping[Address, FinetuneRecord],
    moved: Mapping[Address, Address],
    prior: PriorState,
) -> Iterator[Decision]:
    for address, finetune in wanted.items():
        previous = moved.get(address)
        if address in prior.unresolved or previous in prior.unresolved:
            continue
        yield decide(finetune, records.get(address), previous, prior)


def _unresolved(unresolved: Unresolved) -> Diagnostic:
    intent, candidates = unresolved.intent, unresolved.candidates
    name = intent.attributes.name
    shown = (
        f"The account shows {len(candidates)} new of that name: "
        + ", ".join(candidate.id for candidate in candidates)
        if candidates
        else "The account shows none that is new"
    )
    adopt = candidates[0].id if len(candidates) == 1 else "ID"
    return codes.UNRESOLVED_CREATE.error(
        f'A create of "{name}" was prepared at {intent.created_at or "an unknown time"} '
        f"(attempt {intent.attempt_id}) and its answer never recorded. {shown}.",
        hint=f"If it exists: reconciler resolve {unresolved.address} --adopt {adopt}. "
        f"If it certainly does not: reconciler resolve {unresolved.address} --retry.",
        address=str(unresolved.address),
    )


def _quota(changes: tuple[Change, ...], prior: PriorState, limits: Limits) -> Quota:
    creates = sum(change.action is Action.CREATE for change in changes)
    if prior.listing is None:
        recorded = sum(1 for _ in prior.state.generations())
        return Quota(None, recorded + creates, limits.max_finetunes)
    used = len(prior.listing.finetunes) + len(prior.unseen)
    return Quota(used, used + creates, limits.max_finetunes)


def _check_quota(quota: Quota, changes: tuple[Change, ...]) -> Iterator[Diagnostic]:
    creates = [change for change in changes if change.action is Action.CREATE]
    if creates and quota.after > quota.limit:
        has = "an unknown number of" if quota.used is None else str(quota.used)
        yield codes.OVER_QUOTA.error(
            f"The account has {has} finetunes; {len(creates)} more make {quota.after}, and "
            f"{quota.limit} is the limit.",
            hint="Create fewer (--target), or raise limits.max_finetunes in reconciler.yaml.",
        )


def _superseded(changes: tuple[Change, ...], records: Mapping[Address, FinetuneRecord]) -> int:
    behind = sum(len(record.superseded) for record in records.values())
    return behind + sum(
        change.action is Action.CREATE and change.before is not None and bool(change.id)
        for change in changes
    )
