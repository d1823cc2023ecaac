"""What lies between here and the API: a proxy, and whose certificates are trusted.

`requests` would take these from the environment by itself (`trust_env`), together with
netrc, which replaces the token, and proxies for plain http, which would read it. So that
is off, and the two settings that companies need are read here, on purpose:

- HTTPS_PROXY (or https_proxy) with NO_PROXY, for https addresses only. The proxy is asked
  for a tunnel, TLS is verified through it, and it never sees the token. HTTP_PROXY and
  ALL_PROXY are ignored, and this machine itself is never reached through a proxy.
- REQUESTS_CA_BUNDLE, else SSL_CERT_FILE: a file of certificates to trust instead of the
  bundled ones, for networks that inspect TLS. Nothing turns verification off.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from reconciler.cloudflare.base_url import is_loopback
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import cloudflare as codes

CA_BUNDLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Network:
    """How to get out. proxy: URL, "" for none. ca_bundle: file or folder, "" for certifi's."""

    proxy: str = field(default="", repr=False)
    ca_bundle: str = ""

    @classmethod
    def from_environment(cls, env: Mapping[str, str], base_url: str) -> Network:
        """Read what is meant for this base URL; DiagnosticError (R505) where it is unusable."""
        return cls(_proxy(env, base_url), _ca_bundle(env))


def _proxy(env: Mapping[str, str], base_url: str) -> str:
    if urlsplit(base_url).scheme != "https" or is_loopback(base_url):
        return ""
    name = "https_proxy" if env.get("https_proxy") else "HTTPS_PROXY"
    proxy = env.get(name, "")
    if not proxy or _is_exempt(env, base_url):
        return ""
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        # The value is not quoted: a proxy URL often holds a password.
        raise DiagnosticError(
            codes.INVALID_NETWORK_SETTING.error(
                f"{name} is not an http:// or https:// URL.",
                hint=f"Set {name} to a URL such as http://proxy.example.com:3128, or unset it.",
            )
        )
    return proxy


def _is_exempt(env: Mapping[str, str], base_url: str) -> bool:
    """Apply NO_PROXY: a list of host names, each standing for its subdomains, too; or `*`."""
    host = urlsplit(base_url).hostname or ""
    listed = (env.get("no_proxy") or env.get("NO_PROXY") or "").lower().split(",")
    names = {name.strip().lstrip(".") for name in listed} - {""}
    return "*" in names or any(f".{host}".endswith(f".{name}") for name in names)


def _ca_bundle(env: Mapping[str, str]) -> str:
    for name in CA_BUNDLES:
        path = env.get(name, "")
        # Path's own raises where it may not be looked at.
        if path and not os.path.exists(path):  # noqa: PTH110
            raise DiagnosticError(
                codes.INVALID_NETWORK_SETTING.error(
                    f"{name} names {path}, which does not exist.",
                    hint=f"Set {name} to a file of PEM certificates, or unset it.",
                )
            )
        if path:
            return path
    return ""
