"""The state for people."""

from __future__ import annotations

from reconciler.model import Address
from reconciler.render.style import Style
from reconciler.render.text import count, fold, fold_value, quoted, size
from reconciler.render.verification import outcome_text
from reconciler.state import AssetRecord, AssetStatus, FinetuneRecord, Generation, Intent, State


def render_state(state: State, style: Style) -> str:
    """Render every address of a state."""
    addresses = sorted({*state.finetunes, *state.pending})
    blocks = [
        render_record(a, state.finetunes.get(a), state.pending.get(a), style) for a in addresses
    ]
    unresolved = f", {count(len(state.pending), 'create')} unresolved" if state.pending else ""
    recorded = f"{count(len(state.finetunes), 'finetune')} recorded{unresolved}"
    end = f"Account {state.account_id}: {recorded}, serial {state.serial}."
    blocks.append(fold(end, style.width))
    return "\n\n".join(blocks)


def render_record(
    address: Address, record: FinetuneRecord | None, intent: Intent | None, style: Style
) -> str:
    """Render what is recorded of one address."""
    lines = [style.paint(str(address), "bold")]
    if record is not None:
        lines.extend(_generation(record.current, style))
        lines.extend(f"  superseded: {old.attributes.name} ({old.id})" for old in record.superseded)
    if intent is not None:
        lines.append(
            style.paint("  unresolved create", "red")
            + f" of {quoted(intent.attributes.name)}, prepared at {intent.created_at} "
            f"(attempt {intent.attempt_id})"
        )
    return "\n".join(lines)


def _generation(generation: Generation, style: Style) -> list[str]:
    attributes = generation.attributes
    rows = [
        ("id", quoted(generation.id)),
        ("name", quoted(attributes.name)),
        ("model", quoted(attributes.model)),
        ("description", quoted(attributes.description)),
        ("public", quoted(attributes.public)),
    ]
    lines = [f"  {key:<11} = {fold_value(value, style.width, 16)}" for key, value in rows]
    if generation.assets:
        width = max(len(name) for name in generation.assets)
        lines.append("  files:")
        lines.extend(
            f"    {name:<{width}}  {_asset(asset)}"
            for name, asset in sorted(generation.assets.items())
        )
    if generation.verification:
        lines.append(f"  {outcome_text(generation.verification)}")
    if not generation.seen:
        lines.append("  not listed by the account yet")
    return lines


def _asset(asset: AssetRecord) -> str:
    if asset.status is AssetStatus.UNVERIFIED:
        return "unverified"
    return f"{asset.status.value:<8}  {size(asset.size):>8}  {asset.sha256[:12]}"
