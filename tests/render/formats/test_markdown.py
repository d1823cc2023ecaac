"""The comment of a pull request: what it says, that it fits, and that nothing in it acts."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from markdown_it import MarkdownIt

from reconciler.model import Address
from reconciler.plan import Scope
from reconciler.render.markdown import MAX_BYTES, marker, render_failure, render_markdown
from reconciler.render.review import Place
from tests.render.formats import findings, plans
from tests.render.formats.golden import check_golden
from tests.render.formats.hostility import TRICKS, hostile_texts, is_seen

_NAMES = "b blockquote code details h3 h4 li p pre strong summary table tbody td th thead tr ul"
OURS = set(_NAMES.split())
ATTRIBUTES = {("code", "class", f"language-{name}") for name in ("diff", "text", "sh")}


class Page(HTMLParser):
    """What a comment becomes: its elements, and its text outside and inside of code."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str, str | None]] = set()
        self.comments: list[str] = []
        self.open: list[str] = []
        self.prose = ""
        self.code: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(tag, name, value) for name, value in attrs}
        self.open.append(tag)
        if tag == "code":
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "elements overlap"

    def handle_data(self, data: str) -> None:
        if "code" in self.open:
            self.code[-1] += data
        else:
            self.prose += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def parsed(text: str) -> Page:
    """Render as GitHub does: tables, strikethrough, bare links, and HTML that passes through."""
    parser = MarkdownIt("commonmark", {"html": True, "linkify": True})
    parser.enable(["table", "strikethrough", "linkify"])
    return Page(parser.render(text))


def assert_inert(text: str) -> Page:
    page = parsed(text)
    assert page.tags <= OURS
    assert page.attributes <= ATTRIBUTES
    assert not page.open
    assert len(page.comments) == 1
    assert not re.search(r"[@#$~^]\w|https?:|www\.|::|:\w+:|!\[", page.prose)
    for line in text.splitlines():
        assert "##[" not in line
        assert "##vso[" not in line
        assert not line.lstrip().startswith("::")
        assert not line.startswith("/"), "a quick action of GitLab"
    assert is_seen(text)
    return page


@pytest.mark.parametrize("name", plans.ALL)
def test_a_plan_has_its_golden_comment(name: str) -> None:
    check_golden(f"{name}.md", render_markdown(plans.ALL[name](), plans.PROD))


@pytest.mark.parametrize("name", plans.ALL)
def test_a_comment_holds_nothing_but_our_own_elements(name: str) -> None:
    assert_inert(render_markdown(plans.ALL[name](), plans.PROD))


@given(text=hostile_texts())
@example(text="".join(TRICKS))
@example(text="\n".join(TRICKS))
def test_rows_62_and_63_hostile_texts_are_inert(text: str) -> None:
    assert_inert(render_markdown(plans.hostile(text), Place(text, (text,))))


@pytest.mark.parametrize("trick", TRICKS)
def test_every_trick_alone_is_inert(trick: str) -> None:
    assert_inert(render_markdown(plans.hostile(trick), Place(trick, (trick,))))


def test_a_hostile_description_can_still_be_read() -> None:
    text = "Ask @bob, see #12 and <b>http://x.example</b> | `code`"
    page = assert_inert(render_markdown(plans.plan(plans.create("bot", text))))
    assert any(f'"{text}"' in code for code in page.code)


@pytest.mark.parametrize("number", [1, 30, 200, 3_000])
def test_a_comment_is_cut_within_the_limit_and_stays_whole(number: int) -> None:
    text = render_markdown(plans.many(number))
    assert len(text.encode()) <= MAX_BYTES
    page = assert_inert(text)
    assert ("cut at 60,000 bytes" in page.prose) == (number > 30)
    assert any("--plan-digest" in code for code in page.code)


def test_a_cut_comment_uses_the_room_it_has() -> None:
    assert len(render_markdown(plans.many(3_000)).encode()) > MAX_BYTES * 0.9


@pytest.mark.parametrize("text", ["x", "\u202e", "é ", "::x", "`"])
def test_one_endless_value_does_not_break_the_limit(text: str) -> None:
    made = plans.hostile(text * (70_000 // len(text)))
    assert len(render_markdown(made, plans.PROD).encode()) <= MAX_BYTES


def test_what_is_in_the_way_comes_before_what_cannot_be_undone() -> None:
    text = render_markdown(plans.blocked())
    assert text.index("In the way") < text.index("Cannot be undone")


def test_a_plan_that_cannot_be_applied_tells_no_command() -> None:
    assert "--plan-digest" not in render_markdown(plans.blocked())


def test_the_command_names_the_scope_that_the_digest_is_of() -> None:
    text = render_markdown(plans.offline())
    digest = plans.offline().digest
    command = "apply --target support-bot --selector team=support --plan-digest"
    assert f"reconciler {command} {digest}\n" in text


def test_the_command_names_what_was_typed_with_the_plan() -> None:
    place = Place("environments/prod", ("--manifest", "a b.yaml", "--state", "s.json"))
    text = render_markdown(plans.first(), place)
    command = "reconciler -C environments/prod apply --manifest 'a b.yaml' --state s.json"
    assert f"{command} --plan-digest {plans.first().digest}\n" in text


def test_of_a_part_no_more_than_the_part_is_said_to_be_as_declared() -> None:
    part = replace(plans.converged(), scope=Scope((Address("digest"),)))
    assert "The account has what this part of the manifests says." in render_markdown(part)


def test_a_scope_of_a_thousand_targets_still_fits() -> None:
    targets = tuple(Address(f"a-very-long-name-of-a-bot-{n}") for n in range(3_000))
    text = render_markdown(replace(plans.first(), scope=Scope(targets)))
    assert len(text.encode()) <= MAX_BYTES
    assert "`and 2,980 more`" in text
    assert "Type the same flags" in text


def test_two_folders_of_one_account_have_two_markers() -> None:
    plan = plans.first()
    account = plan.account_id
    assert marker(account, "environments/prod") != marker(account, "environments/staging")
    assert "--" not in marker(account, "a--b").removeprefix("<!--").removesuffix("-->")
    assert render_markdown(plan, Place("a")).startswith(marker(account, "a") + "\n")


@pytest.mark.parametrize("number", [1, 2_000])
def test_a_failure_takes_the_place_of_a_plan(number: int) -> None:
    found = findings.some() * number
    text = render_failure(found, plans.ACCOUNT, plans.PROD)
    assert text.startswith(marker(plans.ACCOUNT, "environments/prod") + "\n")
    assert len(text.encode()) <= MAX_BYTES
    page = assert_inert(text)
    assert "Finetune plan for : no plan could be made" in page.prose
    assert any("--> environments/prod/finetunes/support.yaml:6:5" in code for code in page.code)
    assert ("cut at 60,000 bytes" in page.prose) == (number > 1)


@given(text=hostile_texts())
def test_a_failure_is_inert(text: str) -> None:
    assert_inert(render_failure(findings.hostile(text), plans.ACCOUNT, Place(text)))


def test_findings_are_named_from_the_root_of_the_repository() -> None:
    text = render_markdown(plans.blocked(), plans.PROD)
    assert "--> environments/prod/finetunes/" in text
    assert "--> finetunes/" not in text


def test_a_public_finetune_is_said_to_be_public() -> None:
    page = parsed(render_markdown(plans.everything()))
    assert "(public)" in page.prose
