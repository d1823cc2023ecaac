"""Texts that try to do something where they are shown."""

from __future__ import annotations

from hypothesis import strategies as st

TRICKS = (
    "@everyone",
    "<!-- x -->",
    "-->",
    "```",
    "````\n# heading",
    "~~~",
    "![x](http://evil.example/i.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</code></pre></details><h1>x</h1>",
    "</style></script><script>alert(1)</script>",
    "</summary>",
    "::add-mask::secret",
    "::set-output name=x::y",
    "##[group]x",
    "##vso[task.setvariable variable=a]b",
    "##teamcity[testStarted]",
    "\u202eevil\u2066",
    "\u200b\u00ad\U000e0041",
    "\x1b[31mred\x07",
    "| a | b |",
    "\\|",
    "\\",
    "`",
    "``x``",
    "http://evil.example/a?b=c",
    "www.evil.example",
    "evil.com",
    "a@evil.com",
    "#123",
    "org/repo#1",
    "GH-12",
    "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    "$x^2$",
    "$$\\frac{1}{2}$$",
    "$`x`$",
    "/close",
    ":smile:",
    "&lt;b&gt;&#64;x",
    "\n\n# heading\n",
    "\r\n::error::x",
    "- [ ] task",
    "[^1]",
    "[x]: http://evil.example",
    "%0A::error::x%25",
    "{0} {{x}}",
    "[link](0)",
    ",line=1::x",
    "]]>",
    "<![CDATA[",
    "&entity;",
    "\ud800",
    "\x00",
    "\ufffe",
    "\u2028",
    "' onmouseover='alert(1)",
    '" onmouseover="alert(1)',
)
"""What has been used against comments, logs, pages and reports."""


def is_seen(text: str) -> bool:
    """Tell whether everything in a text is drawn; blanks of other scripts and line ends count."""
    return all(c.isprintable() or c in "\n\u00a0\u3000" for c in text)


def hostile_texts() -> st.SearchStrategy[str]:
    """Tricks, letters and whatever else, put together in every way."""
    pieces = st.one_of(st.sampled_from(TRICKS), st.text(max_size=6))
    return st.lists(pieces, min_size=1, max_size=5).map("".join)
