"""The Hugging Face hub: addresses and what it knows of its files, by its own library.

All of the library's requests go through our client, with its care. Files are not
downloaded by the library, which would keep copies of its own and reads whole files.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx2
import huggingface_hub
from huggingface_hub import HfApi, ModelInfo, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.model import ASSET_NAMES, SourceAddress
from reconciler.sources.source import BrokenError, Resolved
from reconciler.sources.web import WebSource
from reconciler.sources.web_client import Answer, WebClient

ENDPOINT_VARIABLE = "HF_ENDPOINT"
TOKEN_VARIABLE = "HF_TOKEN"
DEFAULT_ENDPOINT = "https://huggingface.co"
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_STUMBLES = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class HubSource(WebSource):
    """An adapter in a model repository of the hub."""

    def __init__(
        self, address: SourceAddress, client: WebClient, environment: Mapping[str, str]
    ) -> None:
        super().__init__(address, client)
        self._endpoint = environment.get(ENDPOINT_VARIABLE, "").rstrip("/") or DEFAULT_ENDPOINT
        self._token = environment.get(TOKEN_VARIABLE, "").strip()
        if urlsplit(self._endpoint).scheme != "https":
            raise DiagnosticError(
                codes.BAD_REDIRECT.error(f"{ENDPOINT_VARIABLE} does not begin with https://.")
            )

    def url_of(self, file_name: str) -> str:
        """Return the URL of a file at the revision."""
        return hf_hub_url(
            self.address.place,
            file_name,
            subfolder=self.address.folder or None,
            revision=self.address.revision,
            endpoint=self._endpoint,
        )

    @property
    def authorization(self) -> str:
        """The token, for the hub itself and not for where it keeps large files."""
        return f"Bearer {self._token}" if self._token else ""

    @property
    def denied_hint(self) -> str:
        """What to do where the files may not be read."""
        if self._token:
            return f"See that {TOKEN_VARIABLE} may read the repository, and accept its terms."
        return f"Set {TOKEN_VARIABLE} to a token that may read it, if the repository exists."

    def resolve(self) -> Resolved:
        """Ask for the commit, and for the digests of the files in Git LFS."""
        api = HfApi(endpoint=self._endpoint, token=self._token or False)
        try:
            info = api.model_info(
                self.address.place, revision=self.address.revision, files_metadata=True
            )
        except GatedRepoError as error:
            raise DiagnosticError(self._denied(error)) from None
        except HfHubHTTPError as error:
            raise self._explained(error) from None
        except _STUMBLES:
            # The library takes the answer to be what it expects, field by field.
            raise self._makes_no_sense("what it says of the repository") from None
        return Resolved(self.address.at(self._commit(info)), dict(self._digests(info)))

    def _commit(self, info: ModelInfo) -> str:
        commit = str(info.sha)
        if not _COMMIT.match(commit):
            raise self._makes_no_sense("the commit")
        if not self.address.can_move and commit != self.address.revision:
            raise self._makes_no_sense("another commit than was asked for")
        return commit

    def _digests(self, info: ModelInfo) -> Iterator[tuple[str, str]]:
        for name in ASSET_NAMES:
            for sibling in info.siblings or ():
                if sibling.rfilename == self.address.path(name) and sibling.lfs:
                    digest = str(sibling.lfs.sha256)
                    if not _DIGEST.match(digest):
                        raise self._makes_no_sense(f"the sha256 of {name}")
                    yield name, digest

    def _makes_no_sense(self, what: str) -> DiagnosticError:
        """Refuse an answer; nothing of it is shown, it may hold anything."""
        return DiagnosticError(
            codes.BAD_ANSWER.error(
                f"{self.address}: the hub's answer cannot be used: {what}.",
                hint=f"Check {ENDPOINT_VARIABLE} where it is set.",
            )
        )

    def _explained(self, error: HfHubHTTPError) -> Exception:
        status = error.response.status_code
        if status in (401, 403):
            return DiagnosticError(self._denied(error))
        if status == 404:
            return DiagnosticError(
                codes.NOT_THERE.error(
                    f"{self.address}: the hub knows no such repository or revision.",
                    hint="Check the address; a private repository needs HF_TOKEN.",
                )
            )
        return BrokenError(f"the hub answered {status}")

    def _denied(self, error: HfHubHTTPError) -> Diagnostic:
        return codes.DENIED.error(
            f"{self.address} may not be read ({error.response.status_code}).",
            hint=self.denied_hint,
        )


def send_through(client: WebClient) -> None:
    """Have the library send its requests through a client; it has one for all its threads."""
    huggingface_hub.set_client_factory(
        lambda: httpx2.Client(transport=_Transport(client), trust_env=False)
    )


class _Transport(httpx2.BaseTransport):
    """Hands the library's requests to our client, and the answers back."""

    def __init__(self, client: WebClient) -> None:
        self._client = client

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method != "GET":
            raise httpx2.UnsupportedProtocol(f"{request.method} is not sent to a source")
        stack = ExitStack()
        authorization = request.headers.get("authorization", "")
        answer = stack.enter_context(self._client.get(str(request.url), {}, authorization))
        return httpx2.Response(
            answer.status, headers=dict(answer.headers), stream=_Body(answer, stack)
        )


class _Body(httpx2.SyncByteStream):
    def __init__(self, answer: Answer, stack: ExitStack) -> None:
        self._answer = answer
        self._stack = stack

    def __iter__(self) -> Iterator[bytes]:
        read, begun = 0, time.monotonic()
        for block in self._answer.blocks():
            read += len(block)
            if read > MOST_METADATA:
                raise DiagnosticError(
                    codes.BAD_ANSWER.error("What the hub says of the repository has no end.")
                )
            if time.monotonic() > begun + MOST_SECONDS:
                raise BrokenError("it is too slow")
            yield block

    def close(self) -> None:
        self._stack.close()


MOST_SECONDS = 60.0
MOST_METADATA = 16 << 20
"""Bytes; a repository of ten thousand files has about three million."""
