"""The projects of a repository, and what keeps a pipeline from running them as they are."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.project import PROJECT_FILE, Flags, Settings, resolve_settings


@dataclass(frozen=True, slots=True)
class Project:
    """A folder that has a reconciler.yaml.

    folder: from the root of the repository, "." for the root itself.
    settings: as the file says, whatever this environment does; None where it is not valid.
    """

    folder: str
    settings: Settings | None

    @property
    def has_account(self) -> bool:
        """Whether the file names the account."""
        return self.settings is not None and bool(self.settings.account_id)

    @property
    def scheme(self) -> str:
        """Return where the state is: "s3" of s3://, "" for a file and where it is not known."""
        address = self.settings.state if self.settings else ""
        return address.partition("://")[0] if "://" in address else ""

    def _command(self, *words: str) -> str:
        chdir = () if self.folder == "." else ("-C", self.folder)
        return shlex.join(["reconciler", *chdir, *words])

    def warnings(self, account_hint: str) -> Iterator[Diagnostic]:
        """Yield what is missing; account_hint says where else an account can be named."""
        path = PROJECT_FILE if self.folder == "." else f"{self.folder}/{PROJECT_FILE}"
        if self.settings is None:
            hint = f"{self._command('validate')} shows why."
            yield codes.INVALID_SETTING.warning(f"{path} has mistakes.", hint=hint)
            return
        if not self.has_account:
            yield codes.MISSING_ACCOUNT.warning(
                f"{path} names no account_id.", hint=f"Set it there{account_hint}."
            )
        if not self.scheme:
            move = self._command("state", "migrate", "--to", "ADDRESS")
            yield codes.LOCAL_STATE.warning(
                f"{path} keeps the state in the file {self.settings.state}, which is lost with "
                "each runner, and with it which creates were begun.",
                hint="Choose a place that all jobs reach (docs/shared-state.md), move what there "
                f"is, {move}, name the place as `state:`, and write this pipeline anew.",
            )


def find_projects(root: Path) -> list[Project]:
    """Return the projects at most two levels below root, in the order of their folders."""
    patterns = (PROJECT_FILE, f"*/{PROJECT_FILE}", f"*/*/{PROJECT_FILE}")
    found = {path.parent.relative_to(root) for pattern in patterns for path in root.glob(pattern)}
    visible = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    return [Project(name, _settings(root / name)) for name in sorted(p.as_posix() for p in visible)]


def _settings(folder: Path) -> Settings | None:
    try:
        return resolve_settings(folder, {}, Flags())
    except DiagnosticError:
        return None


def warnings(projects: Sequence[Project]) -> list[Diagnostic]:
    """Return what is missing for a pipeline to run these projects."""
    if not projects:
        return [
            codes.NO_PROJECT.warning(
                f"No {PROJECT_FILE} is here or at most two levels below; the pipeline is for one "
                "that will be here.",
                hint="reconciler init writes one. Where it is in another folder, or keeps its "
                "state elsewhere than in a file, write this pipeline anew then.",
            )
        ]
    hint = ", or the variable CLOUDFLARE_ACCOUNT_ID, which the pipeline reads"
    if any(project.has_account for project in projects):
        hint = ", as the others do"
    elif len(projects) > 1:
        hint += " and which is one account for all projects"
    return [warning for project in projects for warning in project.warnings(hint)]
