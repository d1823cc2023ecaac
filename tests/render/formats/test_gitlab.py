"""GitLab's two reports: the counts of a plan, the findings of a check."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given

from reconciler.plan import Plan, encode_plan
from reconciler.render.gitlab import render_code_quality, render_terraform_report
from tests.render.formats import findings, plans
from tests.render.formats.golden import check_golden
from tests.render.formats.hostility import hostile_texts

# docs.gitlab.com, "Code Quality report format": what it requires, and of which type.
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^(?!\\./)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


def as_gitlab_counts(plan: Plan) -> dict[str, int]:
    """Count as the jq recipe of GitLab's documentation does, over the plan in JSON."""
    document = json.loads(encode_plan(plan))
    actions = [a for r in document["resource_changes"] for a in r["change"]["actions"]]
    return {name: actions.count(name) for name in ("create", "update", "delete")}


@pytest.mark.parametrize("name", plans.ALL)
def test_the_counts_are_those_of_the_plan_in_json(name: str) -> None:
    plan = plans.ALL[name]()
    assert json.loads(render_terraform_report(plan)) == as_gitlab_counts(plan)


def test_the_report_of_a_plan_has_its_golden() -> None:
    check_golden("everything.terraform.json", render_terraform_report(plans.everything()))


def test_the_findings_have_their_golden() -> None:
    check_golden("findings.gitlab.json", render_code_quality(findings.some(), "environments/prod"))


def test_the_findings_are_as_gitlab_documents_them() -> None:
    jsonschema.validate(json.loads(render_code_quality(findings.some())), CODE_QUALITY)


def test_no_findings_are_an_empty_list() -> None:
    assert json.loads(render_code_quality([])) == []


@given(text=hostile_texts())
def test_hostile_texts_are_plain_text(text: str) -> None:
    written = render_code_quality(findings.hostile(text), "environments")
    jsonschema.validate(json.loads(written), CODE_QUALITY)
    assert written.isascii()


def fingerprints(written: str) -> list[str]:
    return [issue["fingerprint"] for issue in json.loads(written)]


def test_a_finding_keeps_its_fingerprint_when_lines_are_added_above_it() -> None:
    finding = findings.some()[0]
    moved = finding.at(findings.at(16, 5, 10, finding.range.text if finding.range else ""))
    assert fingerprints(render_code_quality([finding])) == fingerprints(
        render_code_quality([moved])
    )


def test_two_findings_of_the_same_line_have_two_fingerprints() -> None:
    finding = findings.some()[0]
    assert len(set(fingerprints(render_code_quality([finding, replace(finding)])))) == 2
