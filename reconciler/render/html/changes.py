"""A change and a diagnostic as parts of the page."""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic, SourceRange
from reconciler.model import Action, Asset, Change, Limits
from reconciler.render import review
from reconciler.render.html import charts
from reconciler.render.html.elements import Markup, element
from reconciler.render.text import size


def badge(action: Action) -> Markup:
    """Name an action, with its symbol."""
    symbol = element("span", action.symbol.strip() or "=", aria_hidden="true")
    return element("span", symbol, f" {action.value}", class_=f"badge {action.value}")


def change_card(change: Change, limits: Limits) -> Markup:
    """Write one change; unchanged ones are folded."""
    shown = change.after or change.before
    public = element("span", "public", class_="badge public") if shown and shown.public else None
    title = element(
        "summary",
        badge(change.action),
        element("h3", str(change.address)),
        public,
        element("span", review.adapter_summary(change), class_="aside"),
    )
    what = f"{change.address} {review.HEADLINES[change.action]}: {change.reason}."
    columns = element(
        "div",
        element("div", _attributes(change), _files(change)),
        _adapter(change, limits),
        class_="columns",
    )
    return element(
        "details",
        title,
        element("p", what, class_="what"),
        [element("p", note, class_="reason") for note in change.notes],
        columns,
        class_=f"change {change.action.value}",
        open=change.action is not Action.NO_OP,
        data_action=change.action.value,
    )


def _attributes(change: Change) -> Markup:
    rows = [row(name, old, new) for name, old, new in review.change_rows(change)]
    return element(
        "section",
        element("h4", "Differences" if change.action is Action.REPLACE else "Finetune"),
        element("table", element("tbody", rows)),
    )


def row(name: str, old: str, new: str | None) -> Markup:
    """Write a line of a table: an attribute, and what it changes to where something is new."""
    cell = element("td", element("code", old)) if new is None else _difference(old, new)
    return element("tr", element("th", name, scope="row"), cell)


def _difference(old: str, new: str) -> Markup:
    return element(
        "td",
        element("del", element("span", "from ", class_="hidden"), _marked(old, new)),
        element("ins", element("span", "to ", class_="hidden"), _marked(new, old)),
    )


def _marked(text: str, other: str) -> Markup:
    """Write a value; where both are much alike, mark what is between what they share."""
    start = _shared(text, other)
    end = len(text) - _shared(text[start:][::-1], other[start:][::-1])
    shared = start + len(text) - end
    if start == end or 2 * shared < min(len(text), len(other)):
        return element("code", text)
    return element("code", text[:start], element("b", text[start:end]), text[end:])


def _shared(text: str, other: str) -> int:
    """Count the characters with which both begin."""
    pairs = enumerate(zip(text, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(text), len(other)))


def _adapter(change: Change, limits: Limits) -> Markup | None:
    if not change.assets:
        return None
    figures = [
        _figure(
            measure.name,
            [element("b", measure.text), f" of at most {measure.limit_text}"],
            charts.meter(measure),
        )
        for measure in review.measures(change, limits)
    ]
    if change.facts:
        for name, text in review.fact_rows(change.facts):
            picture = charts.dtypes(change.facts) if name == "tensors" else None
            figures.append(_figure(name, [text], picture))
    return element("section", element("h4", "Adapter"), element("dl", figures, class_="facts"))


def _figure(name: str, text: list[Markup | str], picture: Markup | None) -> Markup:
    return element("div", element("dt", name), element("dd", text, picture))


def _files(change: Change) -> Markup | None:
    if not change.assets:
        return None
    files = [
        _file(asset, asset.file_name in change.uploads, review.before_of(change, asset.file_name))
        for asset in change.assets
    ]
    return element("section", element("h4", "Files"), element("ul", files, class_="files"))


def _file(asset: Asset, sent: bool, before: str) -> Markup:
    kind, text = ("upload", "send") if sent else ("no-op", "keep")
    return element(
        "li",
        element("span", text, class_=f"badge {kind}"),
        " ",
        element("code", asset.file_name),
        f" {size(asset.size)}",
        element("code", f"sha256 {asset.sha256}", class_="digest"),
        element("code", f"was {before}", class_="digest") if before else None,
    )


def diagnostic_card(diagnostic: Diagnostic) -> Markup:
    """Write a finding with its source line, the place marked."""
    kind = diagnostic.severity.value
    about = str(diagnostic.range) if diagnostic.range else diagnostic.address
    label = element("span", f"{kind} {diagnostic.code}", class_=f"badge {kind}")
    return element(
        "article",
        element("h3", label, f" {diagnostic.summary}"),
        element("p", element("code", about), class_="place") if about else None,
        _snippet(diagnostic.range) if diagnostic.range and diagnostic.range.text else None,
        element("p", diagnostic.detail) if diagnostic.detail else None,
        element("p", element("b", "What to do: "), diagnostic.hint) if diagnostic.hint else None,
        class_=f"finding {kind}",
    )


def _snippet(where: SourceRange) -> Markup:
    text, start = where.text, where.start.column - 1
    same = where.end.line == where.start.line
    end = max(start + 1, where.end.column - 1 if same else len(text))
    number = element("span", f"{where.start.line} ", class_="number")
    marked = element("mark", text[start:end] or " ")
    return element("pre", element("code", number, text[:start], marked, text[end:]), tabindex=0)
