"""What is known of an adapter, as a table and as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.diagnostics.codec import encode_diagnostic
from reconciler.model import Adapter, AdapterFacts
from reconciler.render.style import Style
from reconciler.render.text import fold_value, safe, size


def render_adapter(adapter: Adapter, style: Style) -> str:
    """Render a table of facts, then the files with their digests."""
    facts = adapter.facts or AdapterFacts()
    dtypes = ", ".join(f"{name} ({number})" for name, number in sorted(facts.dtypes.items()))
    rows = [
        ("base model", facts.base_model),
        ("model type", facts.model_type),
        ("rank", str(facts.rank) if facts.rank else ""),
        ("alpha", f"{facts.alpha:g}" if facts.alpha else ""),
        ("modules", ", ".join(facts.modules)),
        ("tensors", f"{facts.tensors:,}"),
        ("dtypes", dtypes),
        ("parameters", f"{facts.parameters:,}"),
        ("size", size(adapter.size)),
    ]
    lines = [style.paint(safe(adapter.location), "bold")]
    lines.extend(
        f"  {name:<10}  {fold_value(safe(value) or '(unknown)', style.width, 14)}"
        for name, value in rows
    )
    for asset in adapter.assets:
        lines.append(f"  {asset.file_name}  {size(asset.size)}")
        lines.append(f"    sha256 {asset.sha256 or '(unknown)'}")
    return "\n".join(lines)


def adapter_document(
    location: str, adapter: Adapter | None, found: Iterable[Diagnostic]
) -> dict[str, Any]:
    """Return an adapter and its findings as plain data."""
    listed = list(found)
    return {
        "location": location,
        "valid": adapter is not None and not has_errors(listed),
        "facts": asdict(adapter.facts) if adapter and adapter.facts else None,
        "assets": [asdict(asset) for asset in adapter.assets] if adapter else [],
        "diagnostics": [encode_diagnostic(diagnostic) for diagnostic in listed],
    }
