"""Adapters that live elsewhere, through the command line: planned by pins, fetched, applied."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path

import obstore
import pytest

from reconciler.buckets import Bucket, open_bucket
from reconciler.model import CONFIG_FILE, WEIGHTS_FILE
from tests.adapters.support import edit, ready
from tests.cli.conftest import MODEL, Project
from tests.sources.conftest import Web, declare, pins, uploaded
from tests.sources.servers import TOKEN, Answer, Hub, Seen
from tests.stores import azurite, gcs_server
from tests.stores.places import BUCKET, SERVERS, MissingError

SECRETS = ("hunter2", azurite.KEY, gcs_server.TOKEN)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(project: Project) -> str:
    plan = project.run("plan")
    assert plan.code == 0, plan.out + plan.err
    return DIGEST.findall(plan.out)[-1]


def test_https(project: Project, web: Web, adapter: Path) -> None:
    web.put(adapter, "bot")
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))

    digest = digest_of(project)
    assert not web.log

    result = project.run("apply", "--plan-digest", digest)
    assert result.code == 0, result.out + result.err
    assert uploaded(project, "bot") == pins(adapter)
    assert "bot: adapter_model.safetensors downloaded" in result.err
    project.is_converged()
    shown = json.loads(project.run("state", "pull").out)["finetunes"]["finetune.bot"]["assets"]
    assert shown[WEIGHTS_FILE]["size"] == (adapter / WEIGHTS_FILE).stat().st_size


def test_a_warm_cache_reads_no_source_and_has_the_same_digest(
    project: Project, web: Web, adapter: Path
) -> None:
    web.put(adapter, "bot")
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))
    cold = digest_of(project)
    assert project.apply().code == 0
    warm = project.run("plan", "--no-refresh", "--state", "another.json")
    assert DIGEST.findall(warm.out)[-1] == cold
    web.log.clear()
    (project.folder / "reconciler.state.json").unlink()
    # Under another name, so that it has to be created and uploaded once more.
    declare(project, web.base, helper=(f"{web.base}/bot", pins(adapter)))

    result = project.apply()

    assert result.code == 0, result.err
    assert not web.log
    assert uploaded(project, "helper") == pins(adapter)
    assert f"{WEIGHTS_FILE} is in the cache" in result.err


def test_the_hub_by_its_commit(project: Project, hub: Hub, adapter: Path) -> None:
    commit = hub.commit("acme/bot", adapter, "final")
    declare(project, "hf://acme", bot=(f"hf://acme/bot/final@{commit}", pins(adapter)))

    assert project.apply().code == 0
    assert uploaded(project, "bot") == pins(adapter)


def test_a_token_goes_to_the_hub_and_not_to_where_it_keeps_files(
    project: Project, hub: Hub, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.commit("acme/private", adapter)
    hub.private.add("acme/private")
    declare(project, "hf://acme", bot=(f"hf://acme/private@{commit}", pins(adapter)))
    refused = project.run("apply", "--auto-approve")
    assert refused.code == 1
    assert "R913" in refused.err
    assert "HF_TOKEN" in refused.err
    assert project.creates() == 0

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.log.clear()
    result = project.apply()

    assert result.code == 0, result.err
    assert TOKEN not in result.out + result.err
    with_token = {seen.path for seen in hub.log if "authorization" in seen.headers}
    assert all("xet-bridge" not in path for path in with_token)
    assert any("xet-bridge" in seen.path for seen in hub.log)


@pytest.mark.parametrize(
    "kind", ["s3", "r2", "gs", pytest.param("az", marks=pytest.mark.needs_system)]
)
def test_a_bucket(
    project: Project, kind: str, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        try:
            served = stack.enter_context(SERVERS[kind]())
        except MissingError as error:
            pytest.skip(str(error))
        for name, value in served.environment.items():
            monkeypatch.setenv(name, value)
        store = open_bucket(Bucket(kind, BUCKET), connect=5, total=30)
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            obstore.put(store, f"bots/support/{name}", (adapter / name).read_bytes())
        place = served.prefix
        declare(project, place.rstrip("/"), bot=(f"{place}bots/support", pins(adapter)))

        assert project.apply().code == 0
        assert uploaded(project, "bot") == pins(adapter)
        inspected = project.run("adapter", "inspect", f"{place}bots/support")
        assert inspected.code == 0, inspected.err
        assert "rank" in inspected.out
        missing = project.run("adapter", "inspect", f"{place}nothing")
    assert missing.code == 1
    assert "R914" in missing.err
    assert not any(value in missing.out + missing.err for value in SECRETS)


def test_a_broken_connection_is_gone_on_with(project: Project, web: Web, tmp_path: Path) -> None:
    folder = ready(tmp_path)
    web.put(folder, "bot")
    size = (folder / WEIGHTS_FILE).stat().st_size
    web.cuts[f"/bot/{WEIGHTS_FILE}"] = [size // 2, size // 4]
    declare(project, web.base, bot=(f"{web.base}/bot", pins(folder)))

    assert project.apply().code == 0
    asked = [seen.headers.get("range") for seen in web.reads(WEIGHTS_FILE)]
    assert asked == [None, f"bytes={size // 2}-", f"bytes={size // 2 + size // 4}-"]
    assert all(seen.headers.get("if-range") for seen in web.reads(WEIGHTS_FILE)[1:])
    assert uploaded(project, "bot") == pins(folder)


def test_a_server_without_ranges_is_read_from_the_start_again(
    project: Project, web: Web, adapter: Path
) -> None:
    web.put(adapter, "bot")
    web.ranges = False
    web.cuts[f"/bot/{WEIGHTS_FILE}"] = [1000]
    web.statuses[f"/bot/{CONFIG_FILE}"] = [503]
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))

    assert project.apply().code == 0
    assert uploaded(project, "bot") == pins(adapter)


def test_without_a_strong_name_nothing_is_gone_on_with(
    project: Project, web: Web, adapter: Path
) -> None:
    web.put(adapter, "bot")
    web.etags = False
    web.cuts[f"/bot/{WEIGHTS_FILE}"] = [1000]
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))

    assert project.apply().code == 0
    assert [seen.headers.get("range") for seen in web.reads(WEIGHTS_FILE)] == [None, None]


def test_another_file_by_the_second_attempt_is_read_from_its_start(
    project: Project, web: Web, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the server gives a range of it that was asked of the first one only."""
    web.put(adapter, "bot")
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))
    path = f"/bot/{WEIGHTS_FILE}"
    pinned, web.files[path] = web.files[path], bytes(len(web.files[path]))
    web.heeds_if_range = False
    web.cuts[path] = [1000]
    answer = web.answer

    def change(seen: Seen) -> Answer:
        if "range" in seen.headers:
            web.files[path] = pinned
        return answer(seen)

    monkeypatch.setattr(web, "answer", change)

    assert project.apply().code == 0
    ranges = [seen.headers.get("range") for seen in web.reads(WEIGHTS_FILE)]
    assert ranges == [None, "bytes=1000-", None]


