"""Rows 41 to 44 and 46 through the real command: a state or an adapter that is not as it was."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.support import ready
from tests.cli.conftest import Project, Result, Serve, use
from tests.internal import failed_internally

STATE = "reconciler.state.json"


@pytest.fixture
def applied(project: Project) -> Path:
    """A state that records one finetune."""
    project.declare("a")
    assert project.apply().code == 0
    return project.folder / STATE


def refuses(project: Project, code: str) -> Result:
    """Plan and apply both say the code, and nothing is sent."""
    before = project.creates()
    for command in (["plan"], ["apply", "--auto-approve"]):
        result = project.run(*command)
        assert result.code == 1
        assert f"error[{code}]" in result.err
        assert "hint:" in result.err
    assert project.creates() == before
    return result


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda raw: b"",
    "torn": lambda raw: raw[: len(raw) // 2],
    "without its last byte": lambda raw: raw[:-2],
    "a bit flipped": lambda raw: raw[:9] + bytes([raw[9] ^ 1]) + raw[10:],
    "another name": lambda raw: raw.replace(b'"a"', b'"b"'),
    "zeros": lambda raw: b"\0" * len(raw),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_row_41_a_damaged_state_is_refused_and_kept(
    project: Project, applied: Path, damage: Callable[[bytes], bytes]
) -> None:
    good = applied.read_bytes()
    bad = damage(good)
    assert bad != good
    applied.write_bytes(bad)

    result = refuses(project, "R402")

    assert applied.read_bytes() == bad
    assert "state push copy.json --replace-damaged" in result.err
    applied.write_bytes(good)
    project.is_converged()


def test_row_41_a_lost_state_is_made_again_from_the_account(
    project: Project, applied: Path
) -> None:
    applied.unlink()

    assert project.apply().code == 0
    assert project.creates() == 1
    assert project.names == ["a"]


def test_row_42_a_state_of_a_newer_release_is_refused_and_kept(
    project: Project, applied: Path
) -> None:
    newer = json.dumps(json.loads(applied.read_bytes()) | {"version": 9}).encode()
    applied.write_bytes(newer)

    refuses(project, "R403")

    assert applied.read_bytes() == newer


def test_row_42_a_state_of_another_account_is_refused(
    project: Project, applied: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = applied.read_bytes()
    use(project, serve(account_id="f" * 32), monkeypatch)

    refuses(project, "R404")

    assert applied.read_bytes() == before


def test_row_42_a_state_of_another_lineage_is_not_pushed(project: Project, applied: Path) -> None:
    other = project.folder / "other.json"
    applied.rename(other)
    # The same finetune, recorded anew: another birth, and so another history.
    assert project.apply().code == 0
    before = applied.read_bytes()

    result = project.run("state", "push", "other.json")

    assert result.code == 1
    assert "R423" in result.err
    assert applied.read_bytes() == before


def test_row_43_an_old_backup_adopts_what_it_does_not_know(project: Project, applied: Path) -> None:
    old = applied.read_bytes()
    project.declare("a", "b", "c")
    assert project.apply().code == 0
    assert project.creates() == 3
    applied.write_bytes(old)

    planned = project.run("plan", "--detailed-exitcode")

    assert planned.code == 2
    assert "2 to adopt" in planned.out
    assert project.apply().code == 0
    assert project.creates() == 3
    assert project.names == ["a", "b", "c"]


def test_row_43_the_backup_of_an_interrupted_run_has_its_intents_resolved(
    project: Project, applied: Path
) -> None:
    """The backup that the tool itself keeps, from before the last run."""
    project.declare("a", "b")
    assert project.apply().code == 0
    (project.folder / f"{STATE}.backup").replace(applied)

    assert project.apply().code == 0
    assert project.creates() == 2


def test_row_44_files_are_private_under_umask_0(project: Project) -> None:
    project.declare("a")
    before = os.umask(0)
    try:
        assert project.apply().code == 0
        project.declare("a", "b")
        assert project.apply().code == 0
    finally:
        os.umask(before)

    made = sorted(project.folder.glob(f"{STATE}*"))
    assert [path.name for path in made] == [STATE, f"{STATE}.backup", f"{STATE}.lock"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}


def run_under(umask: int, project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command under a umask, as somebody whom permissions bind."""
    command = ["sh", "-c", f'umask {umask:o}; exec "$@"', "sh"]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("permissions do not bind root, and there is no setpriv")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    return subprocess.run(
        [*command, sys.executable, "-m", "reconciler", *arguments],
        cwd=project.folder,
        env={**os.environ, **project.environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("umask", [0o277, 0o777])
def test_row_44_files_are_of_use_under_a_umask_that_takes_them_from_their_owner(
    project: Project, umask: int
) -> None:
    for names in ("a", "ab"):
        project.declare(*names)
        planned = run_under(umask, project, "plan", "--out", f"{names}.plan")
        applied = run_under(umask, project, "apply", f"{names}.plan")
        assert (planned.returncode, applied.returncode) == (0, 0), planned.stderr + applied.stderr

    private = [*project.folder.glob(f"{STATE}*"), *project.folder.glob("*.plan")]
    assert len(private) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert project.names == ["a", "b"]


@pytest.mark.parametrize("name", [STATE, f"{STATE}.lock"])
def test_row_44_a_link_is_not_followed(project: Project, name: str) -> None:
    project.declare("a")
    victim = project.folder.parent / "victim"
    victim.write_text("precious")
    (project.folder / name).symlink_to(victim)

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert "R406" in result.err
    assert victim.read_text() == "precious"
    assert project.creates() == 0


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _too_large(path: Path) -> None:
    with path.open("r+b" if path.exists() else "wb") as file:
        file.truncate(300_000_001)


KINDS: dict[str, Callable[[Path], Any]] = {
    "a pipe": _pipe,
    "a device": _device,
    "a folder": Path.mkdir,
    "over the limit": _too_large,
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_row_46_an_adapter_that_cannot_be_one_creates_nothing(
    project: Project, name: str, make: Callable[[Path], Any]
) -> None:
    folder = ready(project.folder)
    (folder / name).unlink()
    make(folder / name)
    project.declare("a: {adapter: mistral}", "b")

    result = project.run("apply", "--auto-approve")

    assert result.code == 1
    assert name in result.err
    assert project.creates() == 0


def dark(folder: Path, name: str) -> None:
    """Make a folder that can be neither listed nor searched."""
    (folder / name).mkdir()
    (folder / name / "f.yaml").write_text("version: 1\nfinetunes: {}\n")
    (folder / name).chmod(0)


@pytest.mark.parametrize(
    "command",
    [
        ("validate", "-f", "dark"),
        ("validate", "-f", "dark/f.yaml"),
        ("validate", "-f", "above"),
        ("plan", "-f", "dark/f.yaml"),
        ("plan", "--state", "dark/state.json"),
        ("state", "unlock", "--state", "dark/state.json"),
        ("apply", "--auto-approve", "--state", "dark/state.json"),
    ],
    ids=" ".join,
)
def test_a_folder_that_may_not_be_looked_into_is_told(
    project: Project, command: tuple[str, ...]
) -> None:
    project.declare("a")
    (project.folder / "above").mkdir()
    dark(project.folder, "dark")
    dark(project.folder / "above", "inner")

    result = run_under(0o022, project, *command)

    assert result.returncode == 1, result.stdout
    assert not failed_internally(result.stderr)
    assert "Permission denied" in result.stderr


def test_a_working_folder_that_cannot_be_listed_is_told(project: Project) -> None:
    project.declare("a")
    project.folder.chmod(0o300)

    result = run_under(0o022, project, "validate")

    project.folder.chmod(0o700)
    assert result.returncode == 1
    assert "The working folder: Permission denied." in result.stderr
