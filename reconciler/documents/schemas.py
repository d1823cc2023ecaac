"""The JSON Schemas that ship with the tool (draft-07, which editors understand)."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

SCHEMA_NAMES = ("manifest", "project", "state", "plan")


def _folder() -> Traversable:
    """Find the folder: inside the installed package, or beside it in a checkout."""
    packaged = files("reconciler") / "schemas"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "schemas"


def schema_text(name: str) -> str:
    """Return the text of a schema; name is one of SCHEMA_NAMES."""
    return (_folder() / f"{name}.v1.schema.json").read_text(encoding="utf-8")


@cache
def load_schema(name: str) -> dict[str, Any]:
    """Return a schema as data."""
    schema: dict[str, Any] = json.loads(schema_text(name))
    return schema
