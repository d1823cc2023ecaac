"""The client of one account. It sends again only what cannot have been executed.

`requests` is imported when a client is built, not when this module is.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from reconciler.cloudflare.credentials import Credentials
from reconciler.cloudflare.envelope import Reading, read_answer
from reconciler.cloudflare.exchange import Failure, Request, Timeouts, TransportError
from reconciler.cloudflare.inference import (
    judge_failed_inference,
    judge_inference,
    path_of_model,
    question,
    unusable_model,
)
from reconciler.cloudflare.limiter import RateLimiter, retry_after_seconds
from reconciler.cloudflare.listing import (
    IncompleteListingError,
    Page,
    UnreadableListingError,
    is_id,
    read_page,
    read_pages,
)
from reconciler.cloudflare.multipart import MultipartBody
from reconciler.cloudflare.network import Network
from reconciler.cloudflare.outcomes import (
    AssetBody,
    CreateOutcome,
    InferenceOutcome,
    UploadOutcome,
)
from reconciler.cloudflare.verdicts import (
    judge_create,
    judge_failed_create,
    judge_failed_upload,
    judge_upload,
    unsent,
)
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import cloudflare as codes
from reconciler.model import Attributes, Listing

CONNECT_ATTEMPTS = 4
THROTTLE_ATTEMPTS = 5
LIST_ATTEMPTS = 4
LONGEST_LIST = 16 * 1024 * 1024
"""Bytes of one answer to a list; a hundred finetunes take about 40 KB."""

_READ = "Workers AI Read"
_LIST = "the list of finetunes"
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class AccountClient:
    """Lists, creates, uploads and asks in one account; safe to share between threads.

    Requests go out through one limiter; without one there is no limit, only the pauses that
    the server asks for. `stop` cuts waiting short, never a request that is under way: what
    has begun is seen to its end, and a request that does not have to wait is still sent.
    """

    def __init__(
        self,
        account_id: str,
        credentials: Credentials,
        base_url: str,
        *,
        limiter: RateLimiter | None = None,
        timeouts: Timeouts | None = None,
        network: Network | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        from reconciler.cloudflare.transport import Transport

        if not _ACCOUNT_ID.match(account_id):
            raise DiagnosticError(
                codes.INVALID_ACCOUNT_ID.error(
                    "The account id has to be letters and digits, 32 of them.",
                    hint="Copy it from the Cloudflare dashboard into account_id or "
                    "CLOUDFLARE_ACCOUNT_ID.",
                )
            )
        self._ai = f"/accounts/{account_id}/ai"
        self._finetunes = f"{self._ai}/finetunes"
        self._redact = credentials.redact
        self._limiter = limiter or RateLimiter()
        self._timeouts = timeouts or Timeouts()
        self._stop = stop
        self._transport = Transport(
            base_url, credentials.headers(), network or Network(), self._timeouts.connect
        )

    def __enter__(self) -> AccountClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what the transport holds."""
        self._transport.close()

    def list_finetunes(self) -> Listing:
        """Read every finetune of the account; raises DiagnosticError on any doubt.

        Asks again a few times where the API cannot be reached, fails, or contradicts itself.
        """
        attempt = 1
        while True:
            try:
                return read_pages(self._page)
            except IncompleteListingError as error:
                if attempt == LIST_ATTEMPTS or self._wait(attempt):
                    raise DiagnosticError(_incomplete(str(error))) from error
                attempt += 1
            except UnreadableListingError as error:
                raise DiagnosticError(
                    _unreadable(f"it has no list of finetunes: {error}")
                ) from error

    def create(self, attributes: Attributes) -> CreateOutcome:
        """Create one finetune with one POST, sent again only after a 429 or when unsent."""
        body: dict[str, str | bool] = {"model": attributes.model, "name": attributes.name}
        if attributes.description:
            body["description"] = attributes.description
        body["public"] = bool(attributes.public)
        request = self._post(self._finetunes, json.dumps(body).encode())
        try:
            reading = self._send(request, throttle_attempts=THROTTLE_ATTEMPTS)
        except TransportError as error:
            return judge_failed_create(error, attributes)
        return judge_create(reading, attributes)

    def upload(
        self,
        finetune_id: str,
        file_name: str,
        body: AssetBody,
        on_progress: Callable[[int], None],
    ) -> UploadOutcome:
        """Upload one file, streamed; on_progress is told the bytes that have left so far.

        Sent once: after Ambiguous the caller sends the same bytes to the same id again (a
        pause that the API asked for with a 429 is waited for then). Raises the DiagnosticError
        that reading the body raised; the API has got no whole file then.
        """
        if not is_id(finetune_id):
            _raise_unusable_id(file_name)
        multipart = MultipartBody(file_name, body, on_progress)
        timeouts = self._timeouts
        request = Request(
            "POST",
            f"{self._finetunes}/{finetune_id}/finetune-assets",
            total=timeouts.total + timeouts.answer + multipart.length / timeouts.slowest,
            stall=timeouts.stall,
            answer=timeouts.answer,
            body=multipart,
            length=multipart.length,
            content_type=multipart.content_type,
        )
        what = f"the upload of {file_name} to {finetune_id}"
        try:
            reading = self._send(request)
        except TransportError as error:
            return judge_failed_upload(error, what)
        return judge_upload(reading, what, is_sent=multipart.is_sent)

    def ask(self, finetune_id: str, model: str) -> InferenceOutcome:
        """Ask a finetune for one token, once; it counts against the account's allocation.

        After a NoVerdict with `retry_after` the caller may ask again.
        """
        path = path_of_model(model)
        if path is None:
            return unusable_model(finetune_id, model)
        try:
            reading = self._send(self._post(f"{self._ai}/run/{path}", question(finetune_id)))
        except TransportError as error:
            return judge_failed_inference(error, finetune_id, model)
        return judge_inference(reading, finetune_id, model, time.time())

    def _post(self, path: str, body: bytes) -> Request:
        total = self._timeouts.total
        return Request(
            "POST",
            path,
            total=total,
            stall=total,
            answer=total,
            body=body,
            length=len(body),
            content_type="application/json",
        )

    def _page(self, query: str) -> Page:
        reading = self._get(self._finetunes + query)
        if reading.is_success and reading.envelope is not None:
            return read_page(reading.envelope.result, reading.envelope.result_info)
        if reading.is_throttled or reading.is_definite_no:
            raise DiagnosticError(reading.refusal(_LIST, _READ))
        raise DiagnosticError(_unreadable(reading.words))

    def _get(self, path: str) -> Reading:
        """Read, again where that may help; raises DiagnosticError where there is no answer."""
        total = self._timeouts.total
        request = Request("GET", path, total=total, stall=total, answer=total, longest=LONGEST_LIST)
        attempt = 1
        while True:
            last = attempt == LIST_ATTEMPTS
            try:
                reading = self._send(request, throttle_attempts=THROTTLE_ATTEMPTS)
            except TransportError as error:
                if last or error.failure is not Failure.LOST or self._wait(attempt):
                    raise DiagnosticError(_no_list(error)) from error
            else:
                if not reading.is_trouble or last or self._wait(attempt):
                    return reading
            attempt += 1

    def _send(self, request: Request, *, throttle_attempts: int = 1) -> Reading:
        """Send it, and again only where it is certain that nothing was executed.

        That is when not a byte was sent (a few attempts to connect), and after a 429.
        """
        connects = throttles = 0
        while True:
            if not self._limiter.acquire(self._stop):
                raise TransportError(Failure.INTERRUPTED, "told to stop", sent=False)
            try:
                answer = self._transport.exchange(request)
            except TransportError as error:
                connects += 1
                gives_up = error.failure is not Failure.UNREACHABLE or connects == CONNECT_ATTEMPTS
                if error.sent or gives_up or self._wait(connects):
                    raise
                continue
            self._limiter.observe(answer.headers)
            reading = read_answer(answer, self._redact)
            if not reading.is_throttled:
                return reading
            throttles += 1
            asked = retry_after_seconds(answer.headers.get("retry-after"), time.time())
            self._limiter.pause(max(asked or 0.0, _backoff(throttles)))
            if throttles == throttle_attempts:
                return reading

    def _wait(self, attempt: int) -> bool:
        return self._limiter.wait(_backoff(attempt), self._stop)


