"""Small pictures as inline SVG; each has its figures beside it as text."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model import Action, AdapterFacts, Change
from reconciler.plan import Plan
from reconciler.render.html.elements import Markup, element
from reconciler.render.review import Measure

_MOST_SQUARES = 200
_COLUMNS = 25
_CELL = 14


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account holds: declared here, others, to be created; and how many it may."""

    declared: int
    others: int
    created: int
    limit: int

    @property
    def total(self) -> int:
        """How many there are."""
        return self.declared + self.others + self.created


def before(plan: Plan) -> Holding | None:
    """Return what the account holds now; None where it was not asked."""
    if plan.quota.used is None:
        return None
    declared = min(sum(map(_is_declared_now, plan.changes)), plan.quota.used)
    return Holding(declared, plan.quota.used - declared, 0, plan.quota.limit)


def after(plan: Plan) -> Holding:
    """Return what the account would hold."""
    created = plan.counts[Action.CREATE]
    kept = plan.quota.after - created
    stay = (Action.NO_OP, Action.MOVE, Action.UPLOAD, Action.IMPORT, Action.REPLACE)
    declared = min(sum(change.action in stay for change in plan.changes), kept)
    return Holding(declared, kept - declared, created, plan.quota.limit)


def _is_declared_now(change: Change) -> bool:
    return bool(change.id) and change.action is not Action.IMPORT


def squares(holding: Holding) -> tuple[Markup, int]:
    """Draw a square for each finetune and free place; return it and how many each stands for."""
    unit = max(1, -(-max(holding.limit, holding.total) // _MOST_SQUARES))
    free = max(0, holding.limit - holding.total)
    kinds = [
        *["declared"] * -(-holding.declared // unit),
        *["other"] * -(-holding.others // unit),
        *["created"] * -(-holding.created // unit),
        *["free"] * -(-free // unit),
    ]
    rows = -(-len(kinds) // _COLUMNS) or 1
    picture = element(
        "svg",
        (shape for place, kind in enumerate(kinds) for shape in _square(place, kind)),
        class_="squares",
        viewBox=f"0 0 {_COLUMNS * _CELL} {rows * _CELL}",
        aria_hidden="true",
        focusable="false",
    )
    return picture, unit


def _square(place: int, kind: str) -> list[Markup]:
    x, y = place % _COLUMNS * _CELL + 1, place // _COLUMNS * _CELL + 1
    side = _CELL - 3
    shapes = [element("rect", class_=kind, x=x, y=y, width=side, height=side, rx=2)]
    if kind == "created":
        middle = f"M{x + 5.5} {y + 2.5}v6M{x + 2.5} {y + 5.5}h6"
        shapes.append(element("path", class_="mark", d=middle))
    return shapes


def meter(measure: Measure) -> Markup:
    """Draw a figure against its limit."""
    share = min(100.0, 100 * measure.number / max(1, measure.limit))
    kind = "over" if measure.number > measure.limit else "within"
    return _bar([(share, kind)])


def dtypes(facts: AdapterFacts) -> Markup:
    """Draw which share of the tensors has which type, the commonest first."""
    total = max(1, sum(facts.dtypes.values()))
    ordered = sorted(facts.dtypes.items(), key=lambda item: (-item[1], item[0]))
    return _bar([(100 * n / total, f"part{i % 3}") for i, (_, n) in enumerate(ordered)])


def _bar(parts: list[tuple[float, str]]) -> Markup:
    drawn, start = [element("rect", class_="track", width=100, height=8)], 0.0
    for share, kind in parts:
        place = {"x": f"{start:.2f}", "width": f"{share:.2f}"}
        drawn.append(element("rect", class_=kind, height=8, **place))
        start += share
    return element(
        "svg",
        drawn,
        class_="bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
        focusable="false",
    )
