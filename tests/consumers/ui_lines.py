"""A strict reader of Terraform's machine-readable UI, version 1.2.

Format: developer.hashicorp.com/terraform/internals/machine-readable-ui. The key sets are those
that Terraform 1.11 prints.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

RESOURCE = {
    "addr",
    "module",
    "resource",
    "implied_provider",
    "resource_type",
    "resource_name",
    "resource_key",
}
HOOKS = {
    "apply_start": {"resource", "action"},
    "apply_progress": {"resource", "action", "elapsed_seconds"},
    "apply_complete": {"resource", "action", "id_key", "id_value", "elapsed_seconds"},
    "apply_errored": {"resource", "action", "elapsed_seconds"},
}
"""The keys of a hook by type of line; the id is left out where there is none."""
ACTIONS = {"noop", "create", "read", "update", "replace", "delete", "move", "import", "forget"}
SUMMARY = {"add", "change", "import", "remove", "operation"}
COMMON = {"@level", "@message", "@module", "@timestamp", "type"}
DIAGNOSTIC = {"severity", "summary", "detail", "address", "range", "snippet"}

Line = dict[str, Any]


def read_ui(text: str) -> list[Line]:
    """Read every line; AssertionError where one is not what Terraform's readers expect."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        _check(line)
    first, last = lines[0], lines[-1]
    assert (first["type"], first["ui"]) == ("version", "1.2")
    assert (last["type"], last["changes"]["operation"]) == ("change_summary", "apply")
    return lines


def _check(line: Line) -> None:
    assert line.keys() >= COMMON
    assert line["@level"] in {"info", "warn", "error"}
    assert line["@message"].isprintable()
    assert datetime.fromisoformat(line["@timestamp"]).utcoffset() is not None
    kind = line["type"]
    if kind in HOOKS:
        _check_hook(line["hook"], HOOKS[kind])
    elif kind == "planned_change":
        _check_action(line["change"])
    elif kind == "change_summary":
        assert line["changes"].keys() == SUMMARY
    elif kind == "diagnostic":
        assert line["diagnostic"].keys() >= {"severity", "summary", "detail"}
        assert line["diagnostic"]["severity"] in {"error", "warning"}
        assert line["diagnostic"].keys() <= DIAGNOSTIC | {"code", "hint"}
    else:
        assert kind == "version"


def _check_hook(hook: Line, keys: set[str]) -> None:
    assert hook.keys() >= keys
    assert isinstance(hook.get("elapsed_seconds", 0), int)
    assert isinstance(hook.get("id_value", ""), str)
    _check_action(hook)


def _check_action(holder: Line) -> None:
    assert holder["action"] in ACTIONS
    assert holder["resource"].keys() == RESOURCE
    assert "[" not in holder["resource"]["addr"]


def of_type(lines: list[Line], kind: str) -> list[Line]:
    return [line for line in lines if line["type"] == kind]
