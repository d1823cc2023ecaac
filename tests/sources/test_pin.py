"""`adapter pin`: what a source has now, written into the manifest, whose rest stays as it is."""

from __future__ import annotations

import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import huggingface_hub
import pytest

from reconciler.model import CONFIG_FILE, WEIGHTS_FILE
from tests.adapters.support import edit
from tests.cli.conftest import MODEL, Project
from tests.sources.conftest import Web, pins
from tests.sources.servers import Answer, Hub, Seen


def manifest(adapter: str) -> str:
    return (
        "# Ours.\nversion: 1\n\nfinetunes:\n"
        f'  bot:   # the first one\n    model: "{MODEL}"\n{adapter}'
        "    labels: {team: support}   # who\n\n# The end.\n"
    )


def flow(digests: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {digest}" for name, digest in digests.items()) + "}"


def block(digests: dict[str, str], indent: str = "      ") -> str:
    lines = [f"{indent}  {name}: {digest}\n" for name, digest in digests.items()]
    return f"{indent}sha256:\n{''.join(lines)}"


@pytest.fixture
def hub_project(project: Project, hub: Hub, adapter: Path) -> Project:
    hub.commit("acme/bot", adapter)
    project.write("version: 1\nsources: {allow: [hf://acme]}\n", "reconciler.yaml")
    return project


def test_the_error_says_what_to_run_and_that_writes_the_lines(
    hub_project: Project, hub: Hub, adapter: Path
) -> None:
    before = "    adapter:\n      source: hf://acme/bot@main   # from the training\n"
    hub_project.write(manifest(before))
    refused = hub_project.run("validate")
    assert refused.code == 1
    assert "R902" in refused.err
    assert "finetunes.yaml:8:15" in refused.err
    assert "reconciler adapter pin bot" in " ".join(refused.err.split())
    assert not hub.log

    result = hub_project.run("adapter", "pin", "bot")

    assert result.code == 0, result.err
    commit = hub.branches["acme/bot", "main"]
    after = f"    adapter:\n      source: hf://acme/bot@{commit}   # from the training\n"
    assert (hub_project.folder / "finetunes.yaml").read_text() == manifest(
        after + block(pins(adapter))
    )
    # The hub knows the digest of the weights: they were not read.
    assert not hub.reads("xet-bridge")
    assert hub_project.run("validate").code == 0
    again = hub_project.run("adapter", "pin")
    assert "as pinned" in again.out
    assert hub_project.apply().code == 0


@pytest.mark.parametrize("place", ["", ", sha256: {}", ", sha256: {adapter_config.json: abc}"])
def test_in_flow_style(hub_project: Project, hub: Hub, adapter: Path, place: str) -> None:
    if "abc" in place:
        place = place.replace("abc", "0a" * 32)
    commit = hub.branches["acme/bot", "main"]
    hub_project.write(manifest(f'    adapter: {{source: "hf://acme/bot@main"{place}}}  # here\n'))

    assert hub_project.run("adapter", "pin").code == 0

    pinned = f'{{source: "hf://acme/bot@{commit}", sha256: {flow(pins(adapter))}}}'
    after = f"    adapter: {pinned}  # here\n"
    assert (hub_project.folder / "finetunes.yaml").read_text() == manifest(after)


