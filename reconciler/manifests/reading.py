"""Files to Desired: schema, then what no schema can say, across all files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reconciler.diagnostics import Diagnostic, SourceRange, has_errors
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents import Mapping, Node, Scalar, check, decode, load_schema, parse
from reconciler.manifests.consistency import find_conflicts
from reconciler.manifests.discovery import ManifestFile
from reconciler.model import Address, Desired, Finetune


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. desired is whole only where no diagnostic is an error.

    folders: what the paths of a finetune's manifest start from.
    """

    desired: Desired
    diagnostics: tuple[Diagnostic, ...]
    folders: dict[Address, Path]


@dataclass(frozen=True, slots=True)
class Document:
    """A mapping at the top of a document, and the file it came from."""

    file: ManifestFile
    root: Mapping


def read_manifests(files: Iterable[ManifestFile]) -> Reading:
    """Read manifests that were found; every mistake of every file at once."""
    documents: list[Document] = []
    diagnostics: list[Diagnostic] = []
    for file in files:
        nodes, problems = _parse(file)
        diagnostics.extend(problems)
        for node in nodes:
            diagnostics.extend(_check(node))
            if isinstance(node, Mapping):
                documents.append(Document(file, node))
    diagnostics.extend(find_conflicts([document.root for document in documents]))
    diagnostics.sort(key=_in_order_of_text)
    if has_errors(diagnostics):
        return Reading(Desired(), tuple(diagnostics), {})
    return Reading(_desired(documents), tuple(diagnostics), _folders(documents))


def _in_order_of_text(finding: Diagnostic) -> tuple[str, int, int]:
    where = finding.range
    return (where.filename, where.start.line, where.start.column) if where else ("", 0, 0)


def _parse(file: ManifestFile) -> tuple[list[Node], list[Diagnostic]]:
    source, problems = decode(file.raw, file.name)
    if source is None:
        return [], problems
    return parse(source)


def _check(node: Node) -> list[Diagnostic]:
    if not isinstance(node, Mapping):
        return [
            codes.WRONG_TYPE.error(
                "A manifest is a mapping with `version` and `finetunes`.",
                hint="Begin the file with: version: 1",
                range=node.range,
            )
        ]
    return check(node, load_schema("manifest"))


def _folders(documents: list[Document]) -> dict[Address, Path]:
    return {
        Address(entry.key.text): document.file.folder
        for document in documents
        for entry in document.root.mapping("finetunes")
    }


def _desired(documents: list[Document]) -> Desired:
    finetunes = (
        _finetune(entry.key, entry.value)
        for document in documents
        for entry in document.root.mapping("finetunes")
        if isinstance(entry.value, Mapping)
    )
    moves = [
        move
        for document in documents
        for move in document.root.sequence("moved")
        if isinstance(move, Mapping)
    ]
    removed = (
        Address(item.text)
        for document in documents
        for item in document.root.sequence("removed")
        if isinstance(item, Scalar)
    )
    return Desired(
        finetunes={finetune.address: finetune for finetune in sorted(finetunes, key=_by_address)},
        moved={Address(move.text("to")): Address(move.text("from")) for move in moves},
        removed=frozenset(removed),
    )


def _by_address(finetune: Finetune) -> Address:
    return finetune.address


def _finetune(key: Scalar, body: Mapping) -> Finetune:
    def flag(name: str) -> bool:
        value = body.get(name)
        return isinstance(value, Scalar) and value.value is True

    ranges: dict[str, SourceRange] = {"": key.range}
    ranges.update((name, entry.value.range) for name, entry in body.entries.items())
    return Finetune(
        address=Address(key.text),
        base_name=body.text("name") or key.text,
        model=body.text("model"),
        description=body.text("description"),
        public=flag("public"),
        adapter_path=body.text("adapter"),
        versioned=flag("versioned"),
        labels={entry.key.text: str(entry.value.plain()) for entry in body.mapping("labels")},
        ranges=ranges,
    )
