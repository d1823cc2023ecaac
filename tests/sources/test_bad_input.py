"""Whatever a source, a redirect, the disk or the cache does: a clear error, nothing created."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.model import CONFIG_FILE, WEIGHTS_FILE
from reconciler.sources.guard import is_public
from tests.adapters.support import edit
from tests.cli.conftest import Project, Result
from tests.sources.conftest import Web, declare, pins
from tests.sources.servers import Files, Hub, serving_plainly

WEIGHTS_PATH = f"/bot/{WEIGHTS_FILE}"


def refused(project: Project, code: str, *words: str) -> Result:
    """Apply, which must fail with this code and create nothing; the next plan is as before."""
    result = project.run("apply", "--auto-approve")
    assert result.code == 1, result.out + result.err
    assert code in result.err
    assert all(squeezed(word) in squeezed(result.err) for word in words), result.err
    assert project.creates() == 0
    assert "Traceback" not in result.err
    assert "1 to create" in project.run("plan").out
    return result


def squeezed(text: str) -> str:
    """Leave out blanks and the breaks of folded lines."""
    return "".join(text.split())


@pytest.fixture
def bot(project: Project, web: Web, adapter: Path) -> Project:
    web.put(adapter, "bot")
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))
    return project


def test_a_wrong_pin(project: Project, web: Web, adapter: Path) -> None:
    web.put(adapter, "bot")
    wrong = {**pins(adapter), WEIGHTS_FILE: "ab" * 32}
    declare(project, web.base, bot=(f"{web.base}/bot", wrong))
    refused(project, "R918", "ab" * 32, pins(adapter)[WEIGHTS_FILE], "adapter pin")
    assert not list((project.folder / ".reconciler/cache/partial").iterdir())


def test_a_revision_that_moved(project: Project, hub: Hub, adapter: Path) -> None:
    hub.commit("acme/bot", adapter)
    before = pins(adapter)
    declare(project, "hf://acme", bot=("hf://acme/bot@main", before))
    assert "R903" in project.run("validate").err
    edit(adapter, lora_alpha=77)
    hub.commit("acme/bot", adapter)
    refused(project, "R918", "main may have moved to another commit")


def test_a_web_page_and_an_archive_instead(bot: Project, web: Web) -> None:
    web.files[WEIGHTS_PATH] = b"<!doctype html>" + bytes(100)
    refused(bot, "R918", "It looks like a web page.")
    web.files[WEIGHTS_PATH] = b"PK\x03\x04" + bytes(100)
    refused(bot, "R918", "It looks like an archive.")


@pytest.mark.parametrize("name", ["bot.zip", "bot.tar.gz", f"bot/{WEIGHTS_FILE}"])
def test_an_archive_or_a_file_for_a_folder(project: Project, adapter: Path, name: str) -> None:
    declare(project, "https://a.example", bot=(f"https://a.example/{name}", pins(adapter)))
    result = project.run("validate")
    assert result.code == 1
    assert "R901" in result.err
    assert "folder of the two files" in " ".join(result.err.split())


@pytest.mark.parametrize("name", ["a--b", "x.git", "x-", "a+b", "x.", "a..b", "n" * 97])
def test_a_name_that_the_hub_does_not_have(project: Project, adapter: Path, name: str) -> None:
    declare(project, "hf://acme", bot=(f"hf://acme/{name}@main", pins(adapter)))
    result = project.run("validate")
    assert result.code == 1
    assert "R901" in result.err
    assert "finetunes.yaml:3:" in result.err


def test_a_source_that_says_more_than_it_gives(bot: Project, web: Web) -> None:
    web.claimed[WEIGHTS_PATH] = 10_000_000
    web.ranges = False
    refused(bot, "R915", "it ended before it was complete")
    assert len(web.reads(WEIGHTS_FILE)) <= 5


def test_a_source_that_says_less_than_it_has(bot: Project, web: Web) -> None:
    web.claimed[WEIGHTS_PATH] = 100
    refused(bot, "R918")


def test_a_source_that_is_too_large(bot: Project, web: Web) -> None:
    web.claimed[WEIGHTS_PATH] = 300_000_001
    refused(bot, "R917", "300,000,001")
    assert not any((bot.folder / ".reconciler/cache/partial").iterdir())


def test_a_redirect_loop(bot: Project, web: Web) -> None:
    web.redirects[WEIGHTS_PATH] = WEIGHTS_PATH
    refused(bot, "R912", "more than 5 redirects")
    assert len(web.reads(WEIGHTS_FILE)) == 6


@pytest.mark.parametrize(
    "target", ["http://localhost/x", "file:///etc/passwd", "https://me:pw@localhost/x"]
)
def test_a_redirect_that_is_not_followed(bot: Project, web: Web, target: str) -> None:
    web.redirects[WEIGHTS_PATH] = target
    refused(bot, "R912")


@pytest.mark.parametrize(
    "target",
    [
        "https://169.254.169.254/latest/meta-data/iam",
        "https://[fd00:ec2::254]/latest",
        "https://[::ffff:169.254.169.254]/",
        "https://10.0.0.7/x",
        "https://2852039166/latest",
    ],
)
def test_a_redirect_into_the_network(
    bot: Project, web: Web, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = socket.socket.connect

    def only_here(self: socket.socket, address: tuple[str, int]) -> None:
        if address[0] != "127.0.0.1":
            raise ConnectionRefusedError
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_here)
    web.redirects[WEIGHTS_PATH] = target
    refused(bot, "R911", "inside the runner's network")


def test_a_name_that_resolves_into_the_network(
    project: Project, web: Web, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that is checked is the one that is connected to."""
    port = int(web.base.rpartition(":")[2])
    web.put(adapter, "bot")
    look_up = socket.getaddrinfo
    asked = []

    def rebound(host: str, *rest: object, **options: object) -> object:
        if host == "models.example":
            asked.append(host)
        inside = "127.0.0.1" if host == "models.example" else host
        return look_up(inside, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    place = f"https://models.example:{port}"
    declare(project, place, bot=(f"{place}/bot", pins(adapter)))
    refused(project, "R911", "models.example is 127.0.0.1")
    assert not web.log

    monkeypatch.setenv("RECONCILER_PRIVATE_SOURCES", "models.example")
    asked.clear()
    assert project.apply().code == 0
    # One look-up a connection, and no second one between the check and the connecting.
    assert 1 <= len(asked) <= len(web.log)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "fe80::1%eth0", "fd00::1", "ff02::1",
        "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "fec0::1", "64:ff9b:1::a9fe:a9fe", "::169.254.169.254", "::ffff:0:169.254.169.254", "::",
    ],
)  # fmt: skip
def test_addresses_inside(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_outside(address: str) -> None:
    assert is_public(address)


def test_an_authority_that_is_not_trusted(bot: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    refused(bot, "R915", "its certificate is not trusted")


def test_a_cache_that_was_tampered_with(bot: Project, adapter: Path) -> None:
    assert bot.apply().code == 0
    (bot.folder / "reconciler.state.json").unlink()
    path = bot.folder / ".reconciler/cache/files" / pins(adapter)[WEIGHTS_FILE]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    text = (bot.folder / "finetunes.yaml").read_text()
    bot.write(text.replace("bot:", "helper:", 1))

    result = bot.run("apply", "--auto-approve")

    assert result.code == 1
    assert "R921" in result.err
    assert squeezed(f"rm {path}") in squeezed(result.err)
    assert bot.names == ["bot"]
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert "R921" in bot.run("apply", "--auto-approve").err
    path.unlink()
    assert bot.apply().code == 0


def test_a_cache_that_is_too_small(bot: Project, web: Web, adapter: Path) -> None:
    settings = (bot.folder / "reconciler.yaml").read_text()
    bot.write(settings.replace("]}", "], max_cache_bytes: 5000}"), "reconciler.yaml")
    refused(bot, "R922", "max_cache_bytes")


def test_what_was_not_used_for_longest_leaves_the_cache(
    bot: Project, web: Web, adapter: Path
) -> None:
    assert bot.apply().code == 0
    files = bot.folder / ".reconciler/cache/files"
    size = sum(path.stat().st_size for path in files.iterdir())
    old = set(files.iterdir())
    edit(adapter, lora_alpha=5)
    raw = (adapter / WEIGHTS_FILE).read_bytes()
    (adapter / WEIGHTS_FILE).write_bytes(raw[:-1] + b"\x01")
    web.put(adapter, "other")
    more = f"], max_cache_bytes: {size + 100}}}"
    declare(bot, web.base, other=(f"{web.base}/other", pins(adapter)))
    settings = (bot.folder / "reconciler.yaml").read_text()
    bot.write(settings.replace("]}", more), "reconciler.yaml")

    assert bot.apply().code == 0
    assert {path.name for path in files.iterdir()} == set(pins(adapter).values())
    assert not old & set(files.iterdir())


def test_a_full_disk(bot: Project, tmp_path: Path) -> None:
    """As small as a limit on the size of files makes it."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "apply", "--auto-approve"],
        cwd=bot.folder,
        env={**os.environ, **bot.environment},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "R923" in done.stderr
    assert "File too large" in done.stderr
    assert bot.creates() == 0
    assert not any((bot.folder / ".reconciler/cache/partial").iterdir())


def test_a_missing_file_and_a_missing_repository(
    project: Project, hub: Hub, web: Web, adapter: Path
) -> None:
    web.put(adapter, "bot")
    del web.files[f"/bot/{CONFIG_FILE}"]
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))
    refused(project, "R914", CONFIG_FILE)
    declare(project, "hf://acme", bot=(f"hf://acme/nothing@{'0' * 40}", pins(adapter)))
    refused(project, "R913", "HF_TOKEN")


def test_a_mistake_of_ours_ends_the_run_too(bot: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise ValueError("A surprise.")

    monkeypatch.setattr("reconciler.sources.web.WebSource.open", stumble)
    result = refused(bot, "R299", "ValueError: A surprise.")
    assert "surprise.." not in result.err


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "R913", "does not accept the credentials (401)"),
        (403, "R913", "the credentials may not do this (403)"),
        (404, "R914", "is not there"),
        (301, "R914", "AWS_REGION"),
        (400, "R916", "answered with an error (400)"),
        (503, "R915", "answered with an error (503)"),
    ],
)
def test_a_bucket_that_refuses(
    project: Project,
    adapter: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    words: str,
) -> None:
    monkeypatch.setattr("reconciler.sources.transfer.FIRST_PAUSE", 0.01)
    site = Files()
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        site.statuses[f"/team/bot/{name}"] = [status] * 9
    declare(project, "s3://team", bot=("s3://team/bot", pins(adapter)))
    with serving_plainly(site) as base:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
            monkeypatch.setenv(name, "hunter2")
        monkeypatch.setenv("AWS_ENDPOINT_URL", base)
        result = refused(project, code, words)
    assert "hunter2" not in result.out + result.err


def test_a_missing_extra(
    project: Project, hub: Hub, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.delitem(sys.modules, "reconciler.sources.hub", raising=False)
    declare(project, "hf://acme", bot=(f"hf://acme/bot@{'0' * 40}", pins(adapter)))
    refused(project, "R919", "pip install 'finetune-reconciler[hf]', or in a checkout", "'.[hf]'")


def test_a_profile_without_keys(
    project: Project, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    declare(project, "s3://team", bot=("s3://team/bot", pins(adapter)))
    refused(project, "R913", "the profile nobody has no keys", "aws configure")
