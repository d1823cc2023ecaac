"""Tools that nobody here wrote, each in an environment of its own, and plans for them to read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipelines.support import LLAMA, REPOSITORY, Completed, Project, a_project, run, succeeded

POLICIES = Path(__file__).parent / "policies"
ENVIRONMENTS = REPOSITORY / "build" / "consumers"

Tool = Callable[..., Completed]


def find(environment: str, command: str) -> Path:
    """Return a command of an environment, or skip."""
    path = ENVIRONMENTS / environment / "bin" / command
    if not path.exists():
        pytest.skip(f"{environment} is not installed; `make test` installs it into {ENVIRONMENTS}")
    return path


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """Run a command of an environment with nothing of this machine's settings."""

    def start(environment: str, command: str, *arguments: str | Path) -> Completed:
        path = find(environment, command)
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        settings = {"PATH": f"{path.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(home)}
        return run([path, *arguments], folder=home, environment=settings)

    return start


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project for the plans of a module."""
    with a_project(tmp_path_factory.mktemp("consumers")) as made:
        made.add_adapter("llama")
        made.add_adapter("mistral")
        yield made


@pytest.fixture(scope="module")
def good_plan(project: Project) -> Path:
    """Two creates, one with its adapter, that every policy takes."""
    llama = f'model: "{LLAMA}", adapter: adapters/llama'
    project.declare(
        {
            "support-bot": f"{llama}, description: Answers tickets.",
            "summarizer": "description: Sums papers up., versioned: true",
        }
    )
    return project.plan("good.json")


@pytest.fixture(scope="module")
def bad_plan(project: Project) -> Path:
    """Three creates: one of too high a rank, one public, and one that every policy takes."""
    project.declare(
        {
            "large": "description: Answers at length., adapter: adapters/mistral",
            "leak": "public: true",
            "summarizer": "description: Sums papers up.",
        }
    )
    return project.plan("bad.json")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project in which everything that can be applied is going to happen, and a drift."""
    with a_project(tmp_path_factory.mktemp("mixed")) as made:
        made.add_adapter("llama")
        half = f'model: "{LLAMA}", description: As it was before.'
        before = dict.fromkeys(
            ("drifted", "forgotten", "kept", "moved-from"), "description: As it was before."
        )
        made.declare({**before, "half": half})
        succeeded(made.run("apply", "--auto-approve"))
        made.create_outside("adopted", "Somebody else made it.")
        drifted = made.box.account.find("drifted")
        assert drifted is not None
        made.box.account.edit(drifted.id, model=drifted.model, description="Changed by hand.")
        made.declare(
            {
                "adopted": "description: Somebody else made it.",
                "created": "description: Not there yet at all.",
                "drifted": "description: Changed by hand.",
                "half": f"{half}, adapter: adapters/llama",
                "kept": "description: As it was before.",
                "moved-to": "description: As it was before., name: moved-from",
            },
            more="moved: [{from: moved-from, to: moved-to}]",
        )
        yield made


@pytest.fixture(scope="module")
def mixed_plan(mixed: Project) -> Path:
    """Every action but `replace`."""
    return mixed.plan("mixed.json")


@pytest.fixture(scope="module")
def impossible_plan(mixed: Project, mixed_plan: Path) -> Path:
    """A plan that can't be applied: a recorded finetune is declared otherwise."""
    manifest = mixed.folder / "finetunes.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace("kept: {", "kept: {public: true, "))
    path = mixed.plan("impossible.json")
    manifest.write_text(text)
    return path