def test_an_empty_file_is_inspected_as_such(project: Project, web: Web, adapter: Path) -> None:
    web.put(adapter, "bot")
    web.files[f"/bot/{WEIGHTS_FILE}"] = b""
    result = project.run("adapter", "inspect", f"{web.base}/bot")
    (adapter / WEIGHTS_FILE).write_bytes(b"")
    here = project.run("adapter", "inspect", str(adapter))
    assert (result.code, result.err[:14]) == (here.code, here.err[:14])
    assert "416" not in result.err


def test_several_are_fetched_once_each_and_a_shared_file_once(
    project: Project, web: Web, adapter: Path
) -> None:
    web.put(adapter, "bot")
    names = [f"bot-{number}" for number in range(8)]
    declare(project, web.base, **{name: (f"{web.base}/bot", pins(adapter)) for name in names})

    assert project.apply("--parallelism", "8").code == 0
    assert len(web.reads(WEIGHTS_FILE)) == 1
    assert project.names == names


def test_a_broken_adapter_is_stopped_before_anything_is_created(
    project: Project, web: Web, adapter: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    broken = ready(tmp_path / "other")
    edit(broken, model_type=...)
    web.put(adapter, "good")
    web.put(broken, "broken")
    declare(
        project,
        web.base,
        good=(f"{web.base}/good", pins(adapter)),
        broken=(f"{web.base}/broken", pins(broken)),
    )

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert "R315" in result.err
    assert "2 changes not attempted" in result.out
    assert project.creates() == 0


def test_json_lines_tell_of_downloads(project: Project, web: Web, adapter: Path) -> None:
    web.put(adapter, "bot")
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))

    lines = [json.loads(line) for line in project.apply("--json").out.splitlines()]

    hooks = [(line["type"], line["hook"]["action"]) for line in lines if "hook" in line]
    assert hooks[:4] == [("apply_start", "read"), ("apply_complete", "read")] * 2


