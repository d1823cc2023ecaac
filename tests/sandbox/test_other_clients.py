"""Other people's clients of this API talk to the sandbox: Cloudflare's Python SDK and wrangler."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cloudflare
import pytest

from tests.sandbox.conftest import LORA_MODEL, Client


@pytest.fixture
def sdk(client: Client) -> Iterator[cloudflare.Cloudflare]:
    settings = client.sandbox.settings
    with cloudflare.Cloudflare(
        api_token=settings.token, base_url=client.sandbox.base_url
    ) as connected:
        yield connected


def test_the_sdk_creates_and_lists(client: Client, sdk: cloudflare.Cloudflare) -> None:
    account_id = client.sandbox.settings.account_id
    created = sdk.ai.finetunes.create(
        account_id=account_id, model=LORA_MODEL, name="bot", description="d", public=True
    )
    (recorded,) = client.sandbox.account.finetunes()
    assert (created.id, created.name, created.public) == (recorded.id, "bot", True)
    # The SDK declares one object, as the OpenAPI document does; what it hands out is the array.
    listed = json.loads(
        sdk.ai.finetunes.with_raw_response.list(account_id=account_id).http_response.text
    )["result"]
    assert [finetune["id"] for finetune in listed] == [created.id]
    assert created.created_at.isoformat() == recorded.created_at.replace("Z", "+00:00")


def test_the_sdk_uploads_both_assets(
    client: Client, sdk: cloudflare.Cloudflare, tmp_path: Path
) -> None:
    account_id = client.sandbox.settings.account_id
    finetune_id = client.sandbox.account.create("bot", LORA_MODEL).id
    weights = tmp_path / "weights"
    weights.write_bytes(os.urandom(300_000))
    with weights.open("rb") as file:
        answers = [
            sdk.ai.finetunes.assets.create(
                finetune_id,
                account_id=account_id,
                file=file,
                file_name="adapter_model.safetensors",
            ),
            sdk.ai.finetunes.assets.create(
                finetune_id, account_id=account_id, file=b"{}", file_name="adapter_config.json"
            ),
        ]
    assert [answer.success for answer in answers] == [True, True]
    config, model = client.sandbox.account.assets(finetune_id)
    assert config.path.read_bytes() == b"{}"
    assert model.path.read_bytes() == weights.read_bytes()


def test_the_sdk_lists_public_finetunes(client: Client, sdk: cloudflare.Cloudflare) -> None:
    page = sdk.ai.finetunes.public.list(
        account_id=client.sandbox.settings.account_id, limit=2, offset=1, order_by="name"
    )
    assert [finetune.name for finetune in page] == [
        "cf-public-jigsaw-classification",
        "cf-public-magicoder",
    ]


def test_the_sdk_verifies_a_token(client: Client, sdk: cloudflare.Cloudflare) -> None:
    verified = sdk.user.tokens.verify()
    assert verified is not None
    assert verified.status == "active"
    owned = sdk.accounts.tokens.verify(account_id=client.sandbox.settings.account_id)
    assert owned is not None
    assert owned.status == "active"


def test_the_sdk_understands_a_refusal(client: Client, sdk: cloudflare.Cloudflare) -> None:
    with pytest.raises(cloudflare.BadRequestError) as refusal:
        sdk.ai.finetunes.create(
            account_id=client.sandbox.settings.account_id, model="nothing", name="bot"
        )
    assert [error.code for error in refusal.value.errors] == [5007]


def test_the_sdk_accepts_an_email_with_its_key(client: Client) -> None:
    settings = client.sandbox.settings
    with cloudflare.Cloudflare(
        api_email=settings.email, api_key=settings.api_key, base_url=client.sandbox.base_url
    ) as connected:
        connected.ai.finetunes.create(account_id=settings.account_id, model=LORA_MODEL, name="bot")
    assert len(client.sandbox.account.finetunes()) == 1


def find_wrangler() -> str:
    """Return the path of wrangler, or skip."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    folder = os.environ.get("RECONCILER_TEST_WRANGLER")
    path = str(Path(folder, "node_modules/.bin")) if folder else None
    found = shutil.which("wrangler", path=path)
    if found is None:
        pytest.skip("wrangler is neither under RECONCILER_TEST_WRANGLER nor on PATH")
    return found


def wrangler(client: Client, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run wrangler against the sandbox, with nothing from this machine and nothing sent home."""
    settings = client.sandbox.settings
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "CI": "true",
        "CLOUDFLARE_API_BASE_URL": client.sandbox.base_url,
        "CLOUDFLARE_API_TOKEN": settings.token,
        "CLOUDFLARE_ACCOUNT_ID": settings.account_id,
        "WRANGLER_SEND_METRICS": "false",
        "WRANGLER_SEND_ERROR_REPORTS": "false",
        "WRANGLER_HIDE_BANNER": "true",
        "WRANGLER_LOG_PATH": str(home / "logs"),
        "NO_COLOR": "1",
    }
    return subprocess.run(
        [find_wrangler(), *arguments],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@pytest.mark.needs_system
def test_wrangler_lists_finetunes(client: Client, tmp_path: Path) -> None:
    find_wrangler()
    created = client.create("support-bot", description="Answers tickets.").json()["result"]
    listed = wrangler(client, tmp_path, "ai", "finetune", "list", "--json")
    assert json.loads(listed.stdout) == [
        {key: value for key, value in created.items() if key != "public"}
    ]


@pytest.mark.needs_system
def test_wrangler_creates_a_finetune_with_its_assets(client: Client, tmp_path: Path) -> None:
    find_wrangler()
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(os.urandom(100_000))
    wrangler(client, tmp_path, "ai", "finetune", "create", LORA_MODEL, "bot", str(adapter))
    (finetune,) = client.sandbox.account.finetunes()
    assert (finetune.name, finetune.description) == ("bot", "")
    for asset in client.sandbox.account.assets(finetune.id):
        assert asset.path.read_bytes() == (adapter / asset.file_name).read_bytes()
    assert len(client.sandbox.account.assets(finetune.id)) == 2
