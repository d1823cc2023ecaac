"""JUnit XML, read back with junitparser."""

from __future__ import annotations

from hypothesis import given
from junitparser import Failure, JUnitXml, SystemOut

from reconciler.model import Address
from reconciler.render.junit import render_junit
from tests.render.formats import findings
from tests.render.formats.golden import check_golden
from tests.render.formats.hostility import hostile_texts


def suite_of(written: str) -> JUnitXml:
    return next(iter(JUnitXml.fromstring(written.encode())))


def test_the_findings_have_their_golden() -> None:
    check_golden("findings.junit.xml", render_junit(findings.some(), "environments/prod"))


def test_errors_are_failures_and_warnings_are_not() -> None:
    cases = list(suite_of(render_junit(findings.some())))
    assert [bool(case.result) and isinstance(case.result[0], Failure) for case in cases] == [
        True,
        True,
        True,
        False,
    ]
    assert cases[3].system_out


def test_the_counts_are_those_of_the_cases() -> None:
    suite = suite_of(render_junit(findings.some(), declared=[Address("a")]))
    assert (suite.tests, suite.failures, len(list(suite))) == (5, 3, 5)


def test_what_is_valid_is_a_test_that_passed() -> None:
    suite = suite_of(render_junit([], declared=[Address("b"), Address("a")]))
    assert [(case.name, case.is_passed) for case in suite] == [
        ("finetune.a", True),
        ("finetune.b", True),
    ]


@given(text=hostile_texts())
def test_hostile_texts_are_text(text: str) -> None:
    cases = list(suite_of(render_junit(findings.hostile(text), text)))
    assert len(cases) == 2
    assert len(cases[0].result) == 1
    assert {child.tag for case in cases for child in case._elem} == {"failure", SystemOut._tag}
