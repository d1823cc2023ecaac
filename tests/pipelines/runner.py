"""A stand-in for GitHub's runner.

The steps run as the runner runs them: bash with `-eo pipefail`, outputs and summary in files,
everything else in the environment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.pipelines.expressions import holds, insert, to_text
from tests.pipelines.github_api import NAME, TOKEN, GitHub
from tests.pipelines.support import COMMANDS, REPOSITORY, run

ACTION = REPOSITORY / "action.yml"
HARMLESS = ("actions/checkout@",)
"""What the stand-in does itself: the workspace is there already."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened. sha: of the commit that is checked out; number: of the pull request."""

    name: str
    sha: str
    ref: str = "refs/heads/main"
    number: int = 0
    head: str = NAME
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> dict[str, Any]:
        if self.name != "pull_request":
            return {"inputs": dict(self.inputs)}
        return {"pull_request": {"number": self.number, "head": {"repo": {"full_name": self.head}}}}


@dataclass(slots=True)
class Finished:
    """A job that ended, or a step in it."""

    failed: bool = False
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)


class Runner:
    """Runs one job: its environment, its workspace and what the steps hand on."""

    def __init__(
        self, github: GitHub, event: Event, workspace: Path, temp: Path, environment: dict[str, str]
    ) -> None:
        self._temp = temp
        temp.mkdir(parents=True, exist_ok=True)
        self._workspace = workspace
        self._paths: list[str] = []
        self.contexts: dict[str, Any] = {
            "github": {
                "event_name": event.name,
                "event": event.payload,
                "repository": NAME,
                "ref": event.ref,
                "ref_name": event.ref.rpartition("/")[2],
                "token": TOKEN,
            },
            "inputs": dict(event.inputs),
            "hashFiles": lambda pattern: "".join(map(str, sorted(workspace.glob(pattern)))),
        }
        (temp / "event.json").write_text(json.dumps(event.payload))
        self._environment = {
            **environment,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(REPOSITORY),
            "GITHUB_API_URL": github.url,
            "GITHUB_GRAPHQL_URL": f"{github.url}/graphql",
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_EVENT_PATH": str(temp / "event.json"),
            "GITHUB_REF_NAME": event.ref.rpartition("/")[2],
            "GITHUB_REPOSITORY": NAME,
            "GITHUB_SHA": event.sha,
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": str(temp),
        }

    @property
    def tools(self) -> Path:
        """The folder of commands that the action looks into first."""
        return self._temp / "reconciler" / "bin"

    @property
    def first_path(self) -> Path:
        """Where the next step looks for commands first."""
        return Path(self._paths[0])

    def with_the_tool(self) -> Runner:
        """Have the action find what an earlier use of it in this job would have installed."""
        self.tools.mkdir(parents=True, exist_ok=True)
        (self.tools / "reconciler").symlink_to(COMMANDS / "reconciler")
        return self

    def action(self, inputs: Mapping[str, str], environment: Mapping[str, str]) -> Finished:
        """Use the action."""
        action, contexts = self._prepared(inputs)
        done = self.steps(action["runs"]["steps"], contexts, environment)
        done.outputs = {
            name: insert(output["value"], contexts) for name, output in action["outputs"].items()
        }
        return done

    def one_step(self, name: str, inputs: Mapping[str, str], before: Mapping[str, Any]) -> Finished:
        """Run one step of the action; before: what the steps before it handed on."""
        action, contexts = self._prepared(inputs)
        (step,) = [step for step in action["runs"]["steps"] if step.get("id") == name]
        done = self.steps([step], contexts, {}, before)
        done.outputs = contexts["steps"][name]["outputs"]
        return done

    def _prepared(self, inputs: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
        action = yaml.safe_load(ACTION.read_text())
        unknown = set(inputs) - set(action["inputs"])
        assert not unknown, f"no inputs of the action: {unknown}"
        given = {
            name: inputs.get(name, insert(declared["default"], self.contexts))
            for name, declared in action["inputs"].items()
        }
        return action, {**self.contexts, "inputs": given}

    def steps(
        self,
        steps: list[dict[str, Any]],
        contexts: dict[str, Any],
        environment: Mapping[str, str],
        before: Mapping[str, Any] | None = None,
    ) -> Finished:
        """Run steps in order, as the runner does: after a failure only those that ask for it."""
        whole = Finished()
        contexts["steps"] = dict(before or {})
        for step in steps:
            if not holds(str(step.get("if", "")), contexts, failed=whole.failed):
                continue
            given = {key: insert(str(v), contexts) for key, v in step.get("env", {}).items()}
            done = self._step(step, contexts, {**environment, **given})
            whole.failed |= done.failed
            whole.log += done.log
            whole.summary += done.summary
            whole.steps.append(step.get("name", step.get("uses", "")))
            outcome = "failure" if done.failed else "success"
            result = {"outputs": done.outputs, "outcome": outcome}
            contexts["steps"][step.get("id", "")] = result
        return whole

    def _step(
        self, step: dict[str, Any], contexts: Mapping[str, Any], environment: Mapping[str, str]
    ) -> Finished:
        if "run" in step:
            folder = self._workspace / insert(step.get("working-directory", "."), contexts)
            return self._script(step["run"], folder, environment)
        if step["uses"].startswith(HARMLESS):
            return Finished()
        assert "finetune-reconciler@" in step["uses"]
        given = {key: insert(to_text(v), contexts) for key, v in step.get("with", {}).items()}
        return self.action(given, environment)

    def _script(self, script: str, folder: Path, environment: Mapping[str, str]) -> Finished:
        assert "${{" not in script, "an expression in a script is a way to run commands"
        files = {name: self._temp / name for name in ("OUTPUT", "PATH", "STEP_SUMMARY")}
        for path in files.values():
            path.write_text("")
        (self._temp / "script.sh").write_text(script)
        everything = {
            **self._environment,
            **environment,
            **{f"GITHUB_{name}": str(path) for name, path in files.items()},
        }
        everything["PATH"] = os.pathsep.join([*self._paths, everything["PATH"]])
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", self._temp / "script.sh"]
        done = run(command, folder=folder, environment=everything)
        self._paths = [*files["PATH"].read_text().split(), *self._paths]
        lines = files["OUTPUT"].read_text().splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        summary = files["STEP_SUMMARY"].read_text()
        return Finished(done.returncode != 0, f"{done.stdout}{done.stderr}", summary, outputs)


def jobs(workflow: Path, event: Event) -> Iterator[dict[str, Any]]:
    """Yield each job that a workflow runs on an event, once for each project of its matrix."""
    document = yaml.safe_load(workflow.read_text())
    triggers = document[True]  # YAML 1.1 reads `on` as a yes.
    if event.name not in triggers:
        return
    github = {"event_name": event.name, "ref": event.ref}
    for name, job in document["jobs"].items():
        if holds(job.get("if", ""), {"github": github}, failed=False):
            for project in job["strategy"]["matrix"]["project"]:
                matrix = {"matrix": {"project": project}}
                environment = insert(job.get("environment", ""), matrix)
                yield {**job, "name": name, "project": project, "environment": environment}
