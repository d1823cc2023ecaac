"""What holds for every test: a clean environment, no network but loopback, no quiet skips in CI."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import settings

IN_CI = os.environ.get("CI") == "true"
_PREFIXES = ("CLOUDFLARE_", "CF_")
_NAMES = {
    "ALL_PROXY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "NETRC",
    "COLUMNS",
    "FORCE_COLOR",
    "NO_COLOR",
}

# No example is failed for being slow on a busy machine; CI sees the same ones in every run.
settings.register_profile("repository", deadline=None, derandomize=IN_CI)
settings.load_profile("repository")


def pytest_configure() -> None:
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name.upper() in _NAMES:
            del os.environ[name]
    _guard("connect")
    _guard("connect_ex")


def _guard(method: str) -> None:
    connect = getattr(socket.socket, method)

    def guarded(self: socket.socket, address: object) -> object:
        if not _is_local(self.family, address):
            pytest.fail(f"a test tried to connect to {address!r}; only loopback is allowed")
        return connect(self, address)

    setattr(socket.socket, method, guarded)


def _is_local(family: int, address: object) -> bool:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = str(address[0]) if isinstance(address, tuple) else ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _no_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _no_skip(report)


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _no_skip(report: Report) -> Report:
    """Fail what was skipped in CI, where everything that a test needs is installed.

    But for `optional_peer`: what no package registry has cannot be installed there.
    """
    if "optional_peer" in getattr(report, "keywords", ()):
        return report
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report
