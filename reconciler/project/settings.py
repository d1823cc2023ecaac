"""The settings of one run, and where each came from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.diagnostics import (
    Diagnostic,
    DiagnosticError,
    Position,
    SourceRange,
    has_errors,
)
from reconciler.diagnostics.codes import manifests as manifest_codes
from reconciler.diagnostics.codes import project as codes
from reconciler.documents import Mapping as MappingNode
from reconciler.documents import (
    Scalar,
    Source,
    check,
    decode,
    leads_out,
    load_schema,
    parse,
    read_file,
    shorten,
    without_echoes,
)
from reconciler.model import SLOWEST, Limits

PROJECT_FILE = "reconciler.yaml"
DEFAULT_STATE = "reconciler.state.json"
DEFAULT_PARALLELISM = 4
DEFAULT_CACHE_BYTES = 20_000_000_000
ACCOUNT_VARIABLE = "CLOUDFLARE_ACCOUNT_ID"
STATE_VARIABLE = "RECONCILER_STATE"
CACHE_VARIABLE = "RECONCILER_CACHE"
DEFAULT_CACHE = ".reconciler/cache"
_ACCOUNT_ID = re.compile(r"[0-9a-f]{32}")


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
    state_from_file: the project file alone names the place of the state.
    allowed_sources: where adapters may live besides the project's folders. cache: the folder
    of what was fetched, relative to root, of at most max_cache_bytes bytes.
    max_bytes_per_second: None for no bound.
    """

    root: Path
    account_id: str = ""
    account_range: SourceRange | None = None
    manifests: tuple[str, ...] = ()
    state: str = DEFAULT_STATE
    state_from_file: bool = False
    parallelism: int = DEFAULT_PARALLELISM
    limits: Limits = field(default_factory=Limits)
    allowed_sources: tuple[str, ...] = ()
    cache: str = DEFAULT_CACHE
    max_cache_bytes: int = DEFAULT_CACHE_BYTES
    max_bytes_per_second: int | None = None

    @property
    def slowest(self) -> float:
        """Bytes a second below which one transfer as a whole is given up.

        Half of its share where all that are under way at once share a bandwidth.
        """
        if self.max_bytes_per_second is None:
            return SLOWEST
        return min(SLOWEST, self.max_bytes_per_second / (2 * self.parallelism))

    def require_account(self) -> str:
        """Return the account; DiagnosticError where none or a malformed one is named."""
        if not self.account_id:
            raise DiagnosticError(
                codes.MISSING_ACCOUNT.error(
                    f"Neither {ACCOUNT_VARIABLE} nor account_id in {PROJECT_FILE} is set.",
                    hint=f"export {ACCOUNT_VARIABLE}=... (or try it out with --sandbox)",
                )
            )
        if not _ACCOUNT_ID.fullmatch(self.account_id):
            raise DiagnosticError(self._malformed_account())
        return self.account_id

    def _malformed_account(self) -> Diagnostic:
        """Say what is wrong without the value: a token is easily put into the wrong variable."""
        where = "account_id" if self.account_range else ACCOUNT_VARIABLE
        length = len(self.account_id)
        what = f"has {length} characters" if length != 32 else "has other characters"
        return codes.INVALID_ACCOUNT.error(
            f"{where} {what}; an account id is 32 lower-case hex digits.",
            hint="Copy the account id from the address bar of the dashboard.",
            range=self.account_range,
        )


def resolve_settings(root: Path, environment: Mapping[str, str], flags: Flags) -> Settings:
    """Put the settings together: flags beat the environment, which beats the project file.

    Raises DiagnosticError with every mistake of the project file.
    """
    settings = _from_file(root)
    account = environment.get(ACCOUNT_VARIABLE, "").strip()
    if account:
        settings = replace(settings, account_id=account, account_range=None)
    state = flags.state or environment.get(STATE_VARIABLE, "").strip()
    return replace(
        settings,
        cache=environment.get(CACHE_VARIABLE, "").strip() or DEFAULT_CACHE,
        state_from_file=settings.state_from_file and not state,
        manifests=flags.manifests or settings.manifests,
        state=state or settings.state,
        parallelism=flags.parallelism or settings.parallelism,
    )


def _from_file(root: Path) -> Settings:
    path = root / PROJECT_FILE
    if leads_out(path, root):
        hint = "Put the file itself into the working folder."
        raise DiagnosticError(_unreadable("It links out of the project", hint))
    try:
        raw = read_file(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return Settings(root)
        problem = _unreadable(str(error.strerror), "Check the file and its permissions.")
        raise DiagnosticError(problem) from error
    source, problems = decode(raw, PROJECT_FILE)
    if source is None:
        raise DiagnosticError(*problems)
    document, problems = _read(source, root)
    if document is None or has_errors(problems):
        raise DiagnosticError(*problems)
    return _decode(root, document)


def _unreadable(detail: str, hint: str) -> Diagnostic:
    return manifest_codes.UNREADABLE_FILE.error(f"{PROJECT_FILE}: {detail}.", hint=hint)


def _read(source: Source, root: Path) -> tuple[MappingNode | None, list[Diagnostic]]:
    """Return the document with every mistake in it; None with at least one."""
    documents, problems = parse(source)
    document = documents[0] if documents else None
    if not problems and (len(documents) != 1 or not isinstance(document, MappingNode)):
        several = "holds several documents" if len(documents) > 1 else "is not a mapping"
        problems = [
            codes.INVALID_SETTING.error(
                f"{PROJECT_FILE} {several if documents else 'is empty'}.",
                hint="Write one mapping, which begins with: version: 1",
                range=documents[-1].range if documents else source.within(0, 0, 0),
            )
        ]
    if not isinstance(document, MappingNode):
        return None, problems
    findings = [*check(document, load_schema("project")), *_manifests_outside(document, root)]
    problems = problems + without_echoes(findings, problems)
    return document, sorted(problems, key=lambda p: p.range.start if p.range else Position(0, 0))


def _manifests_outside(document: MappingNode, root: Path) -> Iterator[Diagnostic]:
    """Yield what a pull request could have read, and shown in the errors of CI."""
    for node in document.sequence("manifests"):
        text = node.value if isinstance(node, Scalar) else None
        if not isinstance(text, str) or not text:
            continue
        if Path(text).is_absolute() or leads_out(root / text, root) or text == "-":
            yield codes.INVALID_SETTING.error(
                f"`{shorten(text)}` is no file or folder inside the project.",
                hint="Write a path below the working folder, or name this one with -f/--manifest.",
                range=node.range,
            )


def _decode(root: Path, document: MappingNode) -> Settings:
    values: dict[str, Any] = document.plain()
    account = document.get("account_id")
    # JSON Schema takes 4.0 for the integer 4.
    limits = {name: int(value) for name, value in values.get("limits", {}).items()}
    sources, bandwidth = values.get("sources", {}), values.get("max_bytes_per_second")
    return Settings(
        root=root,
        account_id=values.get("account_id", ""),
        account_range=account.range if account else None,
        manifests=tuple(values.get("manifests", ())),
        state=values.get("state", DEFAULT_STATE),
        state_from_file="state" in values,
        parallelism=int(values.get("parallelism", DEFAULT_PARALLELISM)),
        limits=Limits(**limits),
        allowed_sources=tuple(sources.get("allow", ())),
        max_cache_bytes=int(sources.get("max_cache_bytes", DEFAULT_CACHE_BYTES)),
        max_bytes_per_second=None if bandwidth is None else int(bandwidth),
    )
