"""Ready-made pipelines, which `init --ci` writes for the projects of a repository."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from reconciler.cli.pipelines import states
from reconciler.cli.pipelines.projects import Project, find_projects, warnings

__all__ = ["PATHS", "Project", "find_projects", "next_steps", "pipeline", "warnings"]

PATHS = {
    "github": Path(".github/workflows/finetunes.yaml"),
    "gitlab": Path(".gitlab-ci.yml"),
    "atlantis": Path("atlantis.yaml"),
}
"""Where each system looks for its file, from the root of the repository."""

_ACCOUNT = "CLOUDFLARE_ACCOUNT_ID"
_DEFAULT = "PROJECT: [.]", "project: [.]"
_PACKAGE = "finetune-reconciler @"
_PLAIN = re.compile(r"[A-Za-z][\w./-]*|\.")


def pipeline(system: str, projects: Sequence[Project]) -> str:
    """Return the file for a system of PATHS."""
    text = (files(__package__) / f"{system}.yaml").read_text(encoding="utf-8")
    folders = [project.folder for project in projects] or ["."]
    names = [name if _PLAIN.fullmatch(name) else json.dumps(name) for name in folders]
    for default in _DEFAULT:
        text = text.replace(default, default.replace(".", ", ".join(names)))
    if system == "atlantis":
        return _for_atlantis(text, names)
    extras = states.extras(_schemes(projects))
    if system == "gitlab":
        return text.replace(_PACKAGE, f"finetune-reconciler[{extras}] @") if extras else text
    text = _filled(text, "#EXTRAS", [f"extras: {extras}"] if extras else [])
    environment = states.from_github(_schemes(projects))
    if _takes_account_from_variable(projects):
        environment[_ACCOUNT] = f"vars.{_ACCOUNT}"
    lines = [f"{name}: ${{{{ {kept} }}}}" for name, kept in environment.items()]
    return _filled(text, "#ENVIRONMENT", lines)


def _for_atlantis(text: str, names: Sequence[str]) -> str:
    first, last = text.index("  - dir: .\n"), text.index("workflows:\n")
    entry = text[first:last]
    entries = (entry.replace("dir: .", f"dir: {name}", 1) for name in names)
    return text[:first] + "".join(entries) + text[last:]


def _filled(text: str, mark: str, lines: Sequence[str]) -> str:
    """Put lines, indented as the mark is, where a line has nothing but the mark."""
    pattern = re.compile(rf"^( *){mark}\n", re.MULTILINE)
    return pattern.sub(lambda found: "".join(f"{found[1]}{line}\n" for line in lines), text)


def _schemes(projects: Sequence[Project]) -> set[str]:
    return {project.scheme for project in projects}


def _takes_account_from_variable(projects: Sequence[Project]) -> bool:
    """Tell whether no file names the account; a variable would beat those that do."""
    return not any(project.has_account for project in projects)


def next_steps(system: str, projects: Sequence[Project]) -> Iterator[str]:
    """Yield what only people can do, in the order in which they do it."""
    schemes, where = _schemes(projects), "Variables"
    if system == "github":
        yield "Replace OWNER by who keeps the action, and @v1 by a commit of it that you have read."
        yield "Secrets: CLOUDFLARE_READ_TOKEN, and CLOUDFLARE_WRITE_TOKEN in each environment."
        yield from _state_on_github(schemes)
    elif system == "gitlab":
        yield (
            "Replace GIT-HOST/OWNER by where you get RECONCILER_PACKAGE from, and @v1 by a commit "
            "of it that you have read."
        )
        yield (
            "Masked variables: CLOUDFLARE_READ_TOKEN and NOTE_TOKEN; protected "
            "CLOUDFLARE_WRITE_TOKEN."
        )
    else:
        yield "The server needs the command, the credentials, and this workflow in its repos.yaml."
        where = "In the environment of the server"
    if system != "github" and (names := states.names(schemes)):
        yield f"{where}, for the state: {', '.join(names)}."
    if not projects or "" in schemes:
        yield "Once a state is where all jobs reach it, its credentials: docs/shared-state.md."
    if _takes_account_from_variable(projects):
        yield f"{where}: {_ACCOUNT}, unless reconciler.yaml is to say it."
    if system == "github":
        yield "Protect the branch main, the environments, and .github/ in CODEOWNERS."
    elif system == "gitlab":
        yield "Protect the default branch and the environments, and make a schedule for the drift."


def _state_on_github(schemes: set[str]) -> Iterator[str]:
    found = states.places(schemes)
    secrets = ", ".join(dict.fromkeys(kept for place in found for _, kept in place.secrets))
    plain = ", ".join(kept for place in found for _, kept in place.variables)
    if secrets:
        yield f"For the state, secrets: {secrets}{plain and f'; variables: {plain}'}."
    if any(place.file for place in found):
        yield "For the state: sign in before the action, say with google-github-actions/auth."
