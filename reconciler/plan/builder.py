"""From what is desired and what is there to the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import plan as codes
from reconciler.model import Action, Address, Change, Desired, Finetune, Limits
from reconciler.plan import findings
from reconciler.plan.decisions import Decision, decide, forget
from reconciler.plan.plan import EVERYTHING, Plan, Quota, Scope
from reconciler.plan.standing import Standings
from reconciler.plan.unverified import say_unverified
from reconciler.refresh import PriorState, Unresolved
from reconciler.state import FinetuneRecord


@dataclass(frozen=True, slots=True)
class Moves:
    """What is recorded, by the addresses of now; the old address of each that moved.

    problems: of the moves that cannot be made, by the new address.
    """

    records: Mapping[Address, FinetuneRecord]
    previous: Mapping[Address, Address]
    problems: Mapping[Address, Diagnostic]


def build_plan(
    desired: Desired, prior: PriorState, limits: Limits, scope: Scope = EVERYTHING
) -> Plan:
    """Plan every address of the manifests and the state that is in scope."""
    wanted = {a: f for a, f in sorted(desired.finetunes.items()) if scope.includes(f)}
    moves = _follow_moves(desired, prior)
    forgotten = _forgotten(desired, moves, scope)
    unresolved = _in_scope(prior, desired, wanted, forgotten, scope)
    decisions = list(_decide_wanted(wanted, moves, prior, unresolved))
    created = [wanted[d.change.address] for d in decisions if _is_first(d.change)]
    decisions += [
        forget(a, moves.records[a], prior, a in desired.removed, created) for a in forgotten
    ]
    decisions.sort(key=lambda decision: decision.change.address)
    changes = tuple(decision.change for decision in decisions)
    quota = _quota(changes, prior, limits)
    origins = {moves.previous.get(a, a) for a in (*wanted, *forgotten)}
    return Plan(
        account_id=prior.state.account_id,
        lineage=prior.state.lineage if prior.state.serial else "",
        serial=prior.state.serial,
        changes=changes,
        quota=quota,
        scope=scope,
        drift=tuple(d for a, d in prior.drift.items() if not scope.is_partial or a in origins),
        unresolved=unresolved,
        problems=(
            *(problem for a, problem in moves.problems.items() if a in wanted),
            *_check_names(wanted.values()),
            *(problem for decision in decisions for problem in decision.problems),
            *say_unverified(d.unverified for d in decisions if d.unverified),
            *(
                findings.unresolved(item, was_asked=prior.listing is not None)
                for item in unresolved
            ),
            *_check_quota(quota, changes),
        ),
        superseded=_superseded(changes, moves.records),
        limits=limits,
    )


def _is_first(change: Change) -> bool:
    """Whether it creates what its address never had."""
    return change.action is Action.CREATE and change.before is None


def _follow_moves(desired: Desired, prior: PriorState) -> Moves:
    """Rename the recorded addresses, all at once: a move never sees what another one did."""
    recorded = prior.state.finetunes
    records = dict(recorded)
    previous: dict[Address, Address] = {}
    problems: dict[Address, Diagnostic] = {}
    for new, old in sorted(desired.moved.items()):
        if old not in recorded or new not in desired.finetunes:
            continue
        if new in recorded:
            recovered = recorded[new].current.id if new in prior.recovered else ""
            problems[new] = findings.move_blocked(old, new, recovered)
        else:
            records[new] = records.pop(old)
            previous[new] = old
    return Moves(records, previous, problems)


def _forgotten(desired: Desired, moves: Moves, scope: Scope) -> tuple[Address, ...]:
    """Return what is recorded and not declared any more.

    A selector chooses among declared finetunes: labels are not recorded, so it forgets none.
    """
    if scope.selector:
        return ()
    gone = (a for a in moves.records if a not in desired.finetunes)
    return tuple(a for a in gone if not scope.targets or a in scope.targets)


def _in_scope(
    prior: PriorState,
    desired: Desired,
    wanted: Mapping[Address, Finetune],
    forgotten: Iterable[Address],
    scope: Scope,
) -> tuple[Unresolved, ...]:
    """Return the unresolved creates that the plan must wait for.

    Those of another address too where a finetune in scope has the name: the create whose
    outcome is unknown may have made it.
    """
    if not scope.is_partial:
        return tuple(prior.unresolved.values())
    addresses = {*scope.targets, *wanted, *forgotten}
    addresses |= {desired.moved.get(address, address) for address in wanted}
    names = {finetune.remote_name for finetune in wanted.values()} if prior.unresolved else set()
    return tuple(
        item
        for address, item in prior.unresolved.items()
        if address in addresses or item.intent.attributes.name in names
    )


def _decide_wanted(
    wanted: Mapping[Address, Finetune],
    moves: Moves,
    prior: PriorState,
    unresolved: tuple[Unresolved, ...],
) -> Iterator[Decision]:
    standings = Standings(prior, moves.records, moves.previous)
    waiting = {item.address for item in unresolved}
    names = {item.intent.attributes.name for item in unresolved}
    for address, finetune in wanted.items():
        if address in waiting or moves.previous.get(address) in waiting:
            continue
        standing = standings.of(finetune)
        if standing.name not in names:
            yield decide(standing)


def _check_names(wanted: Iterable[Finetune]) -> Iterator[Diagnostic]:
    """A versioned name can hit upon a plain one, which no manifest shows."""
    first: dict[str, Finetune] = {}
    for finetune in wanted:
        other = first.setdefault(finetune.remote_name, finetune)
        if other is not finetune:
            yield findings.declared_twice(other, finetune)


def _quota(changes: tuple[Change, ...], prior: PriorState, limits: Limits) -> Quota:
    creates = sum(change.action is Action.CREATE for change in changes)
    if prior.listing is None:
        recorded = sum(1 for _ in prior.state.generations())
        return Quota(None, recorded + creates, limits.max_finetunes)
    unlisted = sum(not generation.seen for generation in prior.state.generations())
    used = len(prior.listing.finetunes) + unlisted
    return Quota(used, used + creates, limits.max_finetunes)


def _check_quota(quota: Quota, changes: tuple[Change, ...]) -> Iterator[Diagnostic]:
    creates = sum(change.action is Action.CREATE for change in changes)
    if creates and quota.after > quota.limit:
        there = quota.after - creates
        holder = "The account has" if quota.used is not None else "The state records"
        yield codes.OVER_QUOTA.error(
            f"{holder} {there} of at most {quota.limit} finetunes; {creates} more would make it "
            f"{quota.after}.",
            hint="Create fewer (--target), or raise limits.max_finetunes in reconciler.yaml.",
        )


def _superseded(changes: tuple[Change, ...], records: Mapping[Address, FinetuneRecord]) -> int:
    """Count the generations that the state will know of and that nothing needs any more."""
    current = {address: record.current.id for address, record in records.items()}
    current |= {c.address: c.id for c in changes if c.action is not Action.REPLACE}
    behind = {change.supersedes for change in changes if change.supersedes}
    forgotten = {change.address for change in changes if change.action is Action.FORGET}
    for address, record in records.items():
        if address in forgotten:
            del current[address]
        else:
            behind.update(generation.id for generation in record.superseded)
    return len(behind.difference(current.values()))
