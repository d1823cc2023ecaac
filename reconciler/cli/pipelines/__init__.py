"""Ready-made pipelines, which `init --ci` writes for the projects of a repository."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from reconciler.project import PROJECT_FILE

PATHS = {
    "github": Path(".github/workflows/finetunes.yaml"),
    "gitlab": Path(".gitlab-ci.yml"),
    "atlantis": Path("atlantis.yaml"),
}
"""Where each system looks for its file, from the root of the repository."""

NEXT_STEPS = {
    "github": (
        "Replace OWNER by who keeps the action, and @v1 by a commit of it that you have read.",
        "Secrets: CLOUDFLARE_READ_TOKEN, and CLOUDFLARE_WRITE_TOKEN in each environment.",
        "For the state: STATE_ACCESS_KEY_ID, STATE_SECRET_ACCESS_KEY, the variable STATE_REGION.",
        "Protect the branch main, the environments, and .github/ in CODEOWNERS.",
    ),
    "gitlab": (
        "Masked variables: CLOUDFLARE_READ_TOKEN and NOTE_TOKEN; protected CLOUDFLARE_WRITE_TOKEN.",
        "Protect the default branch and the environments, and make a schedule for the drift.",
    ),
    "atlantis": (
        "The server needs the command, the credentials, and this workflow in its repos.yaml.",
    ),
}
"""What only people can do, in the order in which they do it."""

_DEFAULT = "PROJECT: [.]", "project: [.]"
_PLAIN = re.compile(r"[A-Za-z][\w./-]*|\.")


def find_projects(root: Path) -> list[str]:
    """Return the folders of the projects at most two levels below root, "." for root itself."""
    patterns = (PROJECT_FILE, f"*/{PROJECT_FILE}", f"*/*/{PROJECT_FILE}")
    found = {path.parent.relative_to(root) for pattern in patterns for path in root.glob(pattern)}
    visible = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    return sorted(path.as_posix() for path in visible) or ["."]


def pipeline(system: str, projects: Sequence[str]) -> str:
    """Return the file for a system of PATHS."""
    text = (files(__package__) / f"{system}.yaml").read_text(encoding="utf-8")
    names = [name if _PLAIN.fullmatch(name) else json.dumps(name) for name in projects]
    for default in _DEFAULT:
        text = text.replace(default, default.replace(".", ", ".join(names)))
    if system == "atlantis":
        first, last = text.index("  - dir: .\n"), text.index("workflows:\n")
        entry = text[first:last]
        entries = (entry.replace("dir: .", f"dir: {name}", 1) for name in names)
        text = text[:first] + "".join(entries) + text[last:]
    return text
