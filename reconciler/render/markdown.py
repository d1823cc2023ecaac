"""A plan as Markdown, for the comment of a pull request and the summary of a job.

Written for GitHub and GitLab. Whatever a manifest or the account says stands in a code span
or a code block: there it is no mention, link, image, HTML, reference or formula. The text is
at most MAX_BYTES long; what does not fit is left out whole, so that it ends well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from reconciler.diagnostics import Diagnostic
from reconciler.model import Action, Change, Limits
from reconciler.plan import Plan, Scope
from reconciler.render import review
from reconciler.render.diagnostics import render_diagnostic
from reconciler.render.findings import from_root
from reconciler.render.review import HERE, Place, Verdict
from reconciler.render.style import PLAIN
from reconciler.render.text import count, inert, size

MAX_BYTES = 60_000
"""GitHub takes 65,536 characters in a comment; GitLab a million."""
_LONGEST_COMMAND = 8_000
_MARKS = {Action.CREATE: "+", Action.UPLOAD: "+", Action.REPLACE: "!"}
"""How a diff block colours a change: `+` green, `!` orange, ` ` not at all."""


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the comment. Its entries are left out from the end where there is no room.

    opening and closing stand around them; a section that loses all entries is not shown.
    """

    opening: str
    entries: tuple[str, ...]
    closing: str = ""


def render_markdown(plan: Plan, place: Place = HERE) -> str:
    """Render a plan."""
    plan = replace(plan, problems=from_root(plan.problems, place.folder))
    head, command = _head(plan, place.folder), _command(plan, place)
    cut = _cut(place.command("plan", *place.flags, "--format", "html"))
    room = MAX_BYTES - sum(_length(text) for text in (head, command, cut))
    first, room, left_out = _fitted(_essentials(plan), room)
    details, _, more = _fitted(_details(plan), room)
    whole = first + command + details
    return f"{head}{cut if left_out or more else ''}{whole}".rstrip("\n")


def render_failure(diagnostics: Iterable[Diagnostic], account_id: str, place: Place = HERE) -> str:
    """Render why no plan could be made; account_id: "" where not even that is known."""
    head = (
        f"{marker(account_id, place.folder)}\n"
        f"### Finetune plan{_where(place.folder)}: no plan could be made\n\n"
        "**Nothing is applied** until that is mended.\n\n"
    )
    found = from_root(diagnostics, place.folder)
    section = _Section("#### In the way\n\n", tuple(map(_diagnostic, found)))
    cut = _cut(place.command("validate"))
    text, _, left_out = _fitted([section], MAX_BYTES - _length(head) - _length(cut))
    return f"{head}{cut if left_out else ''}{text}".rstrip("\n")


def marker(account_id: str, folder: str = "") -> str:
    """Return the first line, by which a comment that is there already is found again."""
    key = quote(f"{account_id}/{folder}".rstrip("/"), safe="/", errors="replace")
    return f"<!-- reconciler:plan {key.replace('--', '%2D%2D')} -->"


def _fitted(sections: Iterable[_Section], room: int) -> tuple[str, int, int]:
    """Return what fits, the room that is left, and how many entries were left out."""
    text, left_out = "", 0
    for section in sections:
        free = room - _length(section.opening) - _length(section.closing)
        kept = 0
        for entry in section.entries:
            free -= _length(entry)
            if free < 0:
                break
            kept += 1
        left_out += len(section.entries) - kept
        if kept:
            block = section.opening + "".join(section.entries[:kept]) + section.closing
            text, room = text + block, room - _length(block)
    return text, room, left_out


def _length(text: str) -> int:
    return len(text.encode())


# What always stands there


def _head(plan: Plan, folder: str) -> str:
    account = " ".join(review.account_sentences(plan))
    scope = ""
    if plan.scope.is_partial:
        scope = f"\n\nOnly a part was planned: {', '.join(map(_span, review.scope_names(plan)))}."
    return (
        f"{marker(plan.account_id, folder)}\n"
        f"### Finetune plan{_where(folder)}: {review.headline(plan)}\n\n"
        f"**{review.verdict(plan).value}.** {review.verdict_text(plan)}\n\n"
        f"{account} Account {_span(plan.account_id)}.{scope}\n\n"
    )


