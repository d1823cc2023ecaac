"""However an address is misspelt, no command prints the secret that is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.stores import open_store
from tests.stores.backend_server import Backend

SECRET = "hunter2"
CREDENTIALS = [
    f"ada:{SECRET}@",
    f"ada%3A{SECRET}@",
    f"ada%3a{SECRET}@",
    f"ada:{SECRET}%40",
    f"ada%3A{SECRET}%40",
    f":{SECRET}@",
    f"ada:12/{SECRET}@",
    f"ada:/{SECRET}@",
    f"ada@corp:12/{SECRET}@",
    f"ada:12?{SECRET}@",
    f"ada:12#{SECRET}@",
    f"ada:12\\{SECRET}@",
    f"ada:12@{SECRET}@",
    f"ada:{SECRET}://@",
    f"ada:[{SECRET}@",
]
QUERIES = [f"?password={SECRET}", f"?access={SECRET}", f"?{SECRET}", f"?sslmode={SECRET}"]
REST = "127.0.0.1:9/state/prod"


def misspelt(scheme: str) -> Iterator[str]:
    for separator, credential in product(["://", ":/", ":", "//", ":///"], CREDENTIALS):
        yield f"{scheme}{separator}{credential}{REST}"
    for separator, query in product(["://", ":/", ":", "//"], QUERIES):
        yield f"{scheme}{separator}{REST}{query}"
    yield f" {scheme}://ada:{SECRET}@{REST}"


@pytest.mark.parametrize(
    "scheme",
    ["postgresql", "postgres", "PostgreSQL", "https", "http", "HTTP", "s3", "r2", "gs", "az"],
)
def test_a_secret_is_not_printed(
    scheme: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for address in misspelt(scheme):
        assert run(["state", "list", "--state", address]) == 1, address
        said = "".join(capsys.readouterr())
        assert SECRET not in said, address
        assert re.search(r"error\[R4(11|13|17|18)\]", said), (address, said)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (f"postgresql://ada%3A{SECRET}@127.0.0.1:9/state/prod", "R418"),
        (f"postgresql://ada:12/{SECRET}@127.0.0.1/state", "R418"),
        (f"https://ada:12/{SECRET}@127.0.0.1:9/state", "R418"),
        (f"postgresql:ada:{SECRET}@127.0.0.1:9/state/prod", "R417"),
        ("s3:/bucket/key", "R417"),
        ("postgresql//127.0.0.1:9/state/prod", "R417"),
    ],
)
def test_what_is_wrong_is_told(
    address: str,
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["state", "list", "--state", address]) == 1
    assert f"error[{code}]" in capsys.readouterr().err


def test_an_https_address_is_used_with_its_query_and_shown_without(
    http_backend: Backend, tmp_path: Path
) -> None:
    store = open_store(f"{http_backend.url}/state/prod?access={SECRET}", tmp_path)
    assert store.load() is None
    assert http_backend.log[-1][1] == f"/state/prod?access={SECRET}"
    assert store.location == f"{http_backend.url}/state/prod?..."


@pytest.mark.parametrize("name", ["s3.json", "https.json", "a:b.json", "s3/prod.json", "az"])
def test_the_path_of_a_file_may_look_a_little_like_an_address(name: str, tmp_path: Path) -> None:
    assert open_store(name, tmp_path).location == name
