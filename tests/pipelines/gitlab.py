"""A stand-in for GitLab's runner and for the part of its API that the template asks."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.pipelines.loopback import Server, a_server
from tests.pipelines.support import Completed, run

TOKEN = "glpat-the-token-for-notes"
ME, SOMEBODY = 42, 7
_VARIABLE = re.compile(r"\$(\w+)")


@dataclass(slots=True)
class GitLab:
    """The notes of merge request 7 of project 1."""

    url: str = ""
    notes: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=itertools.count)

    def note(self, author: int, body: str) -> dict[str, Any]:
        made = {"id": next(self.ids), "author": {"id": author}, "body": body}
        self.notes.append(made)
        return made

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        self.calls.append(f"{method} {path}")
        if path == "/user":
            return {"id": ME}
        root, _, rest = path.partition("/notes")
        assert root == "/projects/1/merge_requests/7"
        if method == "POST":
            return self.note(ME, body["body"])
        if method == "PUT":
            (found,) = [note for note in self.notes if f"/{note['id']}" == rest]
            found["body"] = body["body"]
            return found
        size, page = int(query["per_page"]), int(query["page"])
        return self.notes[(page - 1) * size : page * size]


def a_gitlab() -> AbstractContextManager[GitLab]:
    """Serve a GitLab on loopback."""
    gitlab = GitLab()
    return a_server(Server(gitlab.answer, ("private-token", TOKEN)), gitlab)


def jobs(template: Path, variables: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the jobs of a pipeline with these variables, once for each project of a matrix."""
    document = yaml.safe_load(template.read_text())
    for name, job in document.items():
        if name in ("stages", "variables") or name.startswith("."):
            continue
        whole = _extended(document, job)
        rules = [rule for rule in whole["rules"] if _holds(rule["if"], variables)]
        if rules:
            for project in whole["parallel"]["matrix"][0]["PROJECT"]:
                own = {**document["variables"], **whole.get("variables", {}), "PROJECT": project}
                yield name, {**whole, "variables": own, "when": rules[0].get("when", "always")}


def run_job(job: Mapping[str, Any], folder: Path, environment: dict[str, str]) -> Completed:
    """Run a job's script: all of its lines in one shell, which ends at the first that fails."""
    lines = [*job.get("before_script", []), *job["script"]]
    own = {key: _expand(value, environment) for key, value in job["variables"].items()}
    # GitLab's runner hands a script to bash as one text; a line that fails ends it.
    script = "\n".join(["set -eo pipefail", *lines])
    return run(["bash", "-c", script], folder=folder, environment={**environment, **own})


def artifacts(job: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return what a job hands on as reports, by their kind."""
    reports = job.get("artifacts", {}).get("reports", {})
    return {
        kind: json.loads((folder / _expand(path, job["variables"])).read_text())
        for kind, path in reports.items()
    }


def _extended(document: Mapping[str, Any], job: Mapping[str, Any]) -> dict[str, Any]:
    parent = job.get("extends")
    return {**(_extended(document, document[parent]) if parent else {}), **job}


def _expand(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: variables.get(found[1], ""), text)


def _holds(rule: str, variables: Mapping[str, str]) -> bool:
    """Evaluate comparisons that `&&` joins, which is all that the template uses."""
    for comparison in rule.split("&&"):
        left, sign, right = comparison.split()
        values = [
            side.strip('"') if side.startswith('"') else variables.get(side[1:])
            for side in (left, right)
        ]
        if (values[0] == values[1]) is not (sign == "=="):
            return False
    return True