def _where(folder: str) -> str:
    return f" for {_span(folder)}" if folder else ""


def _command(plan: Plan, place: Place) -> str:
    if review.verdict(plan) is not Verdict.CHANGES:
        return ""
    command, scope = review.apply_command(plan, place), ""
    if len(command) > _LONGEST_COMMAND:
        command = review.apply_command(replace(plan, scope=Scope()), Place(place.folder))
        scope = "Type the same flags as were planned with before `--plan-digest`. "
    return (
        f"#### To apply exactly this plan\n\n{_fence([command], 'sh')}{scope}"
        "It makes the plan anew, and refuses if anything differs from what is reviewed here.\n\n"
    )


def _cut(command: str) -> str:
    whole = _span(command if len(command) <= _LONGEST_COMMAND else "reconciler plan --format html")
    return (
        f"> [!NOTE]\n> This was cut at {MAX_BYTES:,} bytes: not everything is shown. "
        f"{whole} shows it.\n\n"
    )


# What a reviewer must see, the worst first


def _essentials(plan: Plan) -> Iterator[_Section]:
    changes = {action: [c for c in plan.changes if c.action is action] for action in Action}
    errors = [problem for problem in plan.problems if problem.is_error]
    stuck = changes[Action.REPLACE]
    if errors or stuck:
        blocks = [_diagnostic(error) for error in errors]
        blocks += [_block([change], plan.limits) for change in stuck]
        yield _Section("#### In the way\n\n", tuple(blocks))
    lasting = [change for action in review.IRREVERSIBLE for change in changes[action]]
    if lasting:
        opening = f"#### Cannot be undone\n\n{_warning(plan)}" + _table_head(
            "Action", "Finetune", "Name in the account", "Base model", "Adapter"
        )
        yield _Section(opening, tuple(_lasting_row(change) for change in lasting), "\n")
    others = [change for action in review.STATE_ONLY for change in changes[action]]
    if others:
        opening = "#### In the state alone\n\nThe account is not touched by these.\n\n"
        opening += _table_head("Action", "Finetune", "Name in the account", "What happens")
        yield _Section(opening, tuple(_state_row(change) for change in others), "\n")
    warnings = [_diagnostic(problem) for problem in plan.problems if not problem.is_error]
    if warnings:
        yield _Section("#### Warnings\n\n", tuple(warnings))


def _warning(plan: Plan) -> str:
    return f"> [!WARNING]\n> **{review.lasting_sentence(plan)}** {review.WHY_FOR_GOOD}\n\n"


def _lasting_row(change: Change) -> str:
    public = " (public)" if change.after and change.after.public else ""
    shown = change.after
    changed = ", ".join(d.name.removeprefix("adapter/") for d in change.differences)
    generation = f" again: {changed or 'its name'} changed" if change.supersedes else ""
    return _row(
        f"`{change.action.symbol}` {change.action.value}{generation}",
        _span(str(change.address)),
        (_cell(shown.name) if shown else "") + public,
        _cell(shown.model) if shown else "",
        review.adapter_summary(change),
    )


def _state_row(change: Change) -> str:
    shown = change.before or change.after
    old = f", so far {_span(str(change.previous_address))}" if change.previous_address else ""
    what = {
        Action.IMPORT: "adopted as it is",
        Action.MOVE: "renamed",
        Action.FORGET: "leaves the state, **stays in the account**",
    }[change.action]
    return _row(
        f"`{change.action.symbol}` {change.action.value}",
        _span(str(change.address)),
        _cell(shown.name) if shown else "",
        what + old,
    )


def _table_head(*names: str) -> str:
    return _row(*names) + _row(*("---" for _ in names))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


# What can be unfolded


