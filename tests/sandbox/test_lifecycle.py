"""Starting, stopping, restarting, sharing: the account outlives the process."""

from __future__ import annotations

import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from reconciler.sandbox import Account, RequestRecord, Sandbox, SandboxError, SandboxSettings
from tests.sandbox.conftest import Client, Serve


def test_data_survives_a_restart(serve: Serve) -> None:
    first = serve()
    finetune_id = first.create("bot").json()["result"]["id"]
    first.upload(finetune_id, "adapter_config.json", b"{}")
    before = first.sandbox.account.finetunes()
    first.sandbox.stop()
    second = serve()
    assert second.sandbox.account.finetunes() == before
    assert second.sandbox.account.assets(finetune_id)[0].path.read_bytes() == b"{}"
    assert [record.method for record in second.sandbox.account.requests()] == ["POST", "POST"]


def test_the_public_finetunes_are_not_seeded_twice(serve: Serve) -> None:
    serve().sandbox.stop()
    assert len(serve().sandbox.account.public_finetunes()) == 3


def test_the_request_log_tells_what_became_of_each_request(client: Client) -> None:
    client.get_list()
    created = client.create("bot").json()["result"]["id"]
    client.create("other", model="nothing")
    client.upload(created, "adapter_config.json", b"{}")
    client.upload(created, "README.md", b"?")
    log = client.sandbox.account.requests()
    assert [(record.method, record.status, record.finetune) for record in log] == [
        ("GET", 200, ""),
        ("POST", 200, "bot"),
        ("POST", 400, "other"),
        ("POST", 200, created),
        ("POST", 400, created),
    ]
    assert log[1].path == "/client/v4" + client.finetunes_path
    assert [record.outcome for record in log[:3]] == [
        "0 of 0",
        created,
        "No such model nothing or task",
    ]
    assert log[3].outcome.startswith("adapter_config.json 2 bytes sha256:44136fa355b3678a")


def test_the_log_and_the_folder_hold_no_credential(serve: Serve, tmp_path: Path) -> None:
    client = serve()
    client.create("bot")
    client.sandbox.stop()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert client.sandbox.settings.token.encode() not in path.read_bytes()


def test_a_listener_hears_of_a_request_before_its_answer(tmp_path: Path) -> None:
    heard: list[RequestRecord] = []
    with Sandbox(tmp_path / "sandbox", on_request=heard.append) as sandbox:
        requests.get(sandbox.base_url + "/nowhere", timeout=30)
        assert [(record.status, record.path) for record in heard] == [(404, "/client/v4/nowhere")]
        assert tuple(heard) == sandbox.account.requests()


def test_a_listener_that_fails_ends_its_connection_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(record: RequestRecord) -> None:
        raise RuntimeError(record.path)

    with Sandbox(tmp_path / "sandbox", on_request=fail) as sandbox:
        for _ in range(2):
            with pytest.raises(requests.ConnectionError):
                requests.get(sandbox.base_url, timeout=30)
        assert len(sandbox.account.requests()) == 2
    assert capfd.readouterr() == ("", "")


def test_eight_threads_creating_at_once_are_all_recorded(serve: Serve) -> None:
    client = serve(quota=200)

    def create(worker: int) -> list[str]:
        # A session is not for several threads.
        with requests.Session() as session:
            own = Client(client.sandbox, session)
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {client.sandbox.settings.token}"
            names = [f"bot-{worker}-{number}" for number in range(25)]
            return [own.create(name).json()["result"]["id"] for name in names]

    with ThreadPoolExecutor(8) as pool:
        ids = [created for batch in pool.map(create, range(8)) for created in batch]
    assert len(set(ids)) == 200
    assert {finetune.id for finetune in client.sandbox.account.finetunes()} == set(ids)
    assert {record.outcome for record in client.sandbox.account.requests()} == set(ids)


def test_two_sandboxes_on_one_folder_share_the_quota(serve: Serve) -> None:
    clients = [serve(quota=30), serve(quota=30)]

    def create(client: Client) -> list[int]:
        return [client.create(f"bot-{number}").status_code for number in range(20)]

    with ThreadPoolExecutor(2) as pool:
        statuses = [status for batch in pool.map(create, clients) for status in batch]
    assert sorted(statuses) == [200] * 30 + [400] * 10
    assert len(clients[0].sandbox.account.finetunes()) == 30


def test_latency_outlasts_an_impatient_client_and_stop_cuts_it_short(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "sandbox", SandboxSettings(latency=600))
    sandbox.start()
    with pytest.raises(requests.ReadTimeout):
        requests.get(sandbox.base_url, timeout=0.2)
    sandbox.stop()
    with Account(tmp_path / "sandbox", sandbox.settings.account_id) as account:
        assert [record.status for record in account.requests()] == [404]


def test_stop_ends_idle_connections(client: Client) -> None:
    client.get_list()
    base_url = client.sandbox.base_url
    client.sandbox.stop()
    with pytest.raises(requests.ConnectionError):
        client.session.get(base_url, timeout=30)


def test_stop_leaves_no_thread_behind(client: Client) -> None:
    client.get_list()
    client.sandbox.stop()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if "process_request" in name]


def test_stop_twice_is_harmless(client: Client) -> None:
    client.sandbox.stop()
    client.sandbox.stop()


def test_a_sandbox_that_is_not_running_has_neither_url_nor_account(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "sandbox")
    with pytest.raises(SandboxError, match="not running"):
        _ = sandbox.base_url
    with pytest.raises(SandboxError, match="not running"):
        _ = sandbox.account


def test_the_data_folder_is_private(client: Client, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "sandbox").stat().st_mode) == 0o700


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "::1"])
def test_loopback_addresses_are_served(tmp_path: Path, host: str) -> None:
    with Sandbox(tmp_path / "sandbox", host=host) as sandbox:
        assert requests.get(sandbox.base_url, timeout=30).status_code == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::", "example.com", "", "127.1"])
def test_other_addresses_are_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(SandboxError, match="not a loopback address"):
        Sandbox(tmp_path / "sandbox", host=host)


def test_a_port_in_use_is_an_error_with_a_way_out(client: Client, tmp_path: Path) -> None:
    port = int(client.sandbox.base_url.split(":")[2].split("/")[0])
    with pytest.raises(SandboxError, match="Address already in use") as caught:
        Sandbox(tmp_path / "other", port=port).start()
    assert "another port" in caught.value.hint


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_is_none_is_an_error(tmp_path: Path, port: int) -> None:
    with pytest.raises(SandboxError, match="can't listen on"):
        Sandbox(tmp_path / "sandbox", port=port).start()


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "sandbox").write_text("")
    with pytest.raises(SandboxError, match="can't keep its data in"):
        Sandbox(tmp_path / "sandbox").start()


def test_a_database_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox/sandbox.db").write_bytes(b"no database" * 100)
    with pytest.raises(SandboxError, match="file is not a database"):
        Sandbox(tmp_path / "sandbox").start()


def test_a_database_of_a_newer_version_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    database = sqlite3.connect(tmp_path / "sandbox/sandbox.db")
    database.execute("PRAGMA user_version = 2")
    database.close()
    with pytest.raises(SandboxError, match="it has version 2, this program 1"):
        Sandbox(tmp_path / "sandbox").start()
