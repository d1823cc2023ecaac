"""What a reviewer must know of a plan, whatever it is rendered to."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from reconciler.model import WEIGHTS_FILE, Action, AdapterFacts, Attributes, Change, Limits
from reconciler.plan import Plan
from reconciler.render.text import count, quoted, safe, size
from reconciler.render.verification import asked_sentences

IRREVERSIBLE = (Action.CREATE, Action.UPLOAD)
STATE_ONLY = (Action.IMPORT, Action.MOVE, Action.FORGET)

HEADLINES = {
    Action.NO_OP: "is as desired",
    Action.CREATE: "will be created",
    Action.IMPORT: "will be adopted",
    Action.UPLOAD: "will get its files",
    Action.MOVE: "will be renamed in the state",
    Action.FORGET: "will be forgotten, and stays in the account",
    Action.REPLACE: "would have to be replaced, which is impossible",
}
_COUNTS = {
    Action.CREATE: "to create",
    Action.UPLOAD: "to upload",
    Action.IMPORT: "to adopt",
    Action.MOVE: "to rename",
    Action.FORGET: "to forget",
    Action.REPLACE: "impossible",
    Action.NO_OP: "unchanged",
}


_PLAIN_WORD = re.compile(r"[\w@/.+-]{1,200}\Z", re.ASCII)
_MOST_NAMED = 20
_LONGEST = 2_000
"""As much of a value as a comment or a page shows."""


WHY_FOR_GOOD = (
    "Cloudflare's API can neither change nor delete a finetune, and files cannot be replaced."
)


class Verdict(Enum):
    """What can be done with a plan; the value is what is said first."""

    UNRESOLVED = "A person must look first"
    BLOCKED = "Cannot be applied"
    CHANGES = "Can be applied"
    CONVERGED = "No changes"


def verdict(plan: Plan) -> Verdict:
    """Judge a plan."""
    if plan.unresolved:
        return Verdict.UNRESOLVED
    if not plan.can_apply:
        return Verdict.BLOCKED
    return Verdict.CHANGES if plan.has_changes else Verdict.CONVERGED


def verdict_text(plan: Plan) -> str:
    """Say in a sentence or two what the verdict means."""
    where = "account" if plan.scope.refreshed else "state"
    what = "this part of the manifests says" if plan.scope.is_partial else "the manifests say"
    same = "It is applied only if it is still the very same plan then."
    if not plan.scope.refreshed:
        same = "The account was not asked: it is applied only if the account agrees with it."
    return {
        Verdict.UNRESOLVED: "An earlier create was cut off, and its outcome is unknown. Nothing "
        "is applied until somebody has said what became of it.",
        Verdict.BLOCKED: "Something in it is impossible or wrong, and nothing at all is applied "
        "until that is mended, or the rest is planned alone with `--target`.",
        Verdict.CHANGES: same,
        Verdict.CONVERGED: f"The {where} has what {what}.",
    }[verdict(plan)]


def counted(plan: Plan) -> list[tuple[Action, int, str]]:
    """Count the changes of each action that occurs, unchanged ones last."""
    return [(a, plan.counts[a], verb) for a, verb in _COUNTS.items() if plan.counts[a]]


def headline(plan: Plan) -> str:
    """Sum a plan up: `2 to create, 1 unchanged`."""
    parts = [f"{number:,} {verb}" for _, number, verb in counted(plan)]
    if plan.unresolved:
        parts.insert(0, f"{len(plan.unresolved):,} unresolved")
    return ", ".join(parts) or "nothing declared"


def scope_names(plan: Plan) -> list[str]:
    """Name what was planned, where it is only a part: targets, then labels; the first of many."""
    labels = (f"{key}={label}" for key, label in sorted(plan.scope.selector.items()))
    named = [name[:100] for name in (*map(str, plan.scope.targets), *labels)]
    more = len(named) - _MOST_NAMED
    return named if more <= 0 else [*named[:_MOST_NAMED], f"and {more:,} more"]


def account_sentences(plan: Plan) -> Iterator[str]:
    """Yield what the account holds now and afterwards, what answers, what nobody can undo."""
    quota = plan.quota
    if quota.used is None:
        yield f"At least {quota.after:,} of {quota.limit:,} finetunes are taken afterwards."
    elif quota.used == quota.after:
        yield f"The account holds {quota.used:,} of {quota.limit:,} finetunes, before and after."
    else:
        now = f"The account holds {quota.used:,} of {quota.limit:,} finetunes now"
        yield f"{now}, and {quota.after:,} afterwards."
    yield from asked_sentences(plan)
    if plan.superseded:
        behind = count(plan.superseded, "superseded generation")
        yield f"{behind} {'stays' if plan.superseded == 1 else 'stay'} behind in the account."


def lasting_sentence(plan: Plan) -> str:
    """Say what nobody can undo once it is done; "" where there is nothing of the kind."""
    creates, uploads = plan.counts[Action.CREATE], plan.counts[Action.UPLOAD]
    will = "will" if plan.can_apply else "would"
    parts = []
    if creates:
        parts.append(f"{count(creates, 'finetune')} {will} be created")
    if uploads:
        parts.append(f"{count(uploads, 'finetune')} {will} get missing files")
    return f"{' and '.join(parts)}, for good." if parts else ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plan was made, which is where it has to be applied.

    folder: the working folder from the root of the repository, "" for the root.
    flags: what was typed with `plan` that `apply` needs as well, such as `--state PATH`.
    """

    folder: str = ""
    flags: tuple[str, ...] = ()

    def command(self, *words: str) -> str:
        """Return what to type, from the root of the repository."""
        chdir = ("-C", self.folder) if self.folder else ()
        return safe(shlex.join(["reconciler", *chdir, *words]))


