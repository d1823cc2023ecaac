"""Rows 36 to 40 through the real command: strace makes its calls fail, or the disk is full.

tests/explore lets every call fail in turn; here it is a whole process with what it prints.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Project, Result
from tests.cli.test_protocol import TOKEN, server, state_of
from tests.faults.server import ACCOUNT_ID, Exchange, FaultServer, Reaction
from tests.internal import failed_internally
from tests.uncovered import without_coverage

STATE = "reconciler.state.json"
needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed; it makes system calls fail"
)

__all__ = ["server"]


@pytest.fixture(autouse=True)
def environment(project: Project, server: FaultServer, tmp_path: Path) -> None:
    project.environment = {
        "CLOUDFLARE_API_BASE_URL": server.base_url,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID,
        "CLOUDFLARE_API_TOKEN": TOKEN,
        # Modules that are compiled meanwhile would be renames, too.
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(tmp_path),
    }


def apply_under(project: Project, *faults: str) -> Result:
    """Apply in a process whose system calls fail; `CALL:error=NAME:when=N` each.

    The saves are made by one thread, so that N counts theirs alone: two syncs and one rename
    a save, of which the first is the intent's and the second the id's.
    """
    log = project.folder.parent / "strace.log"
    tracer = ["strace", "-f", "-qq", "-o", str(log), "-e", "trace=fsync,/^rename"]
    for fault in faults:
        tracer += ["-e", f"inject={fault}"]
    command = [sys.executable, "-m", "reconciler", "apply", "--auto-approve"]
    done = subprocess.run(
        [*tracer, *command, "--settle-timeout", "0"],
        cwd=project.folder,
        env={**os.environ, **project.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "INJECTED" in log.read_text()
    assert TOKEN not in done.stdout + done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


def is_untouched(project: Project, server: FaultServer) -> bool:
    """Nothing was sent, nothing is recorded, and nothing half-made is left."""
    left = {path.name for path in project.folder.iterdir()} - {"finetunes.yaml", f"{STATE}.lock"}
    if left == {STATE}:
        # A disk that failed once lets the run save at its end that there is no intent.
        document = state_of(project)
        assert document["pending"] == document["finetunes"] == {}
        left.clear()
    return server.count("create") == 0 and not left


def finishes(project: Project, server: FaultServer, creates: int = 1) -> bool:
    """The disk is well again: one more apply does the rest, and a plan has no changes."""
    assert project.apply().code == 0
    return server.count("create") == creates == len(server.account.finetunes)


INTENT_FAILS = [
    "fsync:error=EIO:when=1",
    "fsync:error=ENOSPC:when=1",
    "fsync:error=EIO:when=1+",
]


@needs_strace
@pytest.mark.parametrize("fault", INTENT_FAILS)
def test_rows_36_and_40_an_intent_that_cannot_be_synced_is_not_sent(
    project: Project, server: FaultServer, fault: str
) -> None:
    project.declare("a")

    result = apply_under(project, fault)

    assert result.code == 1
    assert "R407" in result.err
    assert is_untouched(project, server)
    assert finishes(project, server)


@needs_strace
def test_row_40_an_intent_whose_name_cannot_be_synced_is_not_sent(
    project: Project, server: FaultServer
) -> None:
    project.declare("a")

    result = apply_under(project, "fsync:error=EIO:when=2")

    assert result.code == 1
    assert "R407" in result.err
    assert server.count("create") == 0
    # It may be there or not after a power cut; what is there now says the truth: not sent.
    assert finishes(project, server)


@needs_strace
@pytest.mark.parametrize("error", ["EXDEV", "EACCES", "EROFS"])
def test_row_38_an_intent_that_cannot_be_renamed_is_not_sent(
    project: Project, server: FaultServer, error: str
) -> None:
    project.declare("a")

    result = apply_under(project, f"/^rename:error={error}:when=1+")

    assert result.code == 1
    assert "R407" in result.err
    assert is_untouched(project, server)
    assert finishes(project, server)


@needs_strace
@pytest.mark.parametrize("error", ["EXDEV", "EACCES", "EROFS"])
def test_rows_37_and_38_an_id_that_cannot_be_saved_is_told_and_rescued(
    project: Project, server: FaultServer, error: str
) -> None:
    project.declare("a")

    result = apply_under(project, f"/^rename:error={error}:when=2+")

    assert result.code == 3
    assert is_told_and_rescued(project, server, result, project.folder)
    assert list(state_of(project)["pending"]) == ["finetune.a"]
    assert finishes(project, server)


@needs_strace
def test_row_37_an_id_that_can_be_saved_nowhere_is_told(
    project: Project, server: FaultServer
) -> None:
    project.declare("a")

    result = apply_under(project, "fsync:error=EIO:when=3+")

    (made,) = server.account.finetunes
    assert result.code == 3
    assert made["id"] in result.err
    assert finishes(project, server)


def is_told_and_rescued(
    project: Project, server: FaultServer, result: Result, folder: Path
) -> bool:
    (made,) = server.account.finetunes
    (rescue,) = folder.glob("reconciler.state.rescue.*")
    assert "R702" in result.err
    assert rescue.name in result.err.replace("\n  ", "")
    assert rescue.stat().st_mode & 0o777 == 0o600
    assert TOKEN not in rescue.read_text()
    return made["id"] in result.err and made["id"] in rescue.read_text()


@pytest.fixture
def small_disk(project: Project) -> Iterator[Path]:
    """The project in a file system of 256 KiB; returns what to fill it with."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(project.folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    os.chdir(project.folder)
    yield project.folder / "ballast"
    os.chdir(project.folder.parent)
    subprocess.run(["umount", str(project.folder)], check=True)


