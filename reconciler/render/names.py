"""Names and ids of recorded finetunes, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.model import ASSET_NAMES, Address
from reconciler.render.style import Style
from reconciler.render.text import columns_of, fold, safe
from reconciler.render.verification import outcome_text
from reconciler.state import AssetStatus, FinetuneRecord, Generation


def missing_files(generation: Generation) -> tuple[str, ...]:
    """Return the files that the account has not acknowledged; none once it answered."""
    if generation.verification and generation.verification.answered:
        return ()
    assets = generation.assets
    return tuple(
        name
        for name in ASSET_NAMES
        if name not in assets or assets[name].status is AssetStatus.PENDING
    )


def render_names(records: Mapping[Address, FinetuneRecord], style: Style) -> str:
    """Render logical name, id, name in the account, and what there is to say, in columns."""
    current = {address.name: record.current for address, record in records.items()}
    names = {name: safe(generation.attributes.name) for name, generation in current.items()}
    first = max(map(len, current), default=0)
    ids = max((len(generation.id) for generation in current.values()), default=0)
    last = max(map(columns_of, names.values()), default=0)
    return "\n".join(
        _row(
            [
                f"{name:<{first}}",
                f"{safe(generation.id):<{ids}}",
                names[name] + " " * (last - columns_of(names[name])),
                *_notes(generation),
            ],
            style.width,
        )
        for name, generation in current.items()
    )


def _row(cells: list[str], width: int | None) -> str:
    """Put cells beside each other; below it those that a terminal is too narrow for."""
    line, *rest = cells
    while rest and (width is None or columns_of(line) + 2 + columns_of(rest[0]) <= width):
        line = f"{line}  {rest.pop(0)}"
    return "\n".join([line.rstrip(), *(fold(cell.strip(), width, "  ") for cell in rest)])


def _notes(generation: Generation) -> Iterator[str]:
    missing = missing_files(generation)
    if missing:
        yield f"incomplete: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    if generation.verification:
        yield outcome_text(generation.verification)