def test_pins_that_are_old_are_rewritten_where_they_stand(
    hub_project: Project, hub: Hub, adapter: Path
) -> None:
    old = {CONFIG_FILE: "ab" * 32, WEIGHTS_FILE: "cd" * 32}
    source = "    adapter:\n      source: hf://acme/bot@main\n"
    text = manifest(source + block(old)).replace("\n", "\r\n")
    path = hub_project.folder / "finetunes.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    path.chmod(0o640)
    stale = hub_project.run("adapter", "pin", "--check")
    assert stale.code == 1
    assert "not as pinned" in stale.out
    assert path.read_bytes() == b"\xef\xbb\xbf" + text.encode()

    assert hub_project.run("adapter", "pin").code == 0

    commit = hub.branches["acme/bot", "main"]
    new = source.replace("@main", f"@{commit}") + block(pins(adapter))
    assert path.read_bytes().decode("utf-8-sig") == manifest(new).replace("\n", "\r\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert hub_project.run("adapter", "pin", "--check").code == 0


def test_a_server_is_read_to_its_end(project: Project, web: Web, adapter: Path) -> None:
    web.put(adapter, "bot")
    web.cuts[f"/bot/{WEIGHTS_FILE}"] = [1000]
    project.write(f"version: 1\nsources: {{allow: ['{web.base}']}}\n", "reconciler.yaml")
    project.write(manifest(f"    adapter:\n      source: {web.base}/bot\n"))

    result = project.run("adapter", "pin")

    assert result.code == 0, result.err
    for name, digest in pins(adapter).items():
        assert f"{name}: {digest}" in result.out
    assert project.apply().code == 0


def test_what_cannot_be_asked_changes_nothing(
    hub_project: Project, hub: Hub, adapter: Path
) -> None:
    text = manifest("    adapter: {source: hf://acme/other@main}\n")
    hub_project.write(text)
    result = hub_project.run("adapter", "pin")
    assert result.code == 1
    assert "R913" in result.err
    assert (hub_project.folder / "finetunes.yaml").read_text() == text
    unknown = hub_project.run("adapter", "pin", "nobody")
    assert unknown.code == 1
    assert "R205" in unknown.err


def test_one_anchor_for_two_is_not_changed_for_one(
    hub_project: Project, hub: Hub, adapter: Path
) -> None:
    text = manifest("    adapter: &same {source: hf://acme/bot@main}\n")
    text = text.replace("# The end", f'  two: {{model: "{MODEL}", adapter: *same}}\n# The end')
    hub_project.write(text)
    result = hub_project.run("adapter", "pin", "two")
    assert result.code == 1
    assert "R931" in result.err
    assert (hub_project.folder / "finetunes.yaml").read_text() == text
    assert hub_project.run("adapter", "pin").code == 0
    edit(adapter, lora_alpha=3)
    hub.commit("acme/bot", adapter)
    assert hub_project.apply().code == 0


def test_an_edit_that_was_made_meanwhile_is_kept(
    project: Project, web: Web, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.put(adapter, "bot")
    project.write(f"version: 1\nsources: {{allow: ['{web.base}']}}\n", "reconciler.yaml")
    before = manifest(f"    adapter:\n      source: {web.base}/bot\n")
    edited = before.replace("who", "who else")
    project.write(before)
    answer = web.answer

    def edit_first(seen: Seen) -> Answer:
        project.write(edited)
        return answer(seen)

    monkeypatch.setattr(web, "answer", edit_first)

    result = project.run("adapter", "pin")

    assert result.code == 1
    assert "R931" in result.err
    assert "was changed while" in " ".join(result.err.split())
    assert (project.folder / "finetunes.yaml").read_text() == edited
    assert "finetune.bot: not as pinned" in result.out
    assert pins(adapter)[WEIGHTS_FILE] in result.out


def test_a_signal_ends_it_while_a_server_drips(project: Project, web: Web, adapter: Path) -> None:
    web.put(adapter, "bot")
    web.drips[f"/bot/{CONFIG_FILE}"] = "body"
    project.write(f"version: 1\nsources: {{allow: ['{web.base}']}}\n", "reconciler.yaml")
    project.write(manifest(f"    adapter:\n      source: {web.base}/bot\n"))
    process = project.spawn("adapter", "pin")
    while not web.log:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    # The server goes on for a minute.
    _, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "Traceback" not in err


def test_many_repositories_are_asked_at_once(
    hub_project: Project, hub: Hub, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's client is set once: setting it closes the one that others are using."""
    set_client_factory = huggingface_hub.set_client_factory
    made = []

    def note(factory: Callable[[], httpx2.Client]) -> None:
        made.append(factory)
        set_client_factory(factory)

    monkeypatch.setattr(huggingface_hub, "set_client_factory", note)
    names = [f"bot-{number}" for number in range(12)]
    for name in names:
        hub.commit(f"acme/{name}", adapter)
    settings = (hub_project.folder / "reconciler.yaml").read_text()
    hub_project.write(f"{settings}parallelism: 12\n", "reconciler.yaml")
    hub_project.declare(
        *(f"{name}: {{adapter: {{source: hf://acme/{name}@main}}}}" for name in names)
    )

    result = hub_project.run("adapter", "pin")

    assert result.code == 0, result.err
    assert len(made) == 1
    assert hub_project.run("validate").code == 0


def weights(digest: object) -> dict[str, object]:
    return {"rfilename": WEIGHTS_FILE, "lfs": {"sha256": digest, "size": 1, "pointerSize": 1}}


@pytest.mark.parametrize(
    "says",
    [
        {"sha": "\x1b[2Jabc"},
        {"sha": None},
        {"sha": "../../other"},
        {"siblings": "none"},
        {"siblings": [weights("\x1b[2J")]},
        {"siblings": [weights("ab" * 32 + "\n")]},
        {"siblings": [weights(["ab" * 32])]},
        {"siblings": [{"lfs": "\x1b[2J"}]},
        {"lastModified": "\x1b[2J"},
    ],
)
def test_a_hub_that_makes_no_sense(hub_project: Project, hub: Hub, says: dict[str, object]) -> None:
    text = manifest("    adapter: {source: hf://acme/bot@main}\n")
    hub_project.write(text)
    hub.says = says

    result = hub_project.run("adapter", "pin")

    assert result.code == 1
    assert "R916" in result.err
    assert "\x1b" not in result.out + result.err
    assert (hub_project.folder / "finetunes.yaml").read_text() == text


def test_a_hub_that_gives_another_commit_than_was_asked_for(
    hub_project: Project, hub: Hub, adapter: Path
) -> None:
    commit = hub.branches["acme/bot", "main"]
    hub_project.write(manifest(f"    adapter: {{source: hf://acme/bot@{commit}}}\n"))
    hub.says = {"sha": "0a" * 20}
    result = hub_project.run("adapter", "pin")
    assert result.code == 1
    assert "R916" in result.err
