"""The `source` of an adapter in a manifest: its address, its pins, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import sources as codes
from reconciler.documents import Entry, Mapping, Scalar, shorten
from reconciler.model import ASSET_NAMES, AdapterSource, SourceAddress


def source_node(body: Mapping) -> tuple[Mapping, Scalar] | None:
    """Return the `adapter` of a finetune and its `source`; None where it has no source."""
    adapter = body.get("adapter")
    source = adapter.get("source") if isinstance(adapter, Mapping) else None
    if isinstance(adapter, Mapping) and isinstance(source, Scalar) and source.text:
        return adapter, source
    return None


def pins_of(adapter: Mapping) -> dict[str, str]:
    """Return the digests that an `adapter` gives, by file name."""
    pins = adapter.get("sha256")
    if not isinstance(pins, Mapping):
        return {}
    return {name: pin for name in ASSET_NAMES if (pin := pins.text(name))}


def read_source(body: Mapping) -> AdapterSource | None:
    """Read the source of a finetune that was checked; None where it has none."""
    found = source_node(body)
    if found is None:
        return None
    adapter, source = found
    return AdapterSource(SourceAddress.parse(source.text), pins_of(adapter))


def check_source(entry: Entry) -> Iterator[Diagnostic]:
    """Find what is wrong with a source, as far as it can be told without asking it."""
    found = source_node(entry.value) if isinstance(entry.value, Mapping) else None
    if found is None:
        return
    adapter, source = found
    name = entry.key.text
    about = f"finetune.{name}"
    try:
        address = SourceAddress.parse(source.text)
    except ValueError as error:
        yield codes.INVALID_SOURCE.error(
            f"`{shorten(source.text)}` {error}.", address=about, range=source.range
        )
        return
    missing = [file_name for file_name in ASSET_NAMES if file_name not in pins_of(adapter)]
    if missing:
        yield codes.MISSING_PIN.error(
            f"`sha256` lacks the digest of {' and '.join(missing)}.",
            hint=f"Run `reconciler adapter pin {shorten(name)}`: it asks the source, and writes "
            "the lines into this file.",
            address=about,
            range=source.range,
        )
    elif address.can_move:
        yield codes.MOVING_REVISION.warning(
            f"`{shorten(address.revision)}` is a branch or a tag, which may be another commit "
            "tomorrow. Only files with these digests are ever uploaded, so an apply would fail.",
            hint=f"Run `reconciler adapter pin {shorten(name)}`: it writes the commit.",
            address=about,
            range=source.range,
        )
