"""Keys from AWS's shared files, which obstore does not read.

`~/.aws/credentials` and `~/.aws/config`, as "Configuration and credential file settings" of
the AWS CLI's user guide describes them. Keys that are written there are taken; what has to be
asked for first (SSO, an assumed role, a process) is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser, Error
from pathlib import Path

from reconciler.buckets.variables import problem_of
from reconciler.diagnostics.text import printable

_KEYS = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
    "region": "region",
}
"""Of the files, and of obstore."""
_VARIABLES = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    "region": "AWS_REGION",
}
"""That hold the same."""


class ProfileError(ValueError):
    """A profile has no keys, or malformed ones; the text says so, and may be shown."""


def profile_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the profile in force, for S3Store.

    Empty where the environment has keys itself, or where no profile does. Raises
    ProfileError where AWS_PROFILE names one without keys: those of somebody else, such as
    the machine's, must not be taken instead. So it does for a key that no header can hold.
    """
    if environment.get("AWS_ACCESS_KEY_ID"):
        return {}
    named = environment.get("AWS_PROFILE", "")
    name = named or "default"
    folder = Path(environment.get("HOME") or "~").expanduser() / ".aws"
    config = environment.get("AWS_CONFIG_FILE") or str(folder / "config")
    credentials = environment.get("AWS_SHARED_CREDENTIALS_FILE") or str(folder / "credentials")
    found = {
        **_section(config, name if name == "default" else f"profile {name}"),
        **_section(credentials, name),
    }
    settings = {ours: found[theirs] for theirs, ours in _KEYS.items() if found.get(theirs)}
    if environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"):
        settings.pop("region", None)
    if "access_key_id" in settings and "secret_access_key" in settings:
        for theirs, ours in _KEYS.items():
            if ours in settings and (problem := problem_of(_VARIABLES[ours], settings[ours])):
                raise ProfileError(f"{theirs} of the profile {printable(name, 60)} {problem}")
        return settings
    if named:
        shown = printable(credentials, 200)
        raise ProfileError(f"the profile {printable(named, 60)} has no keys in {shown}")
    return {}


def _section(path: str, name: str) -> dict[str, str]:
    parser = ConfigParser(interpolation=None, default_section="")
    try:
        parser.read(path, encoding="utf-8")
        return dict(parser[name]) if parser.has_section(name) else {}
    except (Error, OSError, UnicodeDecodeError):
        return {}
