"""The outside of an apply under exploration: a project folder, an account, and their log.

The account survives its clients. Each create and each upload meets an outcome; what really
happened is known from the account alone, never from what the client says.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import socket
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from reconciler.state import encode_state, new_state
from tests.faults.server import (
    ACCOUNT_ID,
    Exchange,
    FaultServer,
    envelope_error,
    http_answer,
    reset_socket,
)

TOKEN = "v1.0-explored-token-9f8e7d6c5b4a"
MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
_ADAPTER = Path(__file__).parent.parent / "adapters" / "data" / "peft-0.21.2" / "mistral"
_FILES = ("adapter_config.json", "adapter_model.safetensors")


class Fate(Enum):
    """What becomes of a request that arrived whole."""

    ANSWERED = "executed and answered"
    LOST = "executed, the answer lost"
    LATE = "executed after the client died"
    LATER = "executed after the next run has looked"
    NEVER = "never executed"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to be created. size: how many finetunes, all at once unless it says otherwise.

    older: there is a state already, so that a save makes a backup first.
    """

    name: str
    size: int
    adapters: bool = False
    parallelism: int = 4
    older: bool = False


SCENARIOS = (
    Scenario("one create", 1),
    Scenario("three creates at once", 3),
    Scenario("one create with its adapter", 1, adapters=True),
    Scenario("two creates at once with adapters", 2, adapters=True),
    Scenario("two creates one after the other", 2, parallelism=1),
    Scenario("one create over an older state", 1, older=True),
)


