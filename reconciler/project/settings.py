"""The settings of one run, and where each came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.diagnostics import Diagnostic, DiagnosticError, SourceRange, has_errors
from reconciler.diagnostics.codes import manifests as manifest_codes
from reconciler.diagnostics.codes import project as codes
from reconciler.documents import Mapping as MappingNode
from reconciler.documents import Scalar, check, decode, load_schema, parse
from reconciler.model import Limits

PROJECT_FILE = "reconciler.yaml"
DEFAULT_STATE = "reconciler.state.json"
DEFAULT_PARALLELISM = 4
_ACCOUNT_ID = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line said; empty values mean that it did not."""

    manifests: tuple[str, ...] = ()
    state: str = ""
    parallelism: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one run.

    root: the working folder. manifests: empty means "look for them in root".
    account_id: "" where nobody named one; commands that need it call `require_account`.
    """

    root: Path
    account_id: str = ""
    account_range: SourceRange | None = None
    manifests: tuple[str, ...] = ()
    state: str = DEFAULT_STATE
    parallelism: int = DEFAULT_PARALLELISM
    limits: Limits = field(default_factory=Limits)

    def require_account(self) -> str:
        """Return the account; DiagnosticError where none or a malformed one is named."""
        if not self.account_id:
            raise DiagnosticError(
                codes.MISSING_ACCOUNT.error(
                    "Neither CLOUDFLARE_ACCOUNT_ID nor account_id in reconciler.yaml is set.",
                    hint="export CLOUDFLARE_ACCOUNT_ID=... (or try it out with --sandbox)",
                )
            )
        if not _ACCOUNT_ID.match(self.account_id):
            raise DiagnosticError(
                codes.INVALID_ACCOUNT.error(
                    f"{self.account_id[:64]!r} does not have 32 lower-case hex digits.",
                    hint="Copy it from the dashboard: Workers AI, or the address bar.",
                    range=self.account_range,
                )
            )
        return self.account_id


def resolve_settings(root: Path, environment: Mapping[str, str], flags: Flags) -> Settings:
    """Put the settings together; DiagnosticError with every mistake of the project file."""
    settings = _from_file(root)
    account = environment.get("CLOUDFLARE_ACCOUNT_ID", "").strip()
    if account:
        settings = replace(settings, account_id=account, account_range=None)
    return replace(
        settings,
        manifests=flags.manifests or settings.manifests,
        state=flags.state or settings.state,
        parallelism=flags.parallelism or settings.parallelism,
    )


def _from_file(root: Path) -> Settings:
    path = root / PROJECT_FILE
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Settings(root)
    except OSError as error:
        detail = f"{PROJECT_FILE}: {error.strerror}."
        raise DiagnosticError(manifest_codes.UNREADABLE_FILE.error(detail)) from error
    document, problems = _parse(raw)
    if document is None or has_errors(problems):
        raise DiagnosticError(*problems)
    return _decode(root, document)


def _parse(raw: bytes) -> tuple[MappingNode | None, list[Diagnostic]]:
    source, problems = decode(raw, PROJECT_FILE)
    if source is None:
        return None, problems
    documents, problems = parse(source)
    if has_errors(problems):
        return None, problems
    if len(documents) != 1 or not isinstance(documents[0], MappingNode):
        what = "is empty" if not documents else "must be one mapping"
        return None, [
            codes.INVALID_SETTING.error(f"{PROJECT_FILE} {what}.", hint="Begin it with: version: 1")
        ]
    return documents[0], problems + check(documents[0], load_schema("project"))


def _decode(root: Path, document: MappingNode) -> Settings:
    values: dict[str, Any] = document.plain()
    account = document.get("account_id")
    return Settings(
        root=root,
        account_id=values.get("account_id", ""),
        account_range=account.range if isinstance(account, Scalar) else None,
        manifests=tuple(values.get("manifests", ())),
        state=values.get("state", DEFAULT_STATE),
        parallelism=values.get("parallelism", DEFAULT_PARALLELISM),
        limits=Limits(**values.get("limits", {})),
    )
