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
    remarks = [element("p", text, class_="reason") for text in (change.reason, *change.notes)]
    parts = [_rows(change), _adapter(change, limits)]
    return element(
        "details",
        title,
        element("p", f"{change.address} {review.HEADLINES[change.action]}.", class_="what"),
        remarks,
        parts,
        class_="change",
        open=change.action is not Action.NO_OP,
        data_action=change.action.value,
    )


def _rows(change: Change) -> Markup:
    body = [
        element(
            "tr",
            element("th", name, scope="row"),
            element("td", element("code", old)) if new is None else _difference(old, new),
        )
        for name, old, new in review.change_rows(change)
    ]
    caption = element("caption", f"Attributes of {change.address}", class_="hidden")
    return element("div", element("table", caption, element("tbody", body)), class_="scroll")


def _difference(old: str, new: str) -> Markup:
    return element(
        "td",
        element("del", element("span", "from ", class_="hidden"), element("code", old)),
        element("ins", element("span", "to ", class_="hidden"), element("code", new)),
    )


def _adapter(change: Change, limits: Limits) -> Markup | None:
    if not change.assets:
        return None
    figures = [
        element(
            "div",
            element("dt", measure.name),
            element("dd", f"{measure.text} of at most {measure.limit_text}", charts.meter(measure)),
        )
        for measure in review.measures(change, limits)
    ]
    if change.facts:
        for name, text in review.fact_rows(change.facts):
            picture = charts.dtypes(change.facts) if name == "tensors" else None
            figures.append(element("div", element("dt", name), element("dd", text, picture)))
    files = [_file(asset, asset.file_name in change.uploads) for asset in change.assets]
    return element(
        "section",
        element("h4", "Adapter"),
        element("dl", figures, class_="facts"),
        element("ul", files, class_="files"),
    )


def _file(asset: Asset, sent: bool) -> Markup:
    how = " will be sent, " if sent else " is there or stays as it is, "
    digest = element("code", f"sha256 {asset.sha256}", class_="digest")
    return element("li", element("code", asset.file_name), how, size(asset.size), " ", digest)


def diagnostic_card(diagnostic: Diagnostic) -> Markup:
    """Write a finding with its source line and caret."""
    kind = diagnostic.severity.value
    about = str(diagnostic.range) if diagnostic.range else diagnostic.address
    return element(
        "article",
        element(
            "h3",
            element("span", f"{kind} {diagnostic.code}", class_=f"badge {kind}"),
            f" {diagnostic.summary}",
        ),
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


def drift_rows(name: str, old: str, new: str) -> Markup:
    """Write an attribute that the account shows otherwise."""
    return element("tr", element("th", name, scope="row"), _difference(old, new))