class World:
    """One account and one project; `fates` are met by the next creates and uploads."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.scenario = scenario
        self.folder = folder
        self.names = [f"bot-{number}" for number in range(scenario.size)]
        self.requests: list[tuple[str, str]] = []
        self.fates: deque[Fate] = deque()
        self.fate = Fate.ANSWERED
        self.refuses_existing_assets = False
        self.unintended: list[str] = []
        self._late: list[Exchange] = []
        self.server = FaultServer()
        self.server.default = self._react
        self._write_project()

    def __enter__(self) -> World:
        self.server.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self.server.__exit__(*details)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            # A new interpreter runs the same copy of the package.
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            # A state that cannot be saved is rescued to there, if need be.
            "TMPDIR": str(self.folder.parent),
            # Modules that are compiled meanwhile would be renames and writes of no interest.
            "PYTHONDONTWRITEBYTECODE": "1",
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID,
            "CLOUDFLARE_API_BASE_URL": self.server.base_url,
        }

    @property
    def state_path(self) -> Path:
        return self.folder / "reconciler.state.json"

    @property
    def finetunes(self) -> list[dict[str, Any]]:
        """What the account really holds."""
        return self.server.account.finetunes

    def executed(self) -> Counter[str]:
        """How many finetunes of each name were created."""
        return Counter(finetune["name"] for finetune in self.finetunes)

    def sent(self) -> Counter[str]:
        """How many creates of each name arrived whole."""
        return Counter(name for operation, name in self.requests if operation == "create")

    def settle(self) -> None:
        """Wait until everything that a dead client had sent is taken in."""
        # Connections are accepted in order, so that after this one none is left waiting.
        with socket.create_connection(("127.0.0.1", self.server.port)) as probe:
            probe.sendall(b"GET /probe HTTP/1.1\r\nHost: x\r\n\r\n")
            probe.recv(1000)
        self.server.wait_for_end(self.server.connections)

    def execute_late(self) -> None:
        """Do now what was sent by clients that are gone."""
        for exchange in self._late:
            exchange.execute()
        self._late.clear()

    def wrong_assets(self) -> list[str]:
        """Say which finetunes lack a file of the project, or have another one."""
        if not self.scenario.adapters:
            return [f"{id_} was sent files" for id_ in self.server.account.assets]
        found = []
        for finetune in self.finetunes:
            stored = self.server.account.assets[finetune["id"]]
            for name in _FILES:
                if _digest(stored.get(name)) != _digest(self._file(finetune["name"], name)):
                    found.append(f"{finetune['name']} has another {name}, or none")
        return found

    def foreign_bytes(self) -> list[str]:
        """Say which stored files are not the project's, whole."""
        owners = {finetune["id"]: finetune["name"] for finetune in self.finetunes}
        return [
            f"{owners.get(id_)}/{name}"
            for id_, files in self.server.account.assets.items()
            for name, content in files.items()
            if id_ not in owners or _digest(content) != _digest(self._file(owners[id_], name))
        ]

    def texts(self) -> Iterable[tuple[str, bytes]]:
        """Every file that a run left in the project, apart from the manifest and adapters."""
        for path in self.folder.iterdir():
            if path.is_file() and path.suffix != ".yaml":
                yield path.name, path.read_bytes()

    def _file(self, finetune: str, name: str) -> bytes:
        return (self.folder / "adapters" / finetune / name).read_bytes()

    def _write_project(self) -> None:
        self.folder.mkdir(parents=True)
        lines = ["version: 1", "finetunes:"]
        for name in self.names:
            lines += [f"  {name}:", f'    model: "{MODEL}"', f"    description: Explores {name}."]
            if self.scenario.adapters:
                lines.append(f"    adapter: adapters/{name}")
                self._write_adapter(self.folder / "adapters" / name, name)
        (self.folder / "finetunes.yaml").write_text("\n".join(lines) + "\n")
        settings = f"version: 1\nparallelism: {self.scenario.parallelism}\n"
        (self.folder / "reconciler.yaml").write_text(settings)
        if self.scenario.older:
            self.state_path.write_bytes(encode_state(new_state(ACCOUNT_ID).following({}, {})))

    def _write_adapter(self, folder: Path, name: str) -> None:
        shutil.copytree(_ADAPTER, folder)
        config, weights = (folder / file for file in _FILES)
        # PEFT leaves model_type out. The finetune's name makes the files of two of them differ.
        content = json.loads(config.read_text()) | {"model_type": "mistral", "revision": name}
        config.write_text(json.dumps(content))
        tail = name.encode()
        weights.write_bytes(weights.read_bytes()[: -len(tail)] + tail)

    def _react(self, exchange: Exchange) -> bool:
        operation = exchange.request.operation
        if operation not in ("create", "upload"):
            exchange.sock.sendall(exchange.execute())
            return True
        exchange.read_body()
        if not exchange.request.complete:
            return False
        if operation == "create":
            self._look_for_intent(exchange.request.json["name"])
        self.requests.append((operation, _subject(exchange)))
        return self._meet(self.fates.popleft() if self.fates else self.fate, exchange)

    def _look_for_intent(self, name: str) -> None:
        """Read the state while the sender waits: it must say already that this is sent."""
        try:
            pending = json.loads(self.state_path.read_bytes())["pending"].values()
        except OSError as error:
            # The disk may be without power by now; what is on it is looked at afterwards.
            pending = () if error.errno != errno.EIO else None
        if pending is not None and name not in [i["attributes"]["name"] for i in pending]:
            self.unintended.append(name)

    def _meet(self, fate: Fate, exchange: Exchange) -> bool:
        if fate is Fate.ANSWERED:
            exchange.sock.sendall(self._execute(exchange))
            return True
        if fate is Fate.LOST:
            self._execute(exchange)
            reset_socket(exchange.sock)
        elif fate in (Fate.LATE, Fate.LATER):
            self._late.append(exchange)
        return False

    def _execute(self, exchange: Exchange) -> bytes:
        if self.refuses_existing_assets and exchange.request.operation == "upload":
            id_, _, name = _subject(exchange).partition("/")
            if name in self.server.account.assets[id_]:
                return http_answer(400, envelope_error(None, f"{name} already exists"))
        return exchange.execute()


def _subject(exchange: Exchange) -> str:
    request = exchange.request
    if request.operation == "create":
        return str(request.json["name"])
    id_ = request.target.split("/")[-2]
    name = next(name for name in _FILES if name.encode() in request.body[:1000])
    return f"{id_}/{name}"


def _digest(content: bytes | None) -> str:
    return hashlib.sha256(content).hexdigest() if content is not None else "nothing"
