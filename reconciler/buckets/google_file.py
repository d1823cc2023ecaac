"""Why Google's credentials are not taken, which obstore says among much else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.diagnostics.text import printable

_FIELDS = {
    "service_account": ("client_email", "private_key", "private_key_id"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}
"""The kinds that obstore takes, and what it needs of them."""
_TEXT = "GOOGLE_SERVICE_ACCOUNT_KEY"
_FILES = (
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_APPLICATION_CREDENTIALS",
)
_LONGEST = 1_000_000
_HINT = (
    "Name the key file of a service account in GOOGLE_APPLICATION_CREDENTIALS, or run: "
    "gcloud auth application-default login"
)
_OTHER_KIND = (
    'Sign in with gcloud, then: export GOOGLE_BEARER_TOKEN="$(gcloud auth print-access-token)"'
)


def check_google_credentials(environment: Mapping[str, str]) -> None:
    """Raise DiagnosticError (R213) where the credentials in force cannot be taken."""
    problem, hint = _problem(environment)
    if problem:
        raise DiagnosticError(codes.MALFORMED_VARIABLE.error(f"{problem}.", hint=hint))


def _problem(environment: Mapping[str, str]) -> tuple[str, str]:
    if environment.get(_TEXT):
        return _problem_of_text(environment[_TEXT], _TEXT)
    name = next((name for name in _FILES if environment.get(name)), "")
    if name:
        path, what = environment[name], f"The file that {name} names"
    else:
        folder = Path(environment.get("HOME") or "~").expanduser() / ".config/gcloud"
        path = str(folder / "application_default_credentials.json")
        what = "The file of gcloud's default login"
    if path.lstrip().startswith("{"):
        return f"{name} holds a key itself; it takes the path of a file", _HINT
    try:
        file = Path(path)
        if not file.is_file() and file.exists():
            return f"{what} is not a regular file", _HINT
        with file.open("rb") as opened:
            return _problem_of_text(opened.read(_LONGEST), what)
    except OSError as error:
        # Without a name it is not the file that is at fault.
        return (f"{what} cannot be read: {error.strerror}" if name else ""), _HINT


def _problem_of_text(text: str | bytes, what: str) -> tuple[str, str]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return f"{what} is no JSON", _HINT
    kind = data.get("type") if isinstance(data, dict) else None
    if not isinstance(kind, str):
        return f"{what} does not say which kind of credentials it has", _HINT
    if kind not in _FIELDS:
        told = f"{what} has credentials of the kind {printable(kind, 60)}"
        return f"{told}; only {' and '.join(_FIELDS)} are taken", _OTHER_KIND
    missing = [field for field in _FIELDS[kind] if not isinstance(data.get(field), str)]
    if missing:
        return f"{what} lacks {', '.join(missing)}", _HINT
    return f"{what} has a key that cannot be read", _HINT
