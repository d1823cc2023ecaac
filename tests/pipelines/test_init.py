"""`init --ci` writes the pipelines that the example has, and that linters of others accept."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli.pipelines import PATHS
from tests.pipelines.runner import ACTION
from tests.pipelines.support import COMMANDS, REPOSITORY, Completed, run, succeeded

EXAMPLE = REPOSITORY / "examples" / "gitops"
NOT_PINNED = "rules:\n  unpinned-uses: {disable: true}\n"
"""Which commit of an action to trust is for who uses it to say; `init` tells them to."""


def init(folder: Path, *arguments: str) -> Completed:
    return command(folder, "reconciler", "init", *arguments)


def command(folder: Path, name: str, *arguments: str | Path) -> Completed:
    environment = {"PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    return run([name, *arguments], folder=folder, environment=environment)


def a_project(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "reconciler.yaml").write_text("version: 1\n")


def test_the_example_has_what_init_writes(tmp_path: Path) -> None:
    for project in ("staging", "production"):
        shutil.copytree(EXAMPLE / project, tmp_path / project)

    succeeded(init(tmp_path, "--ci", "github"))

    written = (tmp_path / PATHS["github"]).read_text()
    assert written == (EXAMPLE / PATHS["github"]).read_text()


@pytest.mark.parametrize("system", PATHS)
def test_the_projects_of_a_repository_are_found(tmp_path: Path, system: str) -> None:
    a_project(tmp_path, "staging", "teams/search", ".hidden", "a/b/too-deep", "with space")

    done = init(tmp_path, "--ci", system)

    succeeded(done)
    assert "for staging, teams/search, with space\n" in done.stderr
    assert projects_in(tmp_path / PATHS[system]) == {("staging", "teams/search", "with space")}


def projects_in(path: Path) -> set[tuple[str, ...]]:
    """Return each list of projects in a file."""
    document = yaml.safe_load(path.read_text())
    if path.name == "atlantis.yaml":
        return {tuple(project["dir"] for project in document["projects"])}
    return {tuple(value) for value in values(document, ("project", "PROJECT")) if value != "."}


def values(node: Any, keys: tuple[str, ...]) -> Iterator[Any]:
    for child in node if isinstance(node, list) else ():
        yield from values(child, keys)
    for key, child in node.items() if isinstance(node, dict) else ():
        yield from [child] if key in keys else values(child, keys)


@pytest.mark.parametrize("system", PATHS)
def test_what_is_there_is_never_overwritten(tmp_path: Path, system: str) -> None:
    target = tmp_path / PATHS[system]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("mine")

    done = init(tmp_path, "--ci", system)

    assert done.returncode == 1
    assert "R208" in done.stderr
    assert target.read_text() == "mine"


def test_a_pipeline_belongs_to_the_root_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "inner").mkdir()

    done = init(tmp_path / "inner", "--ci", "github")

    assert done.returncode == 1
    assert f"cd {tmp_path} && reconciler init --ci github" in " ".join(done.stderr.split())
    assert not list((tmp_path / "inner").iterdir())


def write_project(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reconciler.yaml").write_text(f"version: 1\n{text}")


ACCOUNT = "account_id: 57a91a60057a91a60057a91a60057a91\n"


@pytest.mark.parametrize("system", PATHS)
def test_a_repository_without_a_project_is_told_so(tmp_path: Path, system: str) -> None:
    done = init(tmp_path, "--ci", system)

    succeeded(done)
    assert "warning[R212]" in done.stderr
    assert (tmp_path / PATHS[system]).exists()


@pytest.mark.parametrize("system", PATHS)
def test_each_project_is_told_what_it_lacks(tmp_path: Path, system: str) -> None:
    write_project(tmp_path / "bare", "")
    write_project(tmp_path / "whole", f"{ACCOUNT}state: s3://bucket/key\n")
    write_project(tmp_path / "wrong", "accounts: 1\n")

    said = " ".join(init(tmp_path, "--ci", system).stderr.split())

    assert "bare/reconciler.yaml names no account_id. hint: Set it there, as the others do." in said
    assert "bare/reconciler.yaml keeps the state in the file reconciler.state.json" in said
    assert "docs/shared-state.md" in said
    assert "reconciler -C bare state migrate --to ADDRESS" in said
    assert "hint: reconciler -C wrong validate shows why." in said
    assert "whole/reconciler.yaml" not in said


def test_what_init_itself_writes_is_told_what_it_lacks(tmp_path: Path) -> None:
    succeeded(init(tmp_path))

    done = init(tmp_path, "--ci", "github")

    succeeded(done)
    assert "warning[R202]" in done.stderr
    assert "warning[R211]" in done.stderr
    assert "- Variables: CLOUDFLARE_ACCOUNT_ID" in done.stdout
    assert "its credentials: docs/shared-state.md" in done.stdout
    for step in steps_of_github(tmp_path):
        assert step["env"]["CLOUDFLARE_ACCOUNT_ID"] == "${{ vars.CLOUDFLARE_ACCOUNT_ID }}"
        assert "extras" not in step["with"]
        assert len(step["env"]) == 2


def steps_of_github(folder: Path) -> list[dict[str, Any]]:
    """Return the step of each job that uses the action."""
    jobs = yaml.safe_load((folder / PATHS["github"]).read_text())["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    return [step for step in steps if step.get("uses", "").startswith("OWNER/")]


PLACES = [
    ("s3://bucket/key", "s3", {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}),
    ("r2://account/bucket/key", "r2", {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}),
    ("gs://bucket/key", "gs", set()),
    ("az://container/key", "az", {"AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"}),
    ("postgresql://user@host/database/name", "postgresql", {"PGHOST", "PGPASSWORD"}),
    ("https://host/path", "", {"TF_HTTP_ADDRESS", "TF_HTTP_USERNAME", "TF_HTTP_PASSWORD"}),
]


@pytest.mark.parametrize(("address", "extra", "names"), PLACES)
def test_the_pipelines_follow_from_the_place_of_the_state(
    tmp_path: Path, address: str, extra: str, names: set[str]
) -> None:
    write_project(tmp_path, f"{ACCOUNT}state: {address}\n")

    done = init(tmp_path, "--ci", "github")

    assert "warning" not in done.stderr
    assert "For the state" in done.stdout
    assert "Once a state is" not in done.stdout
    for step in steps_of_github(tmp_path):
        assert step["with"].get("extras", "") == extra
        assert set(step["env"]) == {"CLOUDFLARE_API_TOKEN", *names}
        for name in names:
            assert step["env"][name].split(".")[-1].removesuffix(" }}") in done.stdout

    said = init(tmp_path, "--ci", "gitlab").stdout
    assert "for the state:" in said
    assert all(name in said for name in names)
    variables = yaml.safe_load((tmp_path / PATHS["gitlab"]).read_text())["variables"]
    assert variables["RECONCILER_PACKAGE"].startswith(
        f"finetune-reconciler{extra and f'[{extra}]'} @ git+https://GIT-HOST/"
    )


def test_projects_with_other_places_get_what_all_of_them_need(tmp_path: Path) -> None:
    write_project(tmp_path / "a", "state: s3://bucket/key\n")
    write_project(tmp_path / "b", "state: postgresql://user@host/database/name\n")

    done = init(tmp_path, "--ci", "github")

    assert "one account for all projects" in " ".join(done.stderr.split())
    for step in steps_of_github(tmp_path):
        assert step["with"]["extras"] == "postgresql,s3"
        assert {"PGHOST", "AWS_REGION", "CLOUDFLARE_ACCOUNT_ID"} <= set(step["env"])


def test_what_jobs_with_tokens_install_has_no_name_that_anybody_could_register(
    tmp_path: Path,
) -> None:
    done = init(tmp_path, "--ci", "gitlab")

    variables = yaml.safe_load((tmp_path / PATHS["gitlab"]).read_text())["variables"]
    assert variables["RECONCILER_PACKAGE"] == (
        "finetune-reconciler @ git+https://GIT-HOST/OWNER/finetune-reconciler.git@v1"
    )
    assert "Replace GIT-HOST/OWNER" in done.stdout


def test_an_unknown_system_is_a_mistake(tmp_path: Path) -> None:
    done = init(tmp_path, "--ci", "jenkins")

    assert done.returncode == 1
    assert "github" in done.stderr


# What others say about the files


@pytest.mark.parametrize(
    ("path", "schema"),
    [("action.yml", "github-actions"), ("github", "github-workflows"), ("gitlab", "gitlab-ci")],
)
def test_files_have_the_shape_that_their_systems_want(
    tmp_path: Path, path: str, schema: str
) -> None:
    if path in PATHS:
        succeeded(init(tmp_path, "--ci", path))
    target = tmp_path / PATHS[path] if path in PATHS else ACTION
    vendored = f"vendor.{schema}"
    succeeded(command(tmp_path, "check-jsonschema", "--builtin-schema", vendored, target))


def test_the_workflow_and_the_use_of_the_action_pass_actionlint(tmp_path: Path) -> None:
    """Names of inputs and outputs are checked, too, where the action is a local one."""
    path = workflow_beside_the_action(tmp_path)

    succeeded(command(tmp_path, "actionlint", path))

    path.write_text(path.read_text().replace("command: apply", "comand: apply"))
    assert command(tmp_path, "actionlint", path).returncode == 1


def workflow_beside_the_action(folder: Path) -> Path:
    succeeded(init(folder, "--ci", "github"))
    path = folder / PATHS["github"]
    path.write_text(path.read_text().replace("OWNER/finetune-reconciler@v1", "./"))
    shutil.copy(ACTION, folder)
    (folder / ".git").mkdir()
    return path


def test_the_workflow_and_the_action_pass_an_audit(tmp_path: Path) -> None:
    succeeded(init(tmp_path, "--ci", "github"))
    shutil.copy(ACTION, tmp_path)
    (tmp_path / "zizmor.yml").write_text(NOT_PINNED)
    audit = ["zizmor", "--offline", "--no-progress", "--config", "zizmor.yml"]

    succeeded(command(tmp_path, *audit, PATHS["github"], "action.yml"))

    action = tmp_path / "action.yml"
    careless = action.read_text().replace("run: reconciler", "run: echo ${{ github.head_ref }}")
    action.write_text(careless)
    assert command(tmp_path, *audit, "action.yml").returncode != 0


def scripts() -> Iterator[tuple[str, str]]:
    """Yield every script of the action and the pipelines by its name."""
    for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]:
        yield f"action: {step['name']}", step["run"]
    folder = REPOSITORY / "reconciler" / "cli" / "pipelines"
    for name, job in yaml.safe_load((folder / "gitlab.yaml").read_text()).items():
        if "script" in job:
            yield f"gitlab: {name}", "\n".join(job["script"])
    atlantis = yaml.safe_load((folder / "atlantis.yaml").read_text())
    for name, stage in atlantis["workflows"]["finetunes"].items():
        yield f"atlantis: {name}", "\n".join(step["run"] for step in stage["steps"])


@pytest.mark.parametrize(("name", "script"), list(scripts()))
def test_scripts_pass_shellcheck_and_hold_no_expressions(name: str, script: str) -> None:
    assert "${{" not in script
    done = subprocess.run(
        # SC2016: the queries of jq and GraphQL have a $ of their own.
        [COMMANDS / "shellcheck", "--shell=bash", "--exclude=SC2016", "-"],
        input=f"set -eo pipefail\n{script}",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
