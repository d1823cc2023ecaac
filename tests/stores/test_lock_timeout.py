"""--lock-timeout: seconds, or what Terraform's -lock-timeout takes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from reconciler.cli.main import run
from reconciler.stores import open_store, waiting
from tests.stores.backend_server import Backend
from tests.stores.contender import info


def waited(server: Backend, timeout: str) -> int:
    """Edit a state whose lock another has, with a clock that only waiting moves on."""
    address = f"{server.url}/state/prod"
    with open_store(address, Path.cwd()).lock(info(), 0):
        return run(["state", "rm", "bot", "--state", address, "--lock-timeout", timeout])


@pytest.fixture(autouse=True)
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited so far."""
    monkeypatch.chdir(tmp_path)
    now = [0.0]
    clock = SimpleNamespace(
        monotonic=lambda: now[0], sleep=lambda seconds: now.append(now.pop() + seconds)
    )
    monkeypatch.setattr(waiting, "time", clock)
    monkeypatch.setattr(waiting, "LONGEST_PAUSE", 600.0)
    return now


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", "60"),
        ("0.5", "0.5"),
        ("60s", "60"),
        ("0.5s", "0.5"),
        ("1m", "60"),
        ("1m30s", "90"),
        ("1h1m1.5s", "3661.5"),
        ("2h0m0s", "7200"),
    ],
)
def test_a_lock_is_waited_for_as_long_as_is_said(
    http_backend: Backend,
    text: str,
    seconds: str,
    capsys: pytest.CaptureFixture[str],
    clock: list[float],
) -> None:
    assert waited(http_backend, text) == 1
    assert clock == [pytest.approx(float(seconds))]
    said = " ".join(capsys.readouterr().err.split())
    assert "error[R408]" in said
    assert f"(waited {seconds} s)" in said


@pytest.mark.parametrize("text", ["", "s", "m1", "-1s", "-1", "1m1h", "1 m", "100ms", "1d", "nan"])
def test_what_is_no_time_is_refused(
    http_backend: Backend, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert waited(http_backend, text) == 1
    said = capsys.readouterr().err
    assert "--lock-timeout" in said
    assert "R408" not in said
