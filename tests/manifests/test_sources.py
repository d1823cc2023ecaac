"""Addresses of sources: what is read, what is refused, and what a project allows."""

from __future__ import annotations

import pytest

from reconciler.model import SourceAddress
from reconciler.project import why_not_allowed

COMMIT = "8f3c0d1e2b4a5968778695a4b3c2d1e0f1029384"
ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (f"hf://acme/bot@{COMMIT}", SourceAddress("hf", "acme/bot", "", COMMIT)),
        ("hf://acme/bot/a/b@refs/pr/1", SourceAddress("hf", "acme/bot", "a/b", "refs/pr/1")),
        ("s3://acme-adapters/a/b", SourceAddress("s3", "acme-adapters", "a/b")),
        ("gs://bucket", SourceAddress("gs", "bucket")),
        ("az://container/x", SourceAddress("az", "container", "x")),
        (f"r2://{ACCOUNT}/bucket/x", SourceAddress("r2", f"{ACCOUNT}/bucket", "x")),
        ("https://a.example:8443/x", SourceAddress("https", "a.example:8443", "x")),
    ],
)
def test_an_address_is_read_and_written_back(text: str, address: SourceAddress) -> None:
    assert SourceAddress.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "adapters/bot",
        "http://a.example/x",
        "file:///etc/passwd",
        "hf://acme@main",
        "hf://acme/bot",
        "hf://acme/bot@",
        "hf://acme/bot@../../x",
        "hf://acme/../bot@main",
        "hf://acme/bot@a//b",
        "hf://acme/bot?x=1@main",
        "s3://bucket/../x",
        "s3://b/x",
        "s3://user:secret@bucket/x",
        "r2://bucket/x",
        "https://user@a.example/x",
        "https://a.example/x?token=1",
        "https://a.example/x#y",
        "https://a.example/x/../y",
        "https:///x",
        "https://a.example/x y",
        "https://a.example/x\n",
        "https://a.example/%2e%2e/x",
        "https://a.example/bot.zip",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        SourceAddress.parse(text)


@pytest.mark.parametrize(
    ("allowed", "address", "is_allowed"),
    [
        ("hf://acme", "hf://acme/bot@main", True),
        ("hf://acme/bot", "hf://acme/bot@main", True),
        ("hf://acme/bot", "hf://acme/bot/final@main", True),
        ("hf://acme/bot", "hf://acme/bottom@main", False),
        ("hf://acm", "hf://acme/bot@main", False),
        ("s3://acme", "gs://acme/x", False),
        ("s3://acme/prod/", "s3://acme/prod/bot", True),
        ("s3://acme/prod", "s3://acme/production", False),
        ("https://a.example", "https://a.example/x", True),
        ("https://a.example", "https://a.example.evil/x", False),
        ("https://a.example", "https://a.example:444/x", False),
    ],
)
def test_what_a_project_allows(allowed: str, address: str, is_allowed: bool) -> None:
    refusal = why_not_allowed(SourceAddress.parse(address), [allowed])
    assert (refusal is None) == is_allowed