def _details(plan: Plan) -> Iterator[_Section]:
    chosen = (*review.IRREVERSIBLE, *review.STATE_ONLY)
    shown = [change for action in chosen for change in plan.changes if change.action is action]
    if shown:
        title = f"<b>Attributes, adapters and reasons</b> of {count(len(shown), 'change')}"
        blocks = tuple(_block([change], plan.limits) for change in shown)
        yield _Section(*_folded(title, blocks))
    if plan.drift:
        title = f"<b>Drift</b>: {len(plan.drift):,} not as recorded in the state"
        yield _Section(*_folded(title, tuple(_drift_blocks(plan))))
    unchanged = [change for change in plan.changes if change.action is Action.NO_OP]
    if unchanged:
        entries = tuple(_unchanged(change) for change in unchanged)
        yield _Section(*_folded(f"<b>Unchanged</b>: {len(unchanged):,}", entries))


def _folded(title: str, entries: tuple[str, ...]) -> tuple[str, tuple[str, ...], str]:
    closing = "</details>\n\n" if entries[-1].endswith("\n\n") else "\n</details>\n\n"
    return f"<details><summary>{title}</summary>\n\n", entries, closing


def _unchanged(change: Change) -> str:
    name = change.after.name if change.after else ""
    return f"- {_span(str(change.address))} is {_cell(name)}, {review.adapter_summary(change)}\n"


def _drift_blocks(plan: Plan) -> Iterator[str]:
    for drift in plan.drift:
        old, new = dict(review.attribute_rows(drift.recorded)), review.attribute_rows(drift.found)
        rows = [(name, old.get(name, '""'), text) for name, text in new if name != "public"]
        rows = [row for row in rows if row[1] != row[2]]
        title = f"! {drift.address} is not as recorded in the state"
        yield _fence([title, *_aligned(rows, "!")], "diff")


def _block(changes: list[Change], limits: Limits) -> str:
    return _fence([line for change in changes for line in _lines(change, limits)], "diff")


def _lines(change: Change, limits: Limits) -> Iterator[str]:
    mark = _MARKS.get(change.action, " ")
    yield f"{mark} {change.address} {review.HEADLINES[change.action]}"
    for remark in (change.reason, *change.notes):
        yield f"# {remark}"
    yield from _aligned(review.change_rows(change), mark)
    if change.action not in review.IRREVERSIBLE:
        return
    facts = review.fact_rows(change.facts) if change.facts else []
    for measure in review.measures(change, limits):
        yield f"{mark}   {measure.name:<11} = {measure.text} (at most {measure.limit_text})"
    for name, text in facts:
        yield f"{mark}   {name:<11} = {text}"
    for asset in change.assets:
        sent = "send" if asset.file_name in change.uploads else "keep"
        before = review.before_of(change, asset.file_name)
        was = f", was {before}" if before else ""
        facts_of_it = f"{size(asset.size)}, sha256 {asset.sha256[:16]}{was}"
        yield f"{mark}   {sent} {asset.file_name} ({facts_of_it})"


def _aligned(rows: Iterable[tuple[str, str, str | None]], mark: str) -> Iterator[str]:
    for name, old, new in rows:
        yield f"{mark}   {name:<11} = {old}" + ("" if new is None else f" -> {new}")


def _diagnostic(diagnostic: Diagnostic) -> str:
    return _fence(render_diagnostic(diagnostic, PLAIN).split("\n"), "text")


# Code, the only place where other people's texts stand


def _fence(lines: Iterable[str], language: str) -> str:
    """Write a code block; no line of it can end it."""
    shown = "\n".join(inert(line) for line in lines)
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}\n\n"


def _span(text: str) -> str:
    """Write a code span, which no table cell ends either."""
    shown = inert(text).replace("|", "\\u007c") or " "
    ticks = "`" * (_longest_run(shown) + 1)
    padded = f" {shown} " if shown[0] in "` " or shown[-1] in "` " else shown
    return f"{ticks}{padded}{ticks}"


def _cell(text: str) -> str:
    """Write a value as a code span, quoted unless it is a plain word."""
    return _span(review.word(text))


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
