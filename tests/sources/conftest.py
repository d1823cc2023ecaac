"""A project whose adapters live elsewhere: behind https, on a hub, in a bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from reconciler.model import CONFIG_FILE, WEIGHTS_FILE
from tests.adapters.support import ready
from tests.cli.conftest import Project, project, serve
from tests.sources.servers import Files, Hub, serving
from tests.stores.places import SERVERS, Served

__all__ = ["project", "serve"]


@pytest.fixture(scope="session")
def _s3() -> Iterator[Served]:
    with SERVERS["s3"]() as served:
        yield served


@pytest.fixture
def s3(_s3: Served, monkeypatch: pytest.MonkeyPatch) -> str:
    """The endpoint of an S3 server that the environment points to."""
    for name, value in _s3.environment.items():
        monkeypatch.setenv(name, value)
    return _s3.endpoint


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the test's authority, and allow sources on this machine."""
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("RECONCILER_PRIVATE_SOURCES", "localhost,127.0.0.1")


class Web(Files):
    """A server of files, and what it is called."""

    base = ""

    @property
    def place(self) -> str:
        return self.base.removeprefix("https://")


@pytest.fixture
def web(authority: trustme.CA, trusted: None) -> Iterator[Web]:
    site = Web()
    with serving(site, authority) as site.base:
        yield site


@pytest.fixture
def hub(authority: trustme.CA, trusted: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on localhost, which keeps large files on 127.0.0.1, another host."""
    site = Hub()
    with serving(site, authority) as base:
        site.cdn = base.replace("localhost", "127.0.0.1")
        monkeypatch.setenv("HF_ENDPOINT", base)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield site


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """The folder of a good adapter, outside of the project."""
    return ready(tmp_path)


def pins(folder: Path) -> dict[str, str]:
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (CONFIG_FILE, WEIGHTS_FILE)
    }


def declare(project: Project, allow: str, **sources: tuple[str, dict[str, str]]) -> None:
    """Write reconciler.yaml and a manifest: addresses and pins by logical name."""
    project.write(f"version: 1\nsources: {{allow: [{allow}]}}\n", "reconciler.yaml")
    entries = [
        f"{name}: {{adapter: {{source: {address}, sha256: "
        f"{{{', '.join(f'{file}: {digest}' for file, digest in digests.items())}}}}}}}"
        for name, (address, digests) in sources.items()
    ]
    project.declare(*entries)


def uploaded(project: Project, name: str) -> dict[str, str]:
    """The digests of what the account got, by file name."""
    (found,) = [one for one in project.box.account.finetunes() if one.name == name]
    assets = project.box.account.assets(found.id)
    return {asset.file_name: asset.sha256 for asset in assets}
