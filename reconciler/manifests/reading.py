"""Files to Desired: schema, then what no schema can say, across all files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from reconciler.diagnostics import Diagnostic, SourceRange, has_errors
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents import (
    MAX_FINDINGS,
    Node,
    Scalar,
    check,
    decode,
    load_schema,
    parse,
    without_echoes,
)
from reconciler.documents import Mapping as MappingNode
from reconciler.manifests.consistency import Document, find_conflicts
from reconciler.manifests.discovery import ManifestFile
from reconciler.manifests.sourcing import read_source
from reconciler.model import Address, Desired, Finetune

_UNREAD = {codes.NOT_TEXT.id, codes.YAML_SYNTAX.id, codes.UNSUPPORTED_YAML.id}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. desired is whole only where no diagnostic is an error; otherwise it has the
    finetunes in which there is no mistake, so that their adapters can be inspected all the same.

    folders: what the paths of a finetune's manifest start from.
    """

    desired: Desired
    diagnostics: tuple[Diagnostic, ...]
    folders: dict[Address, Path]


def read_manifests(files: Iterable[ManifestFile]) -> Reading:
    """Read manifests that were found; every mistake of every file at once.

    Past MAX_FINDINGS mistakes the rest is not looked for, and that is said.
    """
    documents: list[Document] = []
    diagnostics: list[Diagnostic] = []
    for file in files:
        diagnostics.extend(_read(file, documents))
        if len(diagnostics) > MAX_FINDINGS:
            break
    complete = not any(problem.code in _UNREAD for problem in diagnostics)
    conflicts = find_conflicts(documents, complete=complete)
    diagnostics.extend(islice(conflicts, MAX_FINDINGS + 1))
    diagnostics.sort(key=_in_order_of_text)
    if len(diagnostics) > MAX_FINDINGS:
        diagnostics[MAX_FINDINGS:] = [
            codes.TOO_MANY_MISTAKES.error(
                f"These are {MAX_FINDINGS} mistakes; there are more.",
                hint="Mend these and run it again.",
            )
        ]
        return Reading(Desired(), tuple(diagnostics), {})
    desired = _desired(documents) if not has_errors(diagnostics) else _sound(documents, diagnostics)
    return Reading(desired, tuple(diagnostics), _folders(documents))


def _in_order_of_text(finding: Diagnostic) -> tuple[str, int, int]:
    where = finding.range
    return (where.filename, where.start.line, where.start.column) if where else ("", 0, 0)


def _read(file: ManifestFile, documents: list[Document]) -> list[Diagnostic]:
    """Read one file; add its documents and return its mistakes."""
    source, problems = decode(file.raw, file.name)
    if source is None:
        return problems
    nodes, problems = parse(source)
    if not nodes and not problems:
        return [
            codes.EMPTY_MANIFEST.error(
                f"{file.name} holds nothing but comments or blank lines.",
                hint="Remove the file, or write `version: 1` into it where no finetune is meant.",
                range=source.within(0, 0, 0),
            )
        ]
    findings: list[Diagnostic] = []
    for node in nodes:
        findings.extend(_check(node))
        if isinstance(node, MappingNode):
            documents.append(Document(file, node))
        if len(findings) > MAX_FINDINGS:
            break
    return problems + without_echoes(findings, problems)


def _check(node: Node) -> list[Diagnostic]:
    if isinstance(node, MappingNode):
        return check(node, load_schema("manifest"))
    return [
        codes.WRONG_TYPE.error(
            "A manifest is a mapping with `version` and `finetunes`.",
            hint="Begin the file with: version: 1",
            range=node.range,
        )
    ]


def _folders(documents: list[Document]) -> dict[Address, Path]:
    return {
        Address(entry.key.text): document.file.folder
        for document in documents
        for entry in document.root.mapping("finetunes")
    }


def _entries(documents: list[Document]) -> Iterator[tuple[Scalar, MappingNode]]:
    """Yield every declared finetune: its key and its fields."""
    for document in documents:
        for entry in document.root.mapping("finetunes"):
            if isinstance(entry.value, MappingNode):
                yield entry.key, entry.value


def _sound(documents: list[Document], diagnostics: list[Diagnostic]) -> Desired:
    """Return the finetunes that no error is about."""
    mistakes = [(d.range.filename, d.range.start.line) for d in diagnostics if d.range]
    sound = (
        _finetune(key, body)
        for key, body in _entries(documents)
        if not any(
            file == key.range.filename and key.range.start.line <= line <= body.range.end.line
            for file, line in mistakes
        )
    )
    return Desired(finetunes={finetune.address: finetune for finetune in sound})


def _desired(documents: list[Document]) -> Desired:
    roots = [document.root for document in documents]
    finetunes = sorted(
        (_finetune(key, body) for key, body in _entries(documents)),
        key=lambda finetune: finetune.address,
    )
    moves = [move for root in roots for move in root.sequence("moved")]
    removed = [item for root in roots for item in root.sequence("removed")]
    return Desired(
        finetunes={finetune.address: finetune for finetune in finetunes},
        moved={
            Address(move.text("to")): Address(move.text("from"))
            for move in moves
            if isinstance(move, MappingNode)
        },
        removed=frozenset(Address(item.text) for item in removed if isinstance(item, Scalar)),
    )


def _finetune(key: Scalar, body: MappingNode) -> Finetune:
    def flag(name: str) -> bool:
        value = body.get(name)
        return isinstance(value, Scalar) and value.value is True

    return Finetune(
        address=Address(key.text),
        base_name=body.text("name") or key.text,
        model=body.text("model"),
        description=body.text("description"),
        public=flag("public"),
        adapter_path=body.text("adapter"),
        source=read_source(body),
        versioned=flag("versioned"),
        labels={entry.key.text: str(entry.value.plain()) for entry in body.mapping("labels")},
        ranges=_Ranges(key, body),
    )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Ranges(Mapping[str, SourceRange]):
    """Where each field was written, made when somebody asks; "" is the logical name."""

    key: Scalar
    body: MappingNode

    def __getitem__(self, name: str) -> SourceRange:
        return self.key.range if name == "" else self.body.entries[name].value.range

    def __iter__(self) -> Iterator[str]:
        yield ""
        yield from self.body.entries

    def __len__(self) -> int:
        return 1 + len(self.body.entries)
