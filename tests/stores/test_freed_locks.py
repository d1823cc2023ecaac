"""A lock that is freed by force in the middle of an apply is told as that, and as nothing else."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.stores import object_client, open_store
from tests.faults.server import ACCOUNT_ID, Exchange, FaultServer
from tests.stores.conftest import Serve

MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
APPLY = ["apply", "--auto-approve", "--parallelism", "1", "--settle-timeout", "0"]


@pytest.mark.parametrize("kind", ["s3", "postgresql", "http"])
def test_a_lock_freed_during_an_apply_is_told_as_lost(
    kind: str,
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(object_client, "FIRST_PAUSE", 0.01)
    lines = [f'  {name}: {{model: "{MODEL}"}}' for name in ("alpha", "beta")]
    Path("finetunes.yaml").write_text("\n".join(["version: 1", "finetunes:", *lines, ""]))
    address = f"{serve(kind).prefix}{uuid.uuid4()}"

    def free(exchange: Exchange) -> bool:
        store = open_store(address, tmp_path)
        holder = store.holder()
        assert holder is not None
        store.break_lock(holder.id)
        exchange.read_body()
        exchange.sock.sendall(exchange.execute())
        return True

    with FaultServer() as server:
        monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", server.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "a-token")
        server.script("create", free)
        code = run([*APPLY, "--state", address])
        said = "".join(capsys.readouterr())
        assert server.count("create") == 1
    told = set(re.findall(r"error\[(R4\d\d)\]", said))
    assert told == {"R410"}, said
    assert code == 3
