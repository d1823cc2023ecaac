"""What no schema can say: names that stand once across all files, moves, removals.

Works on the parsed documents and not on Desired, so that these mistakes are told
together with those of the schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents import Mapping, Scalar
from reconciler.documents.nodes import Entry

RESERVED_PREFIX = "cf-public-"
"""Names beginning so are Cloudflare's own (loras page, 2026-04-21)."""


def find_conflicts(documents: list[Mapping]) -> Iterator[Diagnostic]:
    """Yield every mistake that concerns more than one value."""
    declared: dict[str, Scalar] = {}
    names: dict[str, Scalar] = {}
    for document in documents:
        for entry in document.mapping("finetunes"):
            first = declared.setdefault(entry.key.text, entry.key)
            if first is not entry.key:
                yield _declared_twice(entry.key, first)
                continue
            yield from _check_name(entry, names)
    yield from _check_moves(documents, declared)
    yield from _check_removals(documents, declared)


def _declared_twice(key: Scalar, first: Scalar) -> Diagnostic:
    return codes.DUPLICATE_FINETUNE.error(
        f"`{key.text}` is declared here and at {first.range}.",
        hint="Rename or remove one of the two.",
        address=f"finetune.{key.text}",
        range=key.range,
    )


def _check_name(entry: Entry, names: dict[str, Scalar]) -> Iterator[Diagnostic]:
    node = entry.value.get("name") if isinstance(entry.value, Mapping) else None
    named = node if isinstance(node, Scalar) and isinstance(node.value, str) else entry.key
    address = f"finetune.{entry.key.text}"
    if named.text.lower().startswith(RESERVED_PREFIX):
        yield codes.RESERVED_NAME.error(
            f"`{named.text}` begins with {RESERVED_PREFIX}, which is Cloudflare's.",
            hint=f"For example: name: {named.text[len(RESERVED_PREFIX) :] or 'support-bot'}",
            address=address,
            range=named.range,
        )
    first = names.setdefault(named.text, named)
    if first is not named:
        yield codes.DUPLICATE_REMOTE_NAME.error(
            f"`{named.text}` is the remote name here and at {first.range}.",
            hint="Give one of them another `name:`.",
            address=address,
            range=named.range,
        )


def _check_moves(documents: list[Mapping], declared: dict[str, Scalar]) -> Iterator[Diagnostic]:
    seen: dict[tuple[str, str], Scalar] = {}
    for document in documents:
        for move in document.sequence("moved"):
            if not isinstance(move, Mapping):
                continue
            for side in ("from", "to"):
                node = move.get(side)
                if not isinstance(node, Scalar):
                    continue
                first = seen.setdefault((side, node.text), node)
                if first is not node:
                    yield _bad_move(node, f"`{side}: {node.text}` stands at {first.range} already.")
                elif side == "from" and node.text in declared:
                    where = declared[node.text].range
                    yield _bad_move(node, f"`{node.text}` is still declared at {where}.")
                elif side == "to" and node.text not in declared:
                    yield _bad_move(node, f"`{node.text}` is not declared under `finetunes`.")


def _bad_move(node: Scalar, detail: str) -> Diagnostic:
    return codes.INVALID_MOVE.error(
        detail,
        hint="`from` is the old logical name, `to` the one that is declared now.",
        range=node.range,
    )


def _check_removals(documents: list[Mapping], declared: dict[str, Scalar]) -> Iterator[Diagnostic]:
    for document in documents:
        for node in document.sequence("removed"):
            if isinstance(node, Scalar) and node.text in declared:
                yield codes.INVALID_REMOVAL.error(
                    f"`{node.text}` is declared at {declared[node.text].range}.",
                    hint="Take it out of `removed`, or remove its declaration.",
                    address=f"finetune.{node.text}",
                    range=node.range,
                )
