"""Every link leads somewhere, and every page is led to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_the_readme_leads_to_every_page() -> None:
    readme = ROOT / "README.md"
    led_to = {readme, *((ROOT / link.partition("#")[0]).resolve() for link in links(readme))}
    assert set(PAGES) <= led_to