def fill(ballast: Path) -> None:
    """Write until nothing more fits, not even a byte."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return


def spawn(project: Project) -> Result:
    process = project.spawn("apply", "--auto-approve", "--settle-timeout", "0")
    out, err = process.communicate(timeout=60)
    return Result(process.returncode, out, err)


def test_row_36_a_full_disk_sends_nothing(
    project: Project, server: FaultServer, small_disk: Path
) -> None:
    project.declare("a")
    fill(small_disk)

    result = spawn(project)

    assert result.code == 1
    assert "No space left on device" in result.err
    assert server.count("create") == 0
    small_disk.unlink()
    assert finishes(project, server)


def answer_and_fill(ballast: Path) -> Reaction:
    def react(exchange: Exchange) -> bool:
        answer = exchange.execute()
        fill(ballast)
        exchange.sock.sendall(answer)
        return True

    return react


def test_row_37_a_disk_that_is_full_once_the_answer_is_there(
    project: Project, server: FaultServer, small_disk: Path, tmp_path: Path
) -> None:
    project.declare("a")
    server.script("create", answer_and_fill(small_disk))

    result = spawn(project)

    assert result.code == 3
    assert "No space left on device" in result.err
    assert is_told_and_rescued(project, server, result, tmp_path)
    small_disk.unlink()
    assert finishes(project, server)


# Of what Python tries, this leaves the working folder alone, which is full.
NO_TEMPORARY = """
for folder in /tmp /var/tmp /usr/tmp; do
  [ ! -d $folder ] || { mount --rbind $folder $folder && mount -o remount,bind,ro $folder; } || exit
done
exec env -u TMPDIR -u TEMP -u TMP "$@"
"""


def test_row_37_an_id_is_told_where_no_folder_takes_a_file(
    project: Project, server: FaultServer, small_disk: Path
) -> None:
    project.declare("a")
    server.script("create", answer_and_fill(small_disk))

    command = [sys.executable, "-m", "reconciler", "apply", "--auto-approve"]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", NO_TEMPORARY, "sh", *command],
        cwd=project.folder,
        # Coverage would say, too, that it cannot write beside a checkout in such a folder.
        env={**without_coverage(), **project.environment},
        capture_output=True,
        text=True,
        check=False,
    )

    (made,) = server.account.finetunes
    assert done.returncode == 3, done.stderr
    assert "R702" in done.stderr
    assert made["id"] in done.stderr
    assert not failed_internally(done.stderr)
    small_disk.unlink()
    assert finishes(project, server)
