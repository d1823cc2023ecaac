"""The same inputs give the same plan, byte for byte, whatever the machine is like."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipelines.support import COMMANDS, LLAMA, Project, a_project, run, succeeded

BOTS = {
    "alpha": f'    model: "{LLAMA}"\n    description: "Grüße, 世界 und 🦙."\n    adapter: %s\n',
    "beta": f'    model: "{LLAMA}"\n    description: Second.\n    versioned: true\n',
    "gamma": f'    model: "{LLAMA}"\n    public: true\n    labels: {{team: a, tier: b}}\n',
    "zeta": f'    model: "{LLAMA}"\n    description: Last.\n',
}
"""A finetune's fields by its name; %s is where the adapter lies."""
MACHINES = (
    {"TZ": "Pacific/Kiritimati", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "1"},
    {"TZ": "America/St_Johns", "LC_ALL": "C", "PYTHONHASHSEED": "2"},
    {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "3", "COLUMNS": "20"},
    {"LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "random", "TERM": "dumb", "USER": "nobody"},
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """An account in which one finetune is there already, and a state that recorded another."""
    with a_project(tmp_path_factory.mktemp("determinism")) as project:
        project.add_adapter("llama")
        project.declare({"zeta": f'model: "{LLAMA}", description: Last.', "old": ""})
        succeeded(project.run("apply", "--auto-approve"))
        (project.folder / "finetunes.yaml").unlink()
        project.box.account.create(name="gamma", model=LLAMA, public=True)
        yield project


def write_manifests(folder: Path, groups: list[list[str]], names: list[str]) -> None:
    """Write a file for each group of finetunes; names: of the files."""
    for file, group in zip(names, groups, strict=True):
        body = "".join(f"  {bot}:\n{BOTS[bot]}" for bot in group).replace("%s", "../adapters/llama")
        (folder / file).write_text(f"version: 1\nfinetunes:\n{body}")


def plan_in(world: Project, folder: Path, *, umask: int = 0o022, **environment: str) -> str:
    """Plan in a folder that has the world's state and adapter; returns the JSON."""
    if not (folder / "adapters").exists():
        shutil.copytree(world.folder / "adapters", folder / "adapters")
    shutil.copy(world.folder / "reconciler.state.json", folder)
    command = f'umask {umask:o}; exec "$0" plan --format json -f manifests'
    script: list[str | Path] = ["sh", "-c", command, COMMANDS / "reconciler"]
    return succeeded(run(script, folder=folder, environment={**world.environment, **environment}))


def new_folder(root: Path, name: str) -> Path:
    (root / name / "manifests").mkdir(parents=True)
    return root / name


@pytest.fixture(scope="module")
def reference(world: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The plan of four finetunes in one file."""
    folder = new_folder(tmp_path_factory.mktemp("reference"), "here")
    write_manifests(folder / "manifests", [sorted(BOTS)], ["all.yaml"])
    return plan_in(world, folder)


def digest(plan: str) -> str:
    found: str = json.loads(plan)["reconciler"]["digest"]
    return found


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.get("TZ", "Turkish"))
def test_another_machine_makes_the_same_bytes(
    world: Project, reference: str, tmp_path: Path, machine: dict[str, str]
) -> None:
    folder = new_folder(tmp_path, "a folder with spaces, ümläute and $PATH")
    write_manifests(folder / "manifests", [sorted(BOTS)], ["all.yaml"])

    made = plan_in(world, folder, umask=0o077, **machine)

    assert made == reference
    assert str(tmp_path) not in made


def test_a_home_and_a_temporary_folder_elsewhere_make_the_same_bytes(
    world: Project, reference: str, tmp_path: Path
) -> None:
    folder = new_folder(tmp_path, "deep/er/still")
    (tmp_path / "tmp").mkdir()
    write_manifests(folder / "manifests", [sorted(BOTS)], ["all.yaml"])

    made = plan_in(world, folder, umask=0, HOME="/nonexistent", TMPDIR=str(tmp_path / "tmp"))

    assert made == reference


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(sorted(BOTS)), cut=st.integers(1, 3), first=st.booleans())
def test_order_and_splitting_of_the_manifests_make_the_same_digest(
    world: Project,
    reference: str,
    tmp_path_factory: pytest.TempPathFactory,
    order: list[str],
    cut: int,
    first: bool,
) -> None:
    folder = new_folder(tmp_path_factory.mktemp("split"), "here")
    files = ["a.yaml", "b.yaml"] if first else ["b.yaml", "a.yaml"]
    write_manifests(folder / "manifests", [order[:cut], order[cut:]], files)

    made = plan_in(world, folder)

    assert digest(made) == digest(reference)
    assert without_places(made) == without_places(reference)


def without_places(plan: str) -> dict[str, object]:
    """Return a plan without where its findings were written, which names the file."""
    document: dict[str, object] = json.loads(plan)
    native = document["reconciler"]
    assert isinstance(native, dict)
    del native["checksum"]
    for diagnostic in native["diagnostics"]:
        diagnostic.pop("range", None)
        diagnostic.pop("snippet", None)
    return document


def test_a_changed_adapter_makes_another_digest(
    world: Project, reference: str, tmp_path: Path
) -> None:
    folder = new_folder(tmp_path, "here")
    write_manifests(folder / "manifests", [sorted(BOTS)], ["all.yaml"])
    shutil.copytree(world.folder / "adapters", folder / "adapters")
    config = folder / "adapters" / "llama" / "adapter_config.json"
    config.write_text(config.read_text() + "\n")

    assert digest(plan_in(world, folder)) != digest(reference)


def test_row_65_no_credential_is_in_plan_plan_file_or_digest(
    world: Project, tmp_path: Path
) -> None:
    folder = new_folder(tmp_path, "here")
    write_manifests(folder / "manifests", [sorted(BOTS)], ["all.yaml"])
    shutil.copytree(world.folder / "adapters", folder / "adapters")
    shutil.copy(world.folder / "reconciler.state.json", folder)
    secrets = {name: f"canary-{name}-1f3c" for name in ("CLOUDFLARE_API_KEY", "AWS_SECRET_KEY")}
    environment = {**world.environment, **secrets}
    command = [COMMANDS / "reconciler", "plan", "-f", "manifests", "--out", "plan.json"]

    done = run(command, folder=folder, environment=environment)

    written = done.stdout + done.stderr + (folder / "plan.json").read_text()
    assert done.returncode == 0, done.stderr
    for secret in (world.box.settings.token, *secrets.values()):
        assert secret not in written
    assert (folder / "plan.json").stat().st_mode & 0o777 == 0o600