HERE = Place()


def apply_command(plan: Plan, place: Place = HERE) -> str:
    """Return what to type to apply just this plan."""
    words = ["apply", *place.flags]
    for target in plan.scope.targets:
        words += ["--target", target.name]
    for key, label in sorted(plan.scope.selector.items()):
        words += ["--selector", f"{key}={label}"]
    return place.command(*words, "--plan-digest", plan.digest)


def attribute_rows(attributes: Attributes) -> list[tuple[str, str]]:
    """Return what a finetune has, by name."""
    rows = [("name", _shown(attributes.name)), ("model", _shown(attributes.model))]
    if attributes.description:
        rows.append(("description", _shown(attributes.description)))
    rows.append(("public", _shown(attributes.public)))
    return rows


def shown_of(change: Change) -> Attributes | None:
    """Return what a change shows: of what is adopted what the account shows, else the desired."""
    if change.action is Action.IMPORT and change.before:
        return change.before
    return change.after or change.before


def word(text: str, longest: int = 200) -> str:
    """Write a name bare where nothing in it could be mistaken, and else quoted."""
    return text if _PLAIN_WORD.match(text) else quoted(text, longest)


def _shown(value: object) -> str:
    return quoted(value, _LONGEST)


def before_of(change: Change, name: str) -> str:
    """Return what a create of a new generation changes, as it was: an attribute, or the
    beginning of a file's digest; "" where it stays the same.
    """
    if change.action is not Action.CREATE:
        return ""
    for difference in change.differences:
        if difference.name == name:
            return _shown(difference.before)
        if difference.name == f"adapter/{name}":
            return str(difference.before)[:16]
    return ""


def change_rows(change: Change) -> list[tuple[str, str, str | None]]:
    """Return name, value and new value of all that a change shows; None where none is new."""
    if change.action is Action.REPLACE and change.differences:
        return [
            (d.name.removeprefix("adapter/"), _shown(d.before), _shown(d.after))
            for d in change.differences
        ]
    rows: list[tuple[str, str, str | None]] = []
    if change.id and change.action is not Action.CREATE:
        rows.append(("id", _shown(change.id), None))
    if change.previous_address:
        rows.append(("address", _shown(str(change.previous_address)), _shown(str(change.address))))
    shown = shown_of(change)
    if shown:
        for name, text in attribute_rows(shown):
            before = before_of(change, name)
            rows.append((name, before, text) if before else (name, text, None))
    return rows


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure against its limit."""

    name: str
    number: int
    limit: int
    text: str
    limit_text: str


def measures(change: Change, limits: Limits) -> list[Measure]:
    """Return rank and size of an adapter's weights against what the account takes."""
    found = []
    if change.facts and change.facts.rank:
        rank, most = change.facts.rank, limits.max_rank
        found.append(Measure("rank", rank, most, f"{rank:,}", f"{most:,}"))
    for asset in change.assets:
        if asset.file_name == WEIGHTS_FILE and asset.size is not None:
            most = limits.max_adapter_bytes
            found.append(Measure("weights", asset.size, most, size(asset.size), size(most)))
    return found


def fact_rows(facts: AdapterFacts) -> list[tuple[str, str]]:
    """Return what an inspection found out, by name; what is unknown is left out."""
    dtypes = ", ".join(f"{safe(name)} in {n:,}" for name, n in sorted(facts.dtypes.items()))
    rows = [
        ("base model", word(facts.base_model) if facts.base_model else ""),
        ("model type", word(facts.model_type) if facts.model_type else ""),
        ("alpha", f"{facts.alpha:g}" if facts.alpha else ""),
        ("modules", ", ".join(map(word, facts.modules))),
        ("parameters", f"{facts.parameters:,}" if facts.parameters else ""),
        ("tensors", f"{facts.tensors:,} ({dtypes})" if facts.tensors else ""),
    ]
    return [(name, text) for name, text in rows if text]


def adapter_summary(change: Change) -> str:
    """Sum an adapter up in its figures: `rank 8, 2 modules, 5.7 kB`."""
    if not change.assets:
        return "no adapter"
    parts = []
    if change.facts and change.facts.rank:
        parts.append(f"rank {change.facts.rank:,}")
    if change.facts and change.facts.modules:
        parts.append(count(len(change.facts.modules), "module"))
    sizes = [asset.size for asset in change.assets if asset.size is not None]
    parts.append(size(sum(sizes)) if len(sizes) == len(change.assets) else "pinned by its digests")
    return ", ".join(parts)
