"""The page of a plan as people meet it, in Chromium: offline, light and dark, on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from reconciler.render.html import render_failure, render_html
from reconciler.render.review import Place
from tests.render.formats import findings, plans
from tests.render.formats.browser import chromium
from tests.render.formats.hostility import TRICKS

PAGES: dict[str, Callable[[], str]] = {
    "everything": lambda: render_html(plans.everything(), plans.PROD),
    "blocked": lambda: render_html(plans.blocked(), plans.PROD),
    "hostile": lambda: render_html(plans.hostile("".join(TRICKS)), Place("".join(TRICKS))),
    "failure": lambda: render_failure(findings.some(), plans.ACCOUNT, plans.PROD),
}

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open a page of a file; nothing may be fetched, said on the console, or asked."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def start(html: str, **settings: object) -> Page:
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(html)
        context = browser.new_context(offline=True, **settings)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("request", lambda request: wrong.append(request.url))
        page.goto(path.as_uri())
        wrong.remove(path.as_uri())
        return page

    yield start
    for context in contexts:
        context.close()
    assert wrong == []


def shown(page: Page) -> list[str]:
    """Return the headings of the changes that can be seen."""
    return [h.inner_text() for h in page.locator(".change h3").all() if h.is_visible()]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_window(opened: Open, name: str, width: int) -> None:
    page = opened(PAGES[name](), viewport={"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["everything", "blocked", "failure"])
def test_axe_finds_nothing_that_keeps_people_out(opened: Open, name: str, scheme: str) -> None:
    found = Axe().run(opened(PAGES[name](), color_scheme=scheme))
    assert found.violations_count == 0, found.generate_report()


def test_light_and_dark_differ(opened: Open) -> None:
    look = "getComputedStyle(document.body).backgroundColor"
    html = PAGES["everything"]()
    light, dark = (opened(html, color_scheme=s).evaluate(look) for s in ("light", "dark"))
    assert light != dark


def test_the_account_is_drawn_before_and_after_with_its_quota(opened: Open) -> None:
    page = opened(PAGES["everything"]())
    drawn = [
        {kind: svg.locator(f"rect.{kind}").count() for kind in ("declared", "other", "created")}
        for svg in page.locator("svg.squares").all()
    ]
    assert drawn == [
        {"declared": 5, "other": 4, "created": 0},
        {"declared": 5, "other": 4, "created": 2},
    ]
    squares = page.locator("svg.squares").first.locator("rect").all()
    assert len(squares) == 100
    boxes = {(box["x"], box["y"]) for box in (s.bounding_box() for s in squares) if box}
    assert len(boxes) == 100, "squares are not drawn, or over each other"


def test_a_filter_shows_the_chosen_actions_only(opened: Open) -> None:
    page = opened(PAGES["everything"]())
    everything = shown(page)
    page.get_by_role("button", name="to create").click()
    assert shown(page) == ["finetune.announcer", "finetune.support-bot"]
    page.get_by_role("button", name="to forget").click()
    assert shown(page) == ["finetune.announcer", "finetune.support-bot", "finetune.old-bot"]
    assert page.locator("#shown").text_content() == "3 of 8 changes shown"
    page.get_by_role("button", name="to create").click()
    page.get_by_role("button", name="to forget").click()
    assert shown(page) == everything


def test_all_of_it_is_there_without_a_script(opened: Open) -> None:
    html = PAGES["everything"]()
    page = opened(html, java_script_enabled=False)
    assert len(shown(page)) == 8
    assert not page.locator(".filters").is_visible()
    assert page.locator("#command").is_visible()


def test_the_keyboard_reaches_everything(opened: Open) -> None:
    page = opened(PAGES["everything"]())
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the changes"
    closed = page.locator("details.no-op").first
    closed.locator("summary").focus()
    page.keyboard.press("Enter")
    assert closed.locator("table").is_visible()


def test_row_63_the_policy_lets_nothing_else_run_or_load(browser: Browser, tmp_path: Path) -> None:
    """Even what got past the escaping would be without effect."""
    path = tmp_path / "page.html"
    html = PAGES["everything"]()
    evil = "<script>evil = 1</script><img src='file:///dev/null' onerror='evil = 2'>"
    assert "<main>" in html
    path.write_text(html.replace("<main>", f"<main>{evil}<style>* {{ color: red }}</style>"))
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(path.as_uri())
    assert page.evaluate("typeof evil") == "undefined"
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
    for kind in ("inline script", "inline event handler", "inline style", "image"):
        assert any("Content Security Policy" in text and kind in text for text in refused), kind
    page.close()
