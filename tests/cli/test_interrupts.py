"""Signals and kills: what is under way ends and is recorded, and a rerun converges."""

from __future__ import annotations

import re
import signal
import subprocess
import time

import pytest

from tests.cli.conftest import Project, Serve, use


def wait_for_creates(project: Project, number: int, process: subprocess.Popen[str]) -> None:
    while project.creates() < number:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_rows_9_and_10_once_ends_in_order(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    use(project, serve(latency=0.05), monkeypatch)
    project.declare(*(f"f{index}" for index in range(60)))
    process = project.spawn("apply", "--auto-approve")
    wait_for_creates(project, 5, process)

    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "not attempted" in out
    recorded = len(project.run("state", "list").out.splitlines())
    assert recorded == len(project.names) == project.creates() < 60
    assert project.apply().code == 0
    assert project.creates() == len(project.names) == 60


def test_row_9_twice_is_as_a_kill(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(project, serve(latency=0.3), monkeypatch)
    project.declare(*(f"f{index}" for index in range(20)))
    process = project.spawn("apply", "--auto-approve")
    wait_for_creates(project, 4, process)

    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    # As a kill, unless the calls under way had ended before the second signal came.
    assert process.returncode in (130, -signal.SIGINT)
    assert_recovers(project)


def test_row_3_killed_at_any_moment(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(project, serve(latency=0.05), monkeypatch)
    project.declare(*(f"f{index}" for index in range(20)))
    process = project.spawn("apply", "--auto-approve")
    wait_for_creates(project, 6, process)

    process.kill()
    process.communicate(timeout=60)

    assert_recovers(project)


def assert_recovers(project: Project) -> None:
    """Rerun; what the account shows is adopted, and a person says the rest was never sent."""
    result = project.run("apply", "--auto-approve", "--settle-timeout", "1")
    if result.code == 3:
        told = project.run("resolve", "--all", "--retry")
        if told.code:
            # Some were executed meanwhile; the message says which, and what to do.
            for command in re.findall(r"reconciler (resolve \S+ --adopt \S+)", told.err):
                assert project.run(*command.split()).code == 0
            told = project.run("resolve", "--all", "--retry")
        assert told.code == 0 or "R707" in told.err, told.err
        result = project.run("apply", "--auto-approve")
    assert result.code == 0, result.err
    project.is_converged()
    assert project.creates() == len(project.names) == len(set(project.names)) == 20


def test_row_10_the_reader_of_the_output_goes_away(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(project, serve(latency=0.05), monkeypatch)
    project.declare(*(f"f{index}" for index in range(60)))
    process = project.spawn("apply", "--auto-approve")
    assert process.stdout is not None
    assert process.stderr is not None
    wait_for_creates(project, 4, process)

    process.stderr.close()
    process.wait(timeout=60)
    process.stdout.close()

    assert process.returncode == 130
    assert project.apply().code == 0
    assert project.creates() == len(project.names) == 60


def test_row_47_the_second_apply_names_the_holder(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(project, serve(latency=0.1), monkeypatch)
    project.declare(*(f"f{index}" for index in range(12)))
    process = project.spawn("apply", "--auto-approve")
    wait_for_creates(project, 1, process)

    second = project.run("apply", "--auto-approve")
    assert second.code == 1
    assert "R408" in second.err
    assert f"process {process.pid}" in second.err.replace("\n  ", " ")

    third = project.run("apply", "--auto-approve", "--lock-timeout", "60")
    process.communicate(timeout=60)
    assert third.code == process.returncode == 0
    assert project.creates() == 12