def _backoff(attempt: int) -> float:
    """Seconds before the next attempt: 1, 2, 4, 8; no jitter, one process is no herd."""
    return float(2 ** (attempt - 1))


def _raise_unusable_id(file_name: str) -> NoReturn:
    raise DiagnosticError(
        codes.REQUEST_REFUSED.error(
            f"{file_name} was not sent, because the finetune's id cannot be one of Cloudflare's.",
            hint="The id comes from the state; compare it with `reconciler state show`.",
        )
    )


def _no_list(error: TransportError) -> Diagnostic:
    if not error.sent:
        return unsent(error, _LIST)
    if error.failure is Failure.UNREADABLE:
        return _unreadable(error.reason)
    return codes.NO_ANSWER.error(
        f"The API was asked for {_LIST}, and {error.reason}.",
        hint="Check https://www.cloudflarestatus.com and run it again.",
    )


def _unreadable(answer: str) -> Diagnostic:
    return codes.UNREADABLE_ANSWER.error(
        f"The API was asked for {_LIST}, and the answer cannot be used: {answer}.",
        hint="Nothing was changed. Check the base URL, the account id and "
        "https://www.cloudflarestatus.com, then run it again.",
    )


def _incomplete(reason: str) -> Diagnostic:
    return codes.INCOMPLETE_LISTING.error(
        f"The list of finetunes cannot be relied on: {reason}.",
        hint="Nothing was changed. Run it again when nobody else changes the account.",
    )
