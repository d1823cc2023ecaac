"""From an address to the source behind it; each library is imported where it is used."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.model import SourceAddress
from reconciler.sources.source import Source
from reconciler.sources.web import WebSource
from reconciler.sources.web_client import WebClient


class Sources:
    """Opens sources; they share their connections. environment: for credentials and proxies.

    Once `stop` is set, what waits for a server raises StoppedError.
    """

    def __init__(self, environment: Mapping[str, str], stop: threading.Event | None = None) -> None:
        self._environment = environment
        self._stop = stop or threading.Event()
        self._client = WebClient(environment, self._stop)
        self._lock = threading.Lock()
        self._hub_is_set_up = False

    def open(self, address: SourceAddress) -> Source:
        """Return a source; nothing is sent yet. DiagnosticError where an extra is missing."""
        if address.scheme == "https":
            return WebSource(address, self._client)
        try:
            if address.scheme == "hf":
                return self._open_hub(address)
            from reconciler.sources.bucket import BucketSource
        except ImportError as error:
            extra = address.scheme
            raise DiagnosticError(
                codes.MISSING_EXTRA.error(
                    f"{extra}:// needs {error.name or 'a library'}, which is not installed.",
                    hint=f"Install the extra {extra}: pip install 'finetune-reconciler[{extra}]', "
                    f"or in a checkout: pip install '.[{extra}]'",
                )
            ) from None
        return BucketSource(address, self._stop)

    def _open_hub(self, address: SourceAddress) -> Source:
        from reconciler.sources.hub import HubSource, send_through

        # Once: whoever sets the library's client closes the one that others are using.
        with self._lock:
            if not self._hub_is_set_up:
                send_through(self._client)
                self._hub_is_set_up = True
        return HubSource(address, self._client, self._environment)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
