"""290 MB from a source to the account: peak memory; eight at once; a cache that is warm."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import requests
import trustme

from reconciler.model import CONFIG_FILE, WEIGHTS_FILE
from tests.benchmarks.projects import MODEL, account
from tests.benchmarks.report import COMMAND, Row
from tests.benchmarks.upload import peak, write_adapter
from tests.sources.servers import Files, Hub, serving

BANDWIDTH = 50_000_000
Sources = dict[str, tuple[str, dict[str, str]]]
"""Address and pins by logical name."""


def measure() -> Iterator[Row]:
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        web, hub = Files(), Hub()
        base = stack.enter_context(serving(web, authority))
        hub_base = stack.enter_context(serving(hub, authority))
        hub.cdn = hub_base.replace("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(str(folder / "authority.pem"))
        env = {
            "REQUESTS_CA_BUNDLE": str(folder / "authority.pem"),
            "RECONCILER_PRIVATE_SOURCES": "localhost,127.0.0.1",
            "HF_ENDPOINT": hub_base,
        }
        weights = write_adapter(folder / "adapter")
        yield Row("adapter", weights.stat().st_size / 1e6, "MB")
        digests = _pins(folder / "adapter")
        web.put(folder / "adapter", "bot")
        commit = hub.commit("acme/bot", folder / "adapter")

        https = {"bot": (f"{base}/bot", digests)}
        _, used = _apply(folder / "https", env, https)
        yield Row("https to account, peak memory", used / 2**20, "MiB", 64)
        web.log.clear()
        _, used = _apply(folder / "https", env, https)
        yield Row("the same from a warm cache, peak memory", used / 2**20, "MiB", 64)
        yield Row("the same, requests to the source", len(web.log), "", 0)
        _, used = _apply(folder / "hub", env, {"bot": (f"hf://acme/bot@{commit}", digests)})
        yield Row("hub to account, peak memory", used / 2**20, "MiB", 64)
        _, used = _apply(
            folder / "bucket",
            env | _bucket(stack, folder / "adapter"),
            {"bot": ("s3://adapters/bot", digests)},
        )
        yield Row("bucket to account, peak memory", used / 2**20, "MiB", 64)
        yield from _eight(folder, env, web, base)


def _bucket(stack: ExitStack, adapter: Path) -> dict[str, str]:
    """Put an adapter into a bucket; returns the environment that finds it."""
    import obstore
    from moto.server import ThreadedMotoServer
    from obstore.store import S3Store

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    stack.callback(server.stop)
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
    requests.put(f"{endpoint}/adapters", timeout=30).raise_for_status()
    store = S3Store(
        "adapters",
        config={"endpoint": endpoint, "access_key_id": "x", "secret_access_key": "x"},
        client_options={"allow_http": True},
    )
    for path in adapter.iterdir():
        obstore.put(store, f"bot/{path.name}", path)
    return {**keys, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1"}


def _eight(folder: Path, env: dict[str, str], web: Files, base: str) -> Iterator[Row]:
    """Eight different adapters of 37 MB, within one bandwidth."""
    sources = {}
    total = 0
    for number in range(8):
        weights = write_adapter(folder / f"adapter-{number}", layers=18)
        web.put(weights.parent, f"bot-{number}")
        sources[f"bot-{number}"] = (f"{base}/bot-{number}", _pins(weights.parent))
        total += 2 * weights.stat().st_size
    seconds, used = _apply(folder / "eight", env, sources, f"max_bytes_per_second: {BANDWIDTH}")
    yield Row("eight at once, peak memory", used / 2**20, "MiB", 64)
    yield Row("eight at once, of the bandwidth", total / seconds / BANDWIDTH, "x", 1.0)


def _pins(folder: Path) -> dict[str, str]:
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (CONFIG_FILE, WEIGHTS_FILE)
    }


def _apply(
    folder: Path,
    env: dict[str, str],
    sources: Sources,
    more: str = "",
) -> tuple[float, int]:
    """Seconds and peak bytes of an apply to a new account."""
    folder.mkdir(exist_ok=True)
    (folder / "reconciler.state.json").unlink(missing_ok=True)
    allowed = sorted({"hf://acme"} | {_place(address) for address, _ in sources.values()})
    settings = f"version: 1\nparallelism: 8\nsources: {{allow: {allowed}}}\n{more}\n"
    (folder / "reconciler.yaml").write_text(settings)
    text = "version: 1\nfinetunes:\n"
    for name, (address, digests) in sources.items():
        text += f'  {name}:\n    model: "{MODEL}"\n    adapter:\n      source: {address}\n'
        text += "      sha256:\n"
        text += "".join(f"        {file}: {digest}\n" for file, digest in digests.items())
    (folder / "finetunes.yaml").write_text(text)
    os.sync()
    with account() as (_, own):
        began = time.perf_counter()
        arguments = [*COMMAND, "apply", "--auto-approve", "--parallelism", "8"]
        used = peak(arguments, folder, {**env, **own})
        return time.perf_counter() - began, used


def _place(address: str) -> str:
    return "/".join(address.split("/")[:3])
