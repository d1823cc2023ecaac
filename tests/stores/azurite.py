"""Microsoft's own emulator of Azure's blob storage, where node and its package are installed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

ACCOUNT = "devstoreaccount1"
# The key that every Azurite has, as its documentation says.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_API = "2023-11-03"
_BUILD = Path(__file__).parents[2] / "build/azurite"


def program() -> str | None:
    """The path of azurite-blob: where the Makefile puts it, else on PATH; None without it."""
    if shutil.which("node") is None:
        return None
    made = sorted(_BUILD.glob("*/node_modules/.bin/azurite-blob"))
    return str(made[-1]) if made else shutil.which("azurite-blob")


@contextmanager
def serving(program: str, container: str) -> Iterator[str]:
    """Serve on 127.0.0.1 from memory, with one container; yields the endpoint of the account."""
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"]
    command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as process:
        try:
            assert process.stdout is not None
            url = next(
                line.split()[-1] for line in process.stdout if "successfully listens" in line
            )
            make_container(f"{url}/{ACCOUNT}", container)
            yield f"{url}/{ACCOUNT}"
        finally:
            process.terminate()
            assert process.stdout is not None
            process.stdout.read()


def make_container(endpoint: str, name: str) -> None:
    """Create a container, which obstore cannot; signed with the account's key."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _API}
    lines = [f"{key}:{value}" for key, value in sorted(headers.items())]
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    text = "\n".join(["PUT", *[""] * 11, *lines, resource])
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    url = f"{endpoint}/{name}?restype=container"
    request = urllib.request.Request(url, method="PUT", headers=headers)
    urllib.request.urlopen(request).close()
