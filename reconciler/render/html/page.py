"""The page: what is planned, what the account comes to, every change, and what to type.

One file, with its style and script inside. The policy in its head lets nothing else run or
load, so a hostile text that got past the escaping would still be without effect.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files

from reconciler import __version__
from reconciler.diagnostics import Diagnostic
from reconciler.model import Action
from reconciler.plan import Plan
from reconciler.render import review
from reconciler.render.findings import from_root
from reconciler.render.html import charts
from reconciler.render.html.changes import change_card, diagnostic_card, row
from reconciler.render.html.elements import Markup, element, raw
from reconciler.render.review import HERE, Place, Verdict

_FEWEST_FILTERS = 2
_NOTHING_APPLIED = "Nothing is applied until that is mended."
_ORDER = (Action.REPLACE, *review.IRREVERSIBLE, *review.STATE_ONLY, Action.NO_OP)


def render_html(plan: Plan, place: Place = HERE) -> str:
    """Render a plan."""
    plan = replace(plan, problems=from_root(plan.problems, place.folder))
    return _page(review.headline(plan), _body(plan, place))


def render_failure(diagnostics: Iterable[Diagnostic], account_id: str, place: Place = HERE) -> str:
    """Render why no plan could be made; account_id: "" where not even that is known."""
    verdict = _verdict("blocked", "No plan could be made", _NOTHING_APPLIED)
    body = [
        element(
            "header", _place(account_id, place.folder), element("h1", "Finetune plan"), verdict
        ),
        element("main", _findings(from_root(diagnostics, place.folder), "In the way", "errors")),
        element("footer", f"Made by reconciler {__version__}."),
    ]
    return _page("no plan could be made", body)


def _page(title: str, body: list[Markup]) -> str:
    style, script = _asset("style.css"), _asset("script.js")
    page = element(
        "html",
        _head(title, style, script),
        element("body", body, element("script", raw(script))),
        lang="en",
    )
    return f"<!doctype html>\n{page.html}"


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _head(title: str, style: str, script: str) -> Markup:
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"Finetune plan: {title}"),
        element("style", raw(style)),
    )


def _body(plan: Plan, place: Place) -> list[Markup]:
    errors = [problem for problem in plan.problems if problem.is_error]
    warnings = [problem for problem in plan.problems if not problem.is_error]
    return [
        element("a", "Skip to the changes", href="#changes", class_="skip"),
        _header(plan, place.folder),
        element(
            "main",
            _findings(errors, "In the way", "errors"),
            _account(plan),
            _changes(plan),
            _drift(plan),
            _findings(warnings, "Warnings", "warnings"),
            _command(plan, place),
        ),
        element("footer", f"Made by reconciler {__version__}. Plan digest {plan.digest}"),
    ]


def _header(plan: Plan, folder: str) -> Markup:
    kind = review.verdict(plan)
    parts: list[Markup | str] = [review.verdict_text(plan)]
    if kind is Verdict.CHANGES:
        parts += [" ", element("a", "What to type", href="#apply")]
    return element(
        "header",
        _place(plan.account_id, folder),
        element("h1", "Finetune plan"),
        element("p", review.headline(plan), class_="headline"),
        _verdict(kind.name.lower(), kind.value, *parts),
        _scope(plan),
    )


def _scope(plan: Plan) -> Markup | None:
    if not plan.scope.is_partial:
        return None
    names = [element("code", name) for name in review.scope_names(plan)]
    separated = [part for name in names for part in (", ", name)][1:]
    return element("p", "Only a part was planned: ", separated, ".", class_="reason")


def _place(account_id: str, folder: str) -> Markup:
    parts: list[Markup | str] = [element("code", folder)] if folder else []
    if account_id:
        parts += [" · Account " if folder else "Account ", element("code", account_id)]
    return element("p", parts, class_="place")


def _verdict(kind: str, title: str, *text: Markup | str) -> Markup:
    return element("p", element("strong", f"{title}. "), *text, class_=f"verdict {kind}")


def _section(title: str, name: str, *children: Markup | list[Markup] | None) -> Markup:
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def _findings(diagnostics: Iterable[Diagnostic], title: str, name: str) -> Markup | None:
    cards = [diagnostic_card(diagnostic) for diagnostic in diagnostics]
    return _section(title, name, cards) if cards else None


def _account(plan: Plan) -> Markup:
    now, then = charts.before(plan), charts.after(plan)
    figures = [_holding("Now", now)] if now else []
    figures.append(_holding("Afterwards" if now else "Afterwards at least", then, known=bool(now)))
    sentences = " ".join(review.account_sentences(plan))
    return _section(
        "The account",
        "account",
        element("p", sentences),
        element("div", figures, class_="holdings"),
    )


def _holding(title: str, holding: charts.Holding, *, known: bool = True) -> Markup:
    picture, unit = charts.squares(holding)
    parts = [
        ("declared", holding.declared, "declared here"),
        ("other", holding.others, "others"),
        ("created", holding.created, "new"),
        ("free", max(0, holding.limit - holding.total), "free" if known else "free at most"),
    ]
    key = [
        element(
            "li", element("span", class_=f"key {kind}", aria_hidden="true"), f" {number:,} {text}"
        )
        for kind, number, text in parts
        if number
    ]
    scale = element("p", f"A square stands for {unit:,}.", class_="reason") if unit > 1 else None
    total = element("b", f"{holding.total:,}")
    caption = element("figcaption", f"{title} ", total, f" of {holding.limit:,}")
    return element("figure", caption, picture, element("ul", key, class_="keys"), scale)


def _changes(plan: Plan) -> Markup:
    ordered = [change for action in _ORDER for change in plan.changes if change.action is action]
    lasting = review.lasting_sentence(plan)
    return _section(
        "Changes",
        "changes",
        element("p", element("strong", lasting), f" {review.WHY_FOR_GOOD}", class_="lasting")
        if lasting
        else None,
        _filters(plan),
        None if ordered else element("p", "Nothing is declared."),
        [change_card(change, plan.limits) for change in ordered],
    )


def _filters(plan: Plan) -> Markup | None:
    buttons = [
        element(
            "button",
            element("span", action.symbol.strip() or "=", class_="symbol", aria_hidden="true"),
            element("b", f"{number:,}"),
            f" {verb}",
            type="button",
            class_=action.value,
            aria_pressed="false",
            data_filter=action.value,
        )
        for action, number, verb in review.counted(plan)
    ]
    if len(buttons) < _FEWEST_FILTERS:
        return None
    return element(
        "div",
        buttons,
        element("p", "", id="shown", aria_live="polite", class_="hidden"),
        class_="filters",
        role="group",
        aria_label="Show only some actions",
        hidden=True,
    )


def _drift(plan: Plan) -> Markup | None:
    if not plan.drift:
        return None
    cards = []
    for drift in plan.drift:
        old = dict(review.attribute_rows(drift.recorded))
        new = [pair for pair in review.attribute_rows(drift.found) if pair[0] != "public"]
        rows = [row(name, old.get(name, '""'), text) for name, text in new if old.get(name) != text]
        title = element("h3", f"{drift.address} is not as recorded in the state")
        cards.append(
            element("article", title, element("table", element("tbody", rows)), class_="finding")
        )
    return _section("Drift", "drift", cards)


def _command(plan: Plan, place: Place) -> Markup | None:
    if review.verdict(plan) is not Verdict.CHANGES:
        return None
    command = element("code", review.apply_command(plan, place), id="command")
    return _section(
        "To apply exactly this plan",
        "apply",
        element(
            "div",
            element("pre", command, tabindex=0),
            element("button", "Copy", type="button", id="copy", hidden=True),
            class_="typed",
        ),
        element(
            "p",
            "It makes the plan anew, and refuses if anything differs from what is shown here.",
            class_="reason",
        ),
    )
