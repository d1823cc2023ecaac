"""A sandbox per test, and a plain HTTP client for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.sandbox import Sandbox, SandboxSettings

LORA_MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"


@dataclass(frozen=True, slots=True)
class Client:
    """Sends requests to a sandbox with a session that takes nothing from the environment."""

    sandbox: Sandbox
    session: requests.Session

    @property
    def finetunes_path(self) -> str:
        return f"/accounts/{self.sandbox.settings.account_id}/ai/finetunes"

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one request to a path below the base URL."""
        return self.session.request(method, self.sandbox.base_url + path, timeout=30, **options)

    def get_list(self, **query: str) -> requests.Response:
        return self.send("GET", self.finetunes_path, params=query)

    def names(self) -> list[str]:
        return [finetune["name"] for finetune in self.get_list().json()["result"]]

    def create(self, name: str, **more: object) -> requests.Response:
        return self.send(
            "POST", self.finetunes_path, json={"model": LORA_MODEL, "name": name} | more
        )

    def upload(self, finetune: str, file_name: str, content: bytes) -> requests.Response:
        return self.send(
            "POST",
            f"{self.finetunes_path}/{finetune}/finetune-assets",
            data={"file_name": file_name},
            files={"file": content},
        )


Serve = Callable[..., Client]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start sandboxes on one folder, with given settings; the test's end stops them."""
    running: list[Client] = []

    def start(**settings: Any) -> Client:
        sandbox = Sandbox(tmp_path / "sandbox", SandboxSettings(**settings))
        sandbox.start()
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {sandbox.settings.token}"
        running.append(Client(sandbox, session))
        return running[-1]

    yield start
    for client in running:
        client.session.close()
        client.sandbox.stop()


@pytest.fixture
def client(serve: Serve) -> Client:
    """A client of a sandbox with default settings."""
    return serve()


def errors(response: requests.Response) -> list[tuple[int | None, str]]:
    """Return the (code, message) pairs of a refusal, checking its envelope."""
    body = response.json()
    assert body["success"] is False
    assert body["result"] is None
    assert body["messages"] == []
    return [(error.get("code"), error["message"]) for error in body["errors"]]
