"""The schemas as editors and validators see them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from reconciler.documents import load_schema, schema_text
from reconciler.model import Attributes, Finetune, Limits
from reconciler.model.address import NAME_PATTERN
from reconciler.project import Settings

NAMES = ("manifest", "project")


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk every property of a schema, however deep, and the schemas of free ones and items."""
    for name, part in schema.get("properties", {}).items():
        yield f"{path}/{name}", part
        yield from properties(part, f"{path}/{name}")
    for keyword in ("additionalProperties", "items"):
        if isinstance(part := schema.get(keyword), dict):
            yield f"{path}/*", part
            yield from properties(part, f"{path}/*")


ALL = [
    pytest.param(part, id=f"{name}{path}")
    for name in NAMES
    for path, part in properties(load_schema(name))
]


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_draft_07(name: str) -> None:
    schema = load_schema(name)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(schema)
    assert json.loads(schema_text(name)) == schema


@pytest.mark.parametrize("part", ALL)
def test_every_property_is_explained(part: dict[str, Any]) -> None:
    assert part["title"]
    assert part["description"].endswith(".")


@pytest.mark.parametrize("part", ALL)
def test_every_property_has_a_default_or_an_example(part: dict[str, Any]) -> None:
    assert "default" in part or part.get("examples") or "properties" in part


@pytest.mark.parametrize("part", ALL)
def test_defaults_and_examples_are_valid(part: dict[str, Any]) -> None:
    for value in [*part.get("examples", []), *([part["default"]] if "default" in part else [])]:
        Draft7Validator(part).validate(value)


@pytest.mark.parametrize("part", ALL)
def test_whatever_has_a_form_says_how_it_should_be(part: dict[str, Any]) -> None:
    """Editors show errorMessage in place of a regular expression, and so do we."""
    if "pattern" in part or "propertyNames" in part:
        assert part.get("errorMessage")
    if "propertyNames" in part:
        assert part["propertyNames"]["errorMessage"]


@pytest.mark.parametrize("name", NAMES)
def test_no_keyword_is_used_that_our_validator_reads_otherwise(name: str) -> None:
    assert "patternProperties" not in schema_text(name)
    assert "$ref" not in schema_text(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_mapping_is_closed_or_says_what_it_holds(name: str) -> None:
    schema = load_schema(name)
    for part in (schema, *(part for _, part in properties(schema))):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False or part["additionalProperties"]["type"]


def test_logical_names_are_the_same_in_schema_and_model() -> None:
    found = re.findall(r'"pattern": ("\^\[A-Za-z0-9_\]\[[^"]*")', schema_text("manifest"))
    assert {json.loads(pattern) for pattern in found} == {NAME_PATTERN}
    assert len(found) == 4


def test_the_defaults_of_a_finetune_are_those_of_the_model() -> None:
    part = load_schema("manifest")["properties"]["finetunes"]["additionalProperties"]["properties"]
    defaults = {field.name: field.default for field in fields(Finetune)}
    for name in ("description", "public", "versioned"):
        assert part[name]["default"] == defaults[name]
    assert part["labels"]["default"] == {}
    assert part["public"]["default"] == Attributes("n", "m").public


def test_the_defaults_of_the_project_are_those_of_the_code() -> None:
    part = load_schema("project")["properties"]
    settings = Settings(Path())
    assert part["state"]["default"] == settings.state
    assert part["parallelism"]["default"] == settings.parallelism
    limits = {name: value["default"] for name, value in part["limits"]["properties"].items()}
    assert limits == asdict(Limits())
    assert asdict(settings.limits) == limits


def test_the_fields_of_a_finetune_are_those_that_the_design_names() -> None:
    part = load_schema("manifest")["properties"]["finetunes"]["additionalProperties"]
    assert set(part["properties"]) == {
        *("model", "description", "public", "adapter", "name", "versioned", "labels")
    }
    assert part["required"] == ["model"]
