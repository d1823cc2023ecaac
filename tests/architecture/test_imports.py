"""The house: which room may import which, and which package is used where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import reconciler

PACKAGE = Path(reconciler.__file__).parent

MAY_IMPORT = {
    "diagnostics": set(),
    "model": {"diagnostics"},
    "documents": {"diagnostics"},
    "manifests": {"diagnostics", "model", "documents"},
    "project": {"diagnostics", "model", "documents"},
    "adapters": {"diagnostics", "model"},
    "buckets": {"diagnostics"},
    "sources": {"diagnostics", "model", "adapters", "buckets", "cloudflare.network"},
    "state": {"diagnostics", "model"},
    "stores": {"diagnostics", "model", "state", "buckets"},
    "cloudflare": {"diagnostics", "model"},
    "refresh": {"diagnostics", "model", "state"},
    "plan": {"diagnostics", "model", "state", "refresh"},
    "apply": {"diagnostics", "model", "state", "refresh", "plan", "cloudflare.outcomes"},
    "verification": {"diagnostics", "model", "state", "cloudflare.outcomes"},
    "render": {"diagnostics", "model", "state", "plan", "refresh", "apply", "verification"},
    "sandbox": set(),
}
"""A room, and the rooms it may import; the command line may import all."""

ONLY_IN = {
    "requests": {"cloudflare", "stores"},
    "urllib3": {"cloudflare", "stores", "sources"},
    "deepdiff": {"plan"},
    "yaml": {"documents"},
    "jsonschema": {"documents"},
    "click": {"cli"},
    "sqlite3": {"sandbox"},
    "obstore": {"buckets", "stores", "sources"},
    "huggingface_hub": {"sources"},
    "httpx2": {"sources"},
    "psycopg": {"stores"},
}
"""Packages, and the rooms that may use them."""


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        yield room, path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            # `from reconciler import plan` names a room, too.
            if node.module == "reconciler":
                yield from (f"reconciler.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    broken = []
    for owner, path in modules():
        if owner != room:
            continue
        for name in imports(path):
            parts = name.split(".")
            if parts[0] != "reconciler" or len(parts) == 1 or parts[1] in ("__version__", room):
                continue
            allowed = MAY_IMPORT[room]
            if parts[1] not in allowed and ".".join(parts[1:3]) not in allowed:
                broken.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not broken


def test_packages_are_used_where_they_may_be() -> None:
    broken = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for room, path in modules()
        for name in imports(path)
        if room not in ONLY_IN.get(name.split(".")[0], {room})
    ]
    assert not broken


def test_every_room_has_a_rule() -> None:
    rooms = {room for room, _ in modules()} - {"__init__", "__main__", "cli"}
    assert rooms == set(MAY_IMPORT)


def test_only_the_command_line_prints() -> None:
    printing = [
        str(path.relative_to(PACKAGE))
        for room, path in modules()
        if room not in ("cli", "__main__")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Name) and node.id == "print")
        or (
            isinstance(node, ast.Attribute)
            and node.attr in ("stdout", "stderr")
            and isinstance(node.value, ast.Name)
            and node.value.id == "sys"
        )
    ]
    assert not printing
