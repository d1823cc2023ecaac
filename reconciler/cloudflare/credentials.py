"""Credentials: from the environment only, and never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import cloudflare as codes

TOKEN = "CLOUDFLARE_API_TOKEN"
KEY = "CLOUDFLARE_API_KEY"
EMAIL = "CLOUDFLARE_EMAIL"

_VISIBLE_ASCII = re.compile(r"[!-~]+\Z")
# A shorter one is no secret of Cloudflare's, and would blot out ordinary words.
_SHORTEST_SECRET = 8


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API token, or else a global API key with its e-mail address."""

    token: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    email: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Credentials:
        """Read CLOUDFLARE_API_TOKEN, else CLOUDFLARE_API_KEY and CLOUDFLARE_EMAIL.

        An empty variable counts as unset. Raises DiagnosticError (R501, R502) that names the
        variables and never their values.
        """
        names = (TOKEN,) if env.get(TOKEN) else (KEY, EMAIL)
        missing = [name for name in names if not env.get(name)]
        if missing:
            raise DiagnosticError(_missing(missing))
        malformed = [d for name in names if (d := _malformed(name, env[name]))]
        if malformed:
            raise DiagnosticError(*malformed)
        if names == (TOKEN,):
            return cls(token=env[TOKEN])
        return cls(key=env[KEY], email=env[EMAIL])

    def headers(self) -> dict[str, str]:
        """Return the headers that authenticate a request."""
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        return {"X-Auth-Email": self.email, "X-Auth-Key": self.key}

    def redact(self, text: str) -> str:
        """Blot out the secrets: a server may well quote them back at us."""
        for secret in (self.token, self.key):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "[redacted]")
        return text


def _missing(names: list[str]) -> Diagnostic:
    if len(names) == 1:
        other = EMAIL if names == [KEY] else KEY
        detail = f"{other} is set, but {names[0]} is not, and neither is {TOKEN}."
    else:
        detail = f"Neither {TOKEN} is set, nor {KEY} with {EMAIL}."
    return codes.MISSING_CREDENTIALS.error(
        detail,
        hint=f"Set {TOKEN} to an API token with the permissions Workers AI Read and "
        "Workers AI Write.",
    )


def _malformed(name: str, value: str) -> Diagnostic | None:
    if _VISIBLE_ASCII.match(value):
        return None
    if value != value.rstrip("\r\n"):
        detail, hint = f"{name} ends with a line break.", "Set it without the line break."
    elif name == TOKEN and value.lower().startswith("bearer "):
        detail, hint = f"{name} starts with the word Bearer.", "Set it to the token alone."
    else:
        detail = (
            f"{name} has a space, a control character or a character outside ASCII in it, "
            "which no Cloudflare credential has."
        )
        hint = "Copy the value once more, without quotes or spaces around it."
    return codes.MALFORMED_CREDENTIALS.error(detail, hint=hint)
