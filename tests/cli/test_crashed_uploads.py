"""Row 7: the command is killed in the middle of a file, and the next apply finishes it.

The account reads a part of the body and then kills the sender, so that it is certain where it
died. The weights are larger than all buffers on the way: a part of them was never sent.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.adapters.support import pair, put_weights, ready
from tests.cli.conftest import Project
from tests.cli.test_protocol import TOKEN, apply, server, state_of
from tests.faults.server import ACCOUNT_ID, Exchange, FaultServer, Reaction, answer_truly

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

__all__ = ["server"]


@pytest.fixture
def adapter(project: Project) -> Path:
    """An adapter of 12 MB, and a manifest that names it."""
    folder = ready(project.folder)
    put_weights(
        folder,
        {
            name: shape
            for layer in range(24)
            for target in ("q_proj", "v_proj")
            for name, shape in pair(
                f"model.layers.{layer}.self_attn.{target}", width=4096, dtype="F32"
            ).items()
        },
    )
    weights = folder / WEIGHTS
    raw = weights.read_bytes()
    # Zeros would look alike wherever they were cut off.
    pattern = hashlib.sha256(b"pattern").digest()
    weights.write_bytes(raw[:20_000] + (pattern * (len(raw) // 32 + 1))[: len(raw) - 20_000])
    project.declare("a: {adapter: mistral}")
    return folder


@dataclass(frozen=True, slots=True)
class Killer:
    """Applies, and lets the account kill it while it sends a file."""

    project: Project
    server: FaultServer

    def kill(self, after: int, *answered: Reaction) -> None:
        """Answer some uploads, and kill it so many bytes into the next one."""
        process: list[subprocess.Popen[str]] = []

        def kill(exchange: Exchange) -> bool:
            # The system would take in all of it on the account's behalf, given the time.
            exchange.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
            exchange.read_body(after)
            os.kill(process[0].pid, signal.SIGKILL)
            # What was under way when it died still arrives; it is no whole request.
            exchange.read_body()
            return False

        self.server.script("upload", *answered, kill)
        process.append(self.project.spawn("apply", "--auto-approve", "--settle-timeout", "0"))
        out, err = process[0].communicate(timeout=60)
        assert process[0].returncode == -signal.SIGKILL, out + err
        assert TOKEN not in out + err
        self.server.wait_for_end(self.server.connections)
        assert not self.server.received("upload")[-1].complete


@pytest.fixture
def killer(project: Project, server: FaultServer) -> Killer:
    project.environment = {
        "CLOUDFLARE_API_BASE_URL": server.base_url,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID,
        "CLOUDFLARE_API_TOKEN": TOKEN,
    }
    return Killer(project, server)


def statuses(project: Project) -> dict[str, str]:
    """What the state says of the two files."""
    (record,) = state_of(project)["finetunes"].values()
    return {name: asset["status"] for name, asset in record["assets"].items()}


def stored(server: FaultServer) -> dict[str, bytes]:
    """The files of the one finetune, as the account took them in."""
    (finetune,) = server.account.finetunes
    assert set(server.account.assets) <= {finetune["id"]}
    return server.account.assets[finetune["id"]]


def on_disk(adapter: Path) -> dict[str, bytes]:
    return {name: (adapter / name).read_bytes() for name in (CONFIG, WEIGHTS)}


def file_part(body: bytes) -> bytes:
    """What a multipart body has of the file, without what frames it."""
    start = body.index(b"\r\n\r\n", body.index(b'name="file";')) + 4
    return body[start:]


def test_row_7_killed_in_the_weights_only_they_are_sent_again(
    project: Project, server: FaultServer, adapter: Path, killer: Killer
) -> None:
    killer.kill(1_000_000, answer_truly)

    assert statuses(project) == {CONFIG: "uploaded", WEIGHTS: "pending"}
    partial = file_part(server.received("upload")[-1].body)
    assert 0 < len(partial) < len(on_disk(adapter)[WEIGHTS])
    assert on_disk(adapter)[WEIGHTS].startswith(partial)
    planned = project.run("plan", "--detailed-exitcode")
    assert planned.code == 2
    assert "1 to upload" in planned.out
    before = server.count("upload")

    assert apply(project).code == 0

    (again,) = server.received("upload")[before:]
    assert again.target == server.received("upload")[0].target
    assert again.complete
    assert file_part(again.body).startswith(on_disk(adapter)[WEIGHTS])
    assert stored(server) == on_disk(adapter)
    assert server.count("create") == 1
    project.is_converged()


def test_row_7_killed_again_in_the_same_file(
    project: Project, server: FaultServer, adapter: Path, killer: Killer
) -> None:
    killer.kill(1_000_000, answer_truly)
    before = server.count("upload")
    # The configuration is acknowledged: the weights are all that this one has to send.
    killer.kill(2_000_000)

    assert apply(project).code == 0

    assert server.count("upload") == before + 2
    assert stored(server) == on_disk(adapter)
    assert server.count("create") == 1
    project.is_converged()


def test_row_7_changed_between_the_kill_and_the_rerun_not_a_byte_is_sent(
    project: Project, server: FaultServer, adapter: Path, killer: Killer
) -> None:
    killer.kill(1_000_000, answer_truly)
    right = (adapter / WEIGHTS).read_bytes()
    wrong = bytearray(right)
    wrong[-1] ^= 1
    (adapter / WEIGHTS).write_bytes(wrong)
    before = server.count("upload")

    planned = project.run("plan", "--detailed-exitcode")
    refused = apply(project)

    assert planned.code == refused.code == 1
    assert WEIGHTS in planned.out + planned.err
    assert server.count("upload") == before
    assert set(stored(server)) == {CONFIG}

    (adapter / WEIGHTS).write_bytes(right)
    assert apply(project).code == 0
    assert server.count("upload") == before + 1
    assert stored(server) == on_disk(adapter)
    assert server.count("create") == 1
    project.is_converged()


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_row_7_gone_between_the_kill_and_the_rerun_nothing_is_sent(
    project: Project, server: FaultServer, adapter: Path, killer: Killer, name: str
) -> None:
    killer.kill(1_000_000, answer_truly)
    kept = (adapter / name).read_bytes()
    (adapter / name).unlink()
    before = server.count("upload")

    assert apply(project).code == 1
    assert server.count("upload") == before

    (adapter / name).write_bytes(kept)
    assert apply(project).code == 0
    assert stored(server) == on_disk(adapter)
    project.is_converged()