def test_the_plan_says_that_sizes_are_unknown(project: Project, web: Web, adapter: Path) -> None:
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))

    assert re.search(rf"\^ {WEIGHTS_FILE} +unknown +[0-9a-f]{{12}}", project.run("plan").out)
    document = json.loads(project.run("plan", "--format", "json").out)
    (change,) = document["resource_changes"]
    assert change["change"]["after"]["assets"][WEIGHTS_FILE]["size"] is None
    assert project.run("plan", "--out", "plan.json").code == 0
    web.put(adapter, "bot")
    assert project.run("apply", "plan.json").code == 0
    project.is_converged()


@pytest.mark.parametrize("where", ["web", "hub"])
def test_inspect_reads_the_header_and_not_the_weights(
    project: Project, web: Web, hub: Hub, tmp_path: Path, where: str
) -> None:
    folder = ready(tmp_path)
    weights = folder / WEIGHTS_FILE
    raw = weights.read_bytes()
    header = int.from_bytes(raw[:8], "little")
    text = json.loads(raw[8 : 8 + header])
    # As many bytes more as a server would notice.
    grown = {k: dict(v) for k, v in text.items() if k != "__metadata__"}
    name, last = max(grown.items(), key=lambda item: item[1]["data_offsets"][1])
    factor = 20_000_000 // (last["data_offsets"][1] - last["data_offsets"][0])
    last["shape"][0 if "lora_B" in name else 1] *= factor
    begin, end = last["data_offsets"]
    last["data_offsets"] = [begin, begin + (end - begin) * factor]
    new = json.dumps(grown).encode()
    weights.write_bytes(len(new).to_bytes(8, "little") + new + bytes(last["data_offsets"][1]))
    if where == "web":
        web.put(folder, "bot")
        result = project.run("adapter", "inspect", f"{web.base}/bot")
    else:
        hub.commit("acme/bot", folder)
        result = project.run("adapter", "inspect", "hf://acme/bot@main")
        assert pins(folder)[WEIGHTS_FILE] in result.out

    assert result.code == 0, result.err
    assert f"{WEIGHTS_FILE}  {weights.stat().st_size / 1e6:.1f} MB" in result.out
    assert sum(seen.sent for seen in (*web.log, *hub.log)) < 200_000


def test_a_source_that_is_not_allowed(project: Project, web: Web, adapter: Path) -> None:
    declare(project, "hf://acme", bot=(f"{web.base}/bot", pins(adapter)))

    for command in (["validate"], ["plan"], ["apply", "--auto-approve"]):
        result = project.run(*command)
        assert result.code == 1
        assert "R904" in result.err
        line = f"sources: {{allow: [hf://acme, {web.base}]}}"
        assert "".join(line.split()) in "".join(result.err.split())
    assert not web.log


def test_row_52_one_created_during_the_fetch_is_no_second_one_of_ours(
    project: Project, web: Web, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.put(adapter, "bot")
    declare(project, f"https://{web.place}", bot=(f"{web.base}/bot", pins(adapter)))
    truly = web.answer

    def meanwhile(seen: Seen) -> Answer:
        if "bot" not in project.names:
            project.box.account.create("bot", MODEL, description="Somebody else's.")
        return truly(seen)

    monkeypatch.setattr(web, "answer", meanwhile)

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert "R612" in result.err
    assert "finetune.bot would now" in result.err
    assert (project.names, project.creates()) == (["bot"], 0)
