"""The closed catalogue of codes, looked up by `reconciler explain CODE`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType

from reconciler.diagnostics.code import Code
from reconciler.diagnostics.codes import (
    adapters,
    apply,
    cloudflare,
    manifests,
    plan,
    project,
    sources,
    state,
    verification,
)

FAMILIES: Mapping[str, ModuleType] = {
    "R1": manifests,
    "R2": project,
    "R3": adapters,
    "R4": state,
    "R5": cloudflare,
    "R6": plan,
    "R7": apply,
    "R8": verification,
    "R9": sources,
}


def _codes_of(family: ModuleType) -> Iterator[Code]:
    return (value for value in vars(family).values() if isinstance(value, Code))


CATALOGUE: Mapping[str, Code] = {
    code.id: code for family in FAMILIES.values() for code in _codes_of(family)
}


def find_code(name: str) -> Code | None:
    """Look a code up, whatever its case; None where there is none of that name."""
    return CATALOGUE.get(name.strip().upper())
