"""A plan for people: what will happen to what, why, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model import Action, Attributes, Change
from reconciler.plan import Plan
from reconciler.render.review import shown_of
from reconciler.render.style import Style
from reconciler.render.text import count, fold, fold_value, quoted, safe, size
from reconciler.render.verification import asked_sentences

_HEADLINES = {
    Action.CREATE: "will be created",
    Action.IMPORT: "will be adopted",
    Action.UPLOAD: "will get its files",
    Action.MOVE: "will be renamed in the state",
    Action.FORGET: "will be forgotten",
    Action.REPLACE: "would have to be replaced, which is impossible",
}

_VERBS = (
    (Action.CREATE, "to create"),
    (Action.IMPORT, "to adopt"),
    (Action.UPLOAD, "to upload"),
    (Action.MOVE, "to move"),
    (Action.FORGET, "to forget"),
    (Action.REPLACE, "impossible"),
)


def render_plan(plan: Plan, style: Style) -> str:
    """Render a plan; its problems are diagnostics and rendered apart.

    The last line is the digest, of a plan that can be applied.
    """
    text = render_changes(plan, style)
    if not plan.can_apply:
        return text
    return f"{text}\n\nPlan digest (apply exactly this plan with --plan-digest):\n{plan.digest}"


def render_changes(plan: Plan, style: Style) -> str:
    """Render what a plan would do, and what it comes to."""
    blocks = [*_drift(plan, style)]
    blocks.extend(_change(change, style) for change in plan.effective)
    blocks.append("\n".join(_summary(plan, style)))
    return "\n\n".join(blocks)


def render_drift(plan: Plan, style: Style) -> str:
    """Render only how the account differs from what is recorded of it."""
    found = list(_drift(plan, style))
    if not found:
        return style.paint("No drift. What the account shows is as recorded.", "bold")
    number = count(len(found), "finetune")
    drifted = f"Drift: {number} {'is' if len(found) == 1 else 'are'} not as recorded."
    return "\n\n".join([*found, style.paint(drifted, "bold")])


def plan_headline(plan: Plan) -> str:
    """Sum the plan up in one line."""
    unchanged = plan.counts[Action.NO_OP]
    parts = [f"{plan.counts[action]} {verb}" for action, verb in _VERBS if plan.counts[action]]
    if plan.unresolved:
        parts.append(f"{len(plan.unresolved)} unresolved")
    if unchanged:
        parts.append(f"{unchanged} unchanged")
    return f"Plan: {', '.join(parts) or 'nothing declared'}."


def _drift(plan: Plan, style: Style) -> Iterator[str]:
    for drift in plan.drift:
        title = f"  ~ {drift.address} is not as recorded in the state"
        rows = [
            (name, f"{quoted(old)} -> {quoted(new)}")
            for name, old, new in _pairs(drift.recorded, drift.found)
            if old != new
        ]
        yield "\n".join([style.paint(title, "yellow"), *_rows(rows, style)])


def _change(change: Change, style: Style) -> str:
    mark = f"{change.action.symbol:>3} "
    headline = f"{change.address} {_HEADLINES[change.action]}"
    lines = [style.action(change.action, mark) + style.paint(headline, "bold")]
    lines.append(style.paint(fold(change.reason, style.columns, "      # "), "dim"))
    lines.extend(style.paint(fold(n, style.columns, "      # "), "dim") for n in change.notes)
    lines.extend(_rows(_body(change), style))
    lines.extend(_files(change, style))
    return "\n".join(lines)


def _body(change: Change) -> list[tuple[str, str]]:
    if change.action is Action.REPLACE and change.differences:
        return [(d.name, f"{quoted(d.before)} -> {quoted(d.after)}") for d in change.differences]
    if change.action is Action.CREATE and change.after:
        before = {d.name: quoted(d.before) for d in change.differences}
        return [
            ("id", "(known after apply)"),
            *(
                (name, f"{before[name]} -> {value}" if name in before else value)
                for name, value in _attributes(change.after)
            ),
        ]
    rows = [("id", quoted(change.id))] if change.id else []
    if change.action in (Action.IMPORT, Action.FORGET, Action.REPLACE):
        shown = shown_of(change)
        rows.extend(_attributes(shown) if shown else ())
    elif change.after:
        rows.append(("name", quoted(change.after.name)))
    return rows


def _attributes(attributes: Attributes) -> list[tuple[str, str]]:
    rows = [("name", quoted(attributes.name)), ("model", quoted(attributes.model))]
    if attributes.description:
        rows.append(("description", quoted(attributes.description)))
    rows.append(("public", quoted(attributes.public)))
    return rows


def _pairs(old: Attributes, new: Attributes) -> Iterator[tuple[str, object, object]]:
    for name in ("name", "model", "description"):
        yield name, getattr(old, name), getattr(new, name)


def _rows(rows: list[tuple[str, str]], style: Style) -> list[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return [
        f"      {name:<{width}} = {fold_value(value, style.width, width + 9)}"
        for name, value in rows
    ]


def _files(change: Change, style: Style) -> Iterator[str]:
    if change.action not in (Action.CREATE, Action.UPLOAD) or not change.assets:
        return
    yield "      files:"
    width = max(len(asset.file_name) for asset in change.assets)
    before = {d.name: str(d.before)[:12] for d in change.differences}
    for asset in change.assets:
        sent = asset.file_name in change.uploads
        mark = style.action(Action.UPLOAD, "^") if sent else " "
        was = before.get(f"adapter/{asset.file_name}", "")
        digest = f"{was} -> {asset.sha256[:12]}" if was else asset.sha256[:12]
        text = f"{asset.file_name:<{width}}  {size(asset.size):>8}  {digest}"
        yield f"      {mark} {safe(text)}"


def _summary(plan: Plan, style: Style) -> Iterator[str]:
    if not plan.has_changes and plan.can_apply:
        where = "The account" if plan.scope.refreshed else "The state"
        what = "this part of the manifests says" if plan.scope.is_partial else "the manifests say"
        unchanged = plan.counts[Action.NO_OP]
        yield style.paint(f"No changes. {where} has what {what}.", "bold")
        yield f"{count(unchanged, 'finetune')} as desired."
        yield from asked_sentences(plan)
        yield from _behind(plan)
        return
    yield style.paint(plan_headline(plan), "bold")
    yield from _quota(plan)
    yield from asked_sentences(plan)
    yield from _behind(plan)
    if not plan.can_apply:
        advice = (
            "Mend what the errors name, or plan the rest alone: --target ADDRESS, repeatable, or "
            "--selector LABEL=VALUE."
        )
        yield style.paint("It cannot be applied as it is; nothing of it would be done.", "red")
        yield fold(advice, style.columns)
    elif plan.counts[Action.CREATE]:
        yield "What is created can be neither changed nor deleted by the API."


def _quota(plan: Plan) -> Iterator[str]:
    quota = plan.quota
    account = f"Account {safe(plan.account_id)}" if plan.account_id else "The account"
    if quota.used is None:
        yield f"{account} was not asked (--no-refresh)."
    elif plan.counts[Action.CREATE]:
        after = f"{quota.used} now, {quota.after} of {quota.limit} finetunes afterwards"
        yield f"{account}: {after}."
    else:
        yield f"{account}: {quota.used} of {quota.limit} finetunes."


def _behind(plan: Plan) -> Iterator[str]:
    if plan.superseded:
        behind = count(plan.superseded, "superseded generation")
        yield f"{behind} {'stays' if plan.superseded == 1 else 'stay'} behind in the account."
