"""The page of a plan: what it holds, and that nothing in it acts; without a browser."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings

from reconciler.render.html import render_failure, render_html
from reconciler.render.review import Place
from tests.render.formats import findings, plans
from tests.render.formats.hostility import TRICKS, hostile_texts

VOID = {"meta", "rect", "path"}


class Page(HTMLParser):
    """The elements of a page; AssertionError where one is not closed, or could act."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.found: dict[str, int] = {}
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] = self.found.get(tag, 0) + 1
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in ("src", "srcset", "style", "action")
            assert name != "href" or (value or "").startswith("#")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.text += data


def shape(page: Page) -> dict[str, int]:
    """Count the elements that no text changes: a difference can be marked or not."""
    return {tag: number for tag, number in page.found.items() if tag != "b"}


@cache
def with_text(text: str) -> Page:
    return Page(render_html(plans.hostile(text), Place(text, (text,))))


@given(text=hostile_texts().filter(bool))
@settings(max_examples=40)
@example(text="".join(TRICKS))
def test_row_63_hostile_texts_add_no_element(text: str) -> None:
    assert shape(with_text(text)) == shape(with_text("word"))


@given(text=hostile_texts().filter(bool))
def test_hostile_findings_add_no_element(text: str) -> None:
    harmless = shape(Page(render_failure(findings.hostile("word"), plans.ACCOUNT, Place("word"))))
    assert (
        shape(Page(render_failure(findings.hostile(text), plans.ACCOUNT, Place(text)))) == harmless
    )


@pytest.mark.parametrize("name", plans.ALL)
def test_a_page_needs_nothing_else(name: str) -> None:
    page = render_html(plans.ALL[name](), plans.PROD)
    assert Page(page).found["script"] == 1
    assert "default-src 'none'" in unescape(page)
    assert not re.search(r"\b(src|href)=(?!\"#)|@import|url\(", page)


def test_a_page_is_the_same_every_time() -> None:
    assert render_html(plans.everything()) == render_html(plans.everything())


def test_a_page_says_what_will_be_and_what_to_type() -> None:
    plan = plans.everything()
    text = Page(render_html(plan, plans.PROD)).text
    assert "2 finetunes will be created and 1 finetune will get missing files, for good." in text
    assert f"reconciler -C environments/prod apply --plan-digest {plan.digest}" in text
    assert f'"{plan.changes[0].address.name}"' in text


def test_findings_are_named_from_the_root_of_the_repository() -> None:
    for page in (
        render_html(plans.blocked(), plans.PROD),
        render_failure(findings.some(), plans.ACCOUNT, plans.PROD),
    ):
        assert ">environments/prod/finetunes/support.yaml:" in page
        assert ">finetunes/" not in page


def test_a_plan_that_cannot_be_applied_tells_no_command() -> None:
    assert "--plan-digest" not in render_html(plans.blocked())
