"""Pins written into a manifest at their places; whatever else stands there stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import sources as codes
from reconciler.documents import Mapping as MappingNode
from reconciler.documents import Node, Scalar, Source, decode, parse
from reconciler.manifests.discovery import ManifestFile
from reconciler.manifests.reading import read_manifests
from reconciler.manifests.sourcing import read_source, source_node
from reconciler.model import ASSET_NAMES, AdapterSource, Address


@dataclass(frozen=True, slots=True)
class Declaration:
    """A finetune whose adapter lives elsewhere: where it is declared, and with which pins."""

    address: Address
    source: AdapterSource
    file: ManifestFile


@dataclass(frozen=True, slots=True)
class _Edit:
    """Put a text in the place of a stretch; lines and columns count from 0."""

    begin: tuple[int, int]
    end: tuple[int, int]
    text: str


def find_declarations(
    files: Iterable[ManifestFile],
) -> tuple[list[Declaration], list[Diagnostic]]:
    """Find what can be pinned, in the order of the text; and every mistake but missing pins."""
    kept = list(files)
    found = [
        finding
        for finding in read_manifests(kept).diagnostics
        if finding.is_error and finding.code != codes.MISSING_PIN.id
    ]
    if found:
        return [], found
    return [
        Declaration(Address(name), source, file)
        for file in kept
        for name, body in _bodies(_nodes(file)[1])
        if (source := read_source(body))
    ], []


def with_pins(file: ManifestFile, pins: Mapping[Address, AdapterSource]) -> bytes | None:
    """Return the file with these sources written into it; None where that cannot be sure.

    The result is read again: all of it must be as before, but for the sources and pins.
    """
    text, nodes = _nodes(file)
    edits: dict[tuple[int, int], _Edit] = {}
    for name, body in _bodies(nodes):
        found = source_node(body)
        if found and Address(name) in pins:
            for edit in _edits(*found, pins[Address(name)]):
                edits[edit.begin] = edit
    changed = _applied(text, edits.values())
    raw = file.raw[: text.offset] + changed.encode()
    return raw if _says(raw, file, nodes, pins) else None


def lines_to_paste(source: AdapterSource) -> str:
    """Write a source with its pins as it would stand below `adapter:`."""
    lines = [f"source: {source.address}", "sha256:"]
    return "\n".join([*lines, *(f"  {name}: {source.sha256[name]}" for name in ASSET_NAMES)])


def _nodes(file: ManifestFile) -> tuple[Source, list[Node]]:
    source, _ = decode(file.raw, file.name)
    if source is None:
        return Source(file.name, ""), []
    return source, parse(source)[0]


def _bodies(nodes: Iterable[Node]) -> list[tuple[str, MappingNode]]:
    return [
        (entry.key.text, entry.value)
        for node in nodes
        if isinstance(node, MappingNode)
        for entry in node.mapping("finetunes")
        if isinstance(entry.value, MappingNode)
    ]


def _edits(adapter: MappingNode, source: Scalar, pinned: AdapterSource) -> list[_Edit]:
    edits = []
    if source.text != str(pinned.address):
        edits.append(_rewritten(source, str(pinned.address)))
    key, pins = adapter.entries.get("sha256"), adapter.get("sha256")
    if key is None:
        edits.append(_inserted(adapter, source, pinned))
    elif isinstance(pins, MappingNode) and all(
        isinstance(pins.get(name), Scalar) for name in ASSET_NAMES
    ):
        for name in ASSET_NAMES:
            node = pins.get(name)
            if isinstance(node, Scalar) and node.text != pinned.sha256[name]:
                edits.append(_rewritten(node, pinned.sha256[name]))
    elif pins is not None:
        # Incomplete: written anew, as one flow mapping.
        begin = (key.key.end_line, key.key.end_column)
        edits.append(_Edit(begin, (pins.end_line, pins.end_column), f": {_flow(pinned)}"))
    return edits


def _rewritten(node: Scalar, text: str) -> _Edit:
    quote = "" if node.plain_style else node.source.text_from(node.line, node.column, 1)
    begin, end = (node.line, node.column), (node.end_line, node.end_column)
    return _Edit(begin, end, f"{quote}{text}{quote}")


def _inserted(adapter: MappingNode, source: Scalar, pinned: AdapterSource) -> _Edit:
    text = source.source
    first = next(iter(adapter.entries.values())).key
    # In front of the first key an anchor may stand, and in flow style a brace.
    begin = len(text.text_before(adapter.line, adapter.column))
    if "{" in text.text_before(first.line, first.column)[begin:]:
        place = (source.end_line, source.end_column)
        # The source itself may be rewritten at its beginning; this stands at its end.
        return _Edit(place, place, f", sha256: {_flow(pinned)}")
    indent = " " * first.column
    lines = [f"{indent}sha256:", *(f"{indent}  {n}: {pinned.sha256[n]}" for n in ASSET_NAMES)]
    place = (source.end_line, len(text.line(source.end_line)))
    end = "\r\n" if "\r\n" in text.text else "\n"
    return _Edit(place, place, "".join(f"{end}{line}" for line in lines))


def _flow(pinned: AdapterSource) -> str:
    return "{" + ", ".join(f"{name}: {pinned.sha256[name]}" for name in ASSET_NAMES) + "}"


def _applied(source: Source, edits: Iterable[_Edit]) -> str:
    text = source.text
    for edit in sorted(edits, key=lambda edit: edit.begin, reverse=True):
        before = source.text_before(*edit.begin)
        after = text[len(source.text_before(*edit.end)) :]
        text = before + edit.text + after
    return text


def _says(
    raw: bytes, file: ManifestFile, before: list[Node], pins: Mapping[Address, AdapterSource]
) -> bool:
    """Tell whether a text says what the one before it said, and these pins."""
    after = _nodes(ManifestFile(file.name, file.folder, raw, file.root))[1]
    return [node.plain() for node in after] == [_expected(node, pins) for node in before]


def _expected(node: Node, pins: Mapping[Address, AdapterSource]) -> object:
    plain = node.plain()
    if not isinstance(plain, dict) or not isinstance(plain.get("finetunes"), dict):
        return plain
    for name, body in plain["finetunes"].items():
        pinned = pins.get(Address(name))
        if pinned and isinstance(body, dict) and isinstance(body.get("adapter"), dict):
            body["adapter"] = {
                **body["adapter"],
                "source": str(pinned.address),
                "sha256": dict(pinned.sha256),
            }
    return plain
