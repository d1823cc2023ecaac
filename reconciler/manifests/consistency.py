"""What no schema can say: names that stand once across all files, moves, removals, paths.

Works on the parsed documents and not on Desired, so that these mistakes are told
together with those of the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents import Entry, Mapping, Scalar, leads_out, shorten
from reconciler.manifests.discovery import ManifestFile
from reconciler.manifests.sourcing import check_source

RESERVED_PREFIX = "cf-public-"
"""Names beginning so are Cloudflare's own (loras page, 2026-04-21)."""

_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Document:
    """A mapping at the top of a document, and the file it came from."""

    file: ManifestFile
    root: Mapping


def find_conflicts(documents: list[Document], *, complete: bool) -> Iterator[Diagnostic]:
    """Yield every mistake that concerns more than one value, or more than the text.

    complete: everything could be read, so that what was not found is not declared.
    """
    declared: dict[str, Scalar] = {}
    names: dict[str, Scalar] = {}
    for document in documents:
        for entry in document.root.mapping("finetunes"):
            if entry.key.text in declared:
                yield _declared_twice(entry.key, declared[entry.key.text])
                continue
            declared[entry.key.text] = entry.key
            yield from _check_name(entry, names)
            yield from _check_adapter(entry, document.file)
            yield from check_source(entry)
    roots = [document.root for document in documents]
    yield from _check_moves(roots, declared, complete=complete)
    yield from _check_removals(roots, declared)


def _declared_twice(key: Scalar, first: Scalar) -> Diagnostic:
    return codes.DUPLICATE_FINETUNE.error(
        f"`{shorten(key.text)}` is declared here and at {first.range}.",
        hint="Rename or remove one of the two.",
        address=f"finetune.{key.text}",
        range=key.range,
    )


def _field(entry: Entry, name: str) -> Scalar | None:
    """Return a field that is a text, or None."""
    node = entry.value.get(name) if isinstance(entry.value, Mapping) else None
    return node if isinstance(node, Scalar) and isinstance(node.value, str) else None


def _check_name(entry: Entry, names: dict[str, Scalar]) -> Iterator[Diagnostic]:
    named = _field(entry, "name") or entry.key
    text = named.text
    address = f"finetune.{entry.key.text}"
    if text.lower().startswith(RESERVED_PREFIX):
        free = shorten(text[len(RESERVED_PREFIX) :]) or "support-bot"
        yield codes.RESERVED_NAME.error(
            f"`{shorten(text)}` begins with {RESERVED_PREFIX}, which is Cloudflare's.",
            hint=f"Use another name, for example {free}.",
            address=address,
            range=named.range,
        )
    if text not in names:
        names[text] = named
        return
    first = names[text]
    yield codes.DUPLICATE_REMOTE_NAME.error(
        f"`{shorten(text)}` is the name in the account here and at {first.range}.",
        hint="Give one of the two another `name`.",
        address=address,
        # An alias has no place of its own: then show the finetune.
        range=(entry.key if named is first else named).range,
    )


def _check_adapter(entry: Entry, file: ManifestFile) -> Iterator[Diagnostic]:
    """A pull request must not be able to have files of the machine uploaded."""
    path = _field(entry, "adapter")
    if path is None or not path.text:
        return
    detail = _why_not_a_folder(path.text, file)
    if detail:
        elsewhere = _ELSEWHERE.match(path.text)
        yield codes.INVALID_VALUE.error(
            f"`adapter` {detail}.",
            hint=f"Write {{source: {shorten(path.text)}}}, and let `reconciler adapter pin` add "
            "the digests."
            if elsewhere
            else "Write the path of a folder of the project, relative to this file.",
            address=f"finetune.{entry.key.text}",
            range=path.range,
        )


def _why_not_a_folder(text: str, file: ManifestFile) -> str:
    if _ELSEWHERE.match(text):
        return "is an address; as a text it is the path of a folder"
    if text.startswith("~"):
        return "begins with ~, which is not followed"
    if Path(text).is_absolute():
        return "is an absolute path, which would mean another folder on every machine"
    inside = file.folder
    if file.root is not None and not leads_out(file.folder, file.root):
        inside = file.root
    return "leads out of the project" if leads_out(file.folder / text, inside) else ""


def _check_moves(
    roots: list[Mapping], declared: dict[str, Scalar], *, complete: bool
) -> Iterator[Diagnostic]:
    seen: dict[tuple[str, str], Scalar] = {}
    moves = [move for root in roots for move in root.sequence("moved") if isinstance(move, Mapping)]
    origins = {move.text("from"): move.text("to") for move in moves}
    for side, node in _sides(moves):
        first = seen.setdefault((side, node.text), node)
        name = shorten(node.text)
        if first is not node:
            yield _bad_move(node, f"`{side}: {name}` stands here and at {first.range}.")
        elif side == "from" and node.text in declared:
            detail = f"`{name}` is moved away, and still declared at {declared[node.text].range}."
            yield _bad_move(node, detail)
        elif side == "to" and node.text not in declared and node.text in origins:
            final = shorten(origins[node.text])
            circle = final == name
            hint = "" if circle else f"Name the last one at once: to: {final}"
            yield _bad_move(node, f"`{name}` is moved on to `{final}`.", hint)
        elif side == "to" and node.text not in declared and complete:
            yield _bad_move(node, f"`{name}` is not declared under `finetunes` of any manifest.")


def _sides(moves: Iterable[Mapping]) -> Iterator[tuple[str, Scalar]]:
    for move in moves:
        for side in ("from", "to"):
            node = move.get(side)
            if isinstance(node, Scalar):
                yield side, node


def _bad_move(node: Scalar, detail: str, hint: str = "") -> Diagnostic:
    general = "`from` is the old logical name, `to` the one that is declared now."
    return codes.INVALID_MOVE.error(detail, hint=hint or general, range=node.range)


def _check_removals(roots: list[Mapping], declared: dict[str, Scalar]) -> Iterator[Diagnostic]:
    removed = [n for root in roots for n in root.sequence("removed") if isinstance(n, Scalar)]
    moves = [move for root in roots for move in root.sequence("moved")]
    moved = {move.text("from") for move in moves if isinstance(move, Mapping)}
    for node in removed:
        if node.text in declared:
            detail = f"`{shorten(node.text)}` is still declared at {declared[node.text].range}."
            hint = "Take it out of `removed`, or remove its declaration."
        elif node.text in moved:
            detail = f"`{shorten(node.text)}` is the `from` of a move, which keeps what it was."
            hint = "Take it out of `removed`, or remove the move."
        else:
            continue
        address = f"finetune.{node.text}"
        yield codes.INVALID_REMOVAL.error(detail, hint=hint, address=address, range=node.range)
