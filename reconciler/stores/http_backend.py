"""The state behind Terraform's HTTP backend protocol, which GitLab speaks, too.

    GET address                the state; 200, or 204 or 404 where there is none
    POST address?ID=lock       a new state; the server refuses another lock's ID
    LOCK, UNLOCK address/lock  with the lock's JSON; 423 or 409 with the holder's

The protocol has no compare-and-swap, so the state is read again right before it is replaced.
Under the lock, that is as good: everybody else is kept out by the server, which refuses a POST
with an ID that does not hold the lock. Without a lock, a moment stays between the two in
which another's write would be lost; no command of this tool saves without one.

For the same reason nothing can be asked about a lock that is held. A run that lost its lock
learns it from the server's answer to its next save, which comes before its next create.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable
from reconciler.state import (
    HIDDEN_QUERY,
    LockInfo,
    Snapshot,
    State,
    StateLock,
    encode_state,
    version_of,
)
from reconciler.stores import findings
from reconciler.stores.addresses import LOOPBACK, malformed, split
from reconciler.stores.confirming import server_of
from reconciler.stores.holding import held, probed
from reconciler.stores.http_exchange import Answer, ExchangeError, exchange, repeated

_LOCKED = (409, 423)


class HttpStore:
    """One state behind an address; see StateStore."""

    def __init__(self, address: str) -> None:
        parts = split(address)
        if not parts.hostname or (parts.scheme == "http" and parts.hostname not in LOOPBACK):
            raise malformed(parts.scheme, "It names no https:// server.")
        self._url = address
        # A token may be in a query under any name.
        self._location = f"{address.partition('?')[0]}{HIDDEN_QUERY}" if parts.query else address
        self._lock: LockInfo | None = None
        self._headers = _credentials()
        self._lock_url = _lock_url(address, "TF_HTTP_LOCK_ADDRESS")
        self._unlock_url = _lock_url(address, "TF_HTTP_UNLOCK_ADDRESS")
        # GitLab serves its locks with methods of its own.
        gitlab = "/api/v4/projects/" in parts.path and "/terraform/state/" in parts.path
        methods = ("POST", "DELETE") if gitlab else ("LOCK", "UNLOCK")
        self._lock_method = os.environ.get("TF_HTTP_LOCK_METHOD") or methods[0]
        self._unlock_method = os.environ.get("TF_HTTP_UNLOCK_METHOD") or methods[1]
        self._update_method = os.environ.get("TF_HTTP_UPDATE_METHOD") or "POST"

    @property
    def location(self) -> str:
        """The address without its query."""
        return self._location

    def load(self) -> Snapshot | None:
        """Read the state; see StateStore."""
        raw = self._read()
        if raw is None:
            return None
        copies = "GitLab keeps older versions of a state"
        return findings.decode(raw, version_of(raw), self._location, copies)

    def save(self, state: State, expected: str) -> str:
        """Replace the state; see StateStore, and above what that is worth here."""
        stored = self._read()
        if (version_of(stored) if stored is not None else "") != expected:
            raise findings.moved_on(self._location)
        raw = encode_state(state)
        answer = self._update(raw, stored)
        if answer is None:
            return version_of(raw)
        if answer.status in _LOCKED:
            raise self._refused_by_lock(answer)
        if not 200 <= answer.status < 300:
            raise self._refused(answer.status, "save the state")
        return version_of(raw)

    @contextmanager
    def lock(self, info: LockInfo, timeout: float) -> Iterator[StateLock]:
        """Hold the lock of the server; see StateStore."""
        attempt, release = lambda: self._try_lock(info), lambda: self._unlock(info)
        with held(attempt, release, self._location, timeout):
            outer, self._lock = self._lock, info
            try:
                yield _HttpLock()
            finally:
                self._lock = outer

    def holder(self) -> LockInfo | None:
        """Ask by trying to lock; the protocol has no other question."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        probe = LockInfo(f"probe-{os.urandom(8).hex()}", "state unlock", "reconciler", now)
        attempt, release = lambda: self._try_lock(probe), lambda: self._unlock(probe)
        return probed(attempt, release, self._location)

    def break_lock(self, lock_id: str) -> None:
        """Unlock in the name of a holder that is gone; see StateStore."""
        holder = self.holder()
        if holder is findings.UNKNOWN_HOLDER:
            # The server tells no ids, but it knows whether this is the one.
            holder = replace(holder, id=lock_id)
        if holder is None or holder.id != lock_id:
            raise findings.no_such_lock(self._location, lock_id, holder)
        answer = self._asked_to_unlock(holder)
        if 200 <= answer.status < 300 or (now := self.holder()) is None:
            return
        if answer.status in _LOCKED:
            raise findings.no_such_lock(self._location, lock_id, now)
        raise self._refused(answer.status, "release the lock")

    def _read(self) -> bytes | None:
        try:
            answer = repeated(lambda: self._send("GET", self._url))
        except ExchangeError as error:
            raise self._failed(error, "read the state") from None
        if answer.status in (204, 404):
            return None
        if answer.status != 200:
            raise self._refused(answer.status, "read the state")
        self._check_digest(answer)
        return answer.body

    def _update(self, raw: bytes, stored: bytes | None) -> Answer | None:
        """Replace what is stored; None where the answer was lost, but the new state is there."""
        was_sent = False

        def update() -> Answer | None:
            nonlocal was_sent
            try:
                answer = self._send(self._update_method, self._update_url(), raw)
            except ExchangeError as error:
                was_sent = was_sent or error.sent
                now = self._read()
                if now == raw:
                    return None
                if now != stored:
                    raise findings.moved_on(self._location) from None
                raise
            is_refused = not 200 <= answer.status < 300
            # As a second one of its kind, where the first was executed late.
            return None if is_refused and was_sent and self._read() == raw else answer

        try:
            return repeated(update)
        except ExchangeError as error:
            raise self._failed(error, "save the state") from None

    def _check_digest(self, answer: Answer) -> None:
        said = answer.headers.get("content-md5", "")
        if said and said != _md5(answer.body):
            raise DiagnosticError(
                codes.STATE_DAMAGED.error(
                    f"{self._location}: it does not fit the Content-MD5 that came with it.",
                    hint="Try again; if it stays, look into the server's storage.",
                )
            )

    def _try_lock(self, info: LockInfo) -> LockInfo | None:
        """Take the lock; UnsureError where that failed and it may be ours all the same."""
        lost: list[ExchangeError] = []

        def attempt() -> LockInfo | None:
            try:
                return self._take(info, may_be_ours=any(error.sent for error in lost))
            except ExchangeError as error:
                lost.append(error)
                raise

        try:
            return repeated(attempt)
        except ExchangeError:
            failed = self._failed(lost[0], "lock the state")
        except DiagnosticError as error:
            failed = error
        if any(error.sent for error in lost):
            raise findings.UnsureError(*failed.diagnostics)
        raise failed

    def _take(self, info: LockInfo, *, may_be_ours: bool) -> LockInfo | None:
        holder = self._asked_to_lock(info)
        if holder is not findings.UNKNOWN_HOLDER or not may_be_ours:
            return holder
        # It is not told for whom. By our id nothing but a lock of ours is released.
        self._unlock(info)
        return self._asked_to_lock(info)

    def _asked_to_lock(self, info: LockInfo) -> LockInfo | None:
        answer = self._send(self._lock_method, self._lock_url, info.to_json().encode())
        if answer.status in _LOCKED:
            holder = LockInfo.from_json(answer.body.decode(errors="replace"))
            if holder is None:
                return findings.UNKNOWN_HOLDER
            return None if holder.id == info.id else holder
        if answer.status in (400, 404, 405, 501):
            raise DiagnosticError(self._no_locks(answer))
        if 200 <= answer.status < 300:
            return None
        raise self._refused(answer.status, "lock the state")

    def _asked_to_unlock(self, info: LockInfo) -> Answer:
        body = info.to_json().encode()
        try:
            return repeated(lambda: self._send(self._unlock_method, self._unlock_url, body))
        except ExchangeError as error:
            raise self._failed(error, "release the lock") from None

    def _unlock(self, info: LockInfo) -> None:
        answer = self._asked_to_unlock(info)
        # 404, 409 and 423: it is not ours any more, so there is nothing of ours to release.
        if not 200 <= answer.status < 300 and answer.status not in (404, *_LOCKED):
            raise self._refused(answer.status, "release the lock")

    def _update_url(self) -> str:
        if self._lock is None:
            return self._url
        parts = urlsplit(self._url)
        query = [*parse_qsl(parts.query, keep_blank_values=True), ("ID", self._lock.id)]
        return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))

    def _send(self, method: str, url: str, body: bytes | None = None) -> Answer:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **self._headers}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Content-MD5": _md5(body)}
        return exchange(url, method, headers, body)

    def _refused_by_lock(self, answer: Answer) -> DiagnosticError:
        holder = LockInfo.from_json(answer.body.decode(errors="replace"))
        if self._lock is None:
            return findings.locked(self._location, holder, 0)
        now = f" Now {printable(str(holder))} holds it." if holder and holder.id else ""
        what = f"the server did not accept it any more ({answer.status}).{now}"
        return DiagnosticError(findings.lock_lost(self._location, what))

    def _failed(self, error: ExchangeError, action: str) -> DiagnosticError:
        if error.status:
            return self._refused(error.status, action)
        return DiagnosticError(
            codes.STORE_UNREACHABLE.error(
                f"{self._location}: {error.reason}.",
                hint="Check the address, the network and the proxy.",
            )
        )

    def _refused(self, status: int, action: str) -> DiagnosticError:
        if status in (401, 403):
            return DiagnosticError(
                codes.STORE_DENIED.error(
                    f"{self._location}: these credentials may not {action} ({status}).",
                    hint="Set TF_HTTP_USERNAME and TF_HTTP_PASSWORD (in GitLab CI: gitlab-ci-token "
                    "and $CI_JOB_TOKEN), or RECONCILER_HTTP_TOKEN.",
                )
            )
        moved = " A redirect is never followed, so that no credential leaves for another server."
        return DiagnosticError(
            codes.STORE_ANSWER.error(
                f"{self._location}: the server answered {status} when asked to {action}."
                f"{moved if 300 <= status < 400 else ''}",
                hint="Try again; if it stays, look into the server's log."
                if status >= 500 or status == 429
                else "Check that the address is the one of the state, as it is written.",
            )
        )

    def _no_locks(self, answer: Answer) -> Diagnostic:
        return codes.LOCK_UNSUPPORTED.error(
            f"{self._location}: the server answered {answer.status} to {self._lock_method}.",
            hint="If it locks by other methods or at another address, set TF_HTTP_LOCK_METHOD, "
            "TF_HTTP_UNLOCK_METHOD, TF_HTTP_LOCK_ADDRESS and TF_HTTP_UNLOCK_ADDRESS.",
        )


class _HttpLock:
    def check(self) -> None:
        """Nothing to ask: the save that follows carries the lock's id, and is refused."""


def _credentials() -> dict[str, str]:
    token = os.environ.get("RECONCILER_HTTP_TOKEN", "")
    if token:
        return {"Authorization": f"Bearer {_header_safe(token)}"}
    user = os.environ.get("TF_HTTP_USERNAME", "")
    if not user:
        return {}
    pair = f"{user}:{os.environ.get('TF_HTTP_PASSWORD', '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _header_safe(token: str) -> str:
    if not token.isascii() or not token.isprintable():
        raise DiagnosticError(
            codes.STORE_DENIED.error(
                "RECONCILER_HTTP_TOKEN has characters that no header can carry.",
                hint="Copy the token again, without a line break.",
            )
        )
    return token


def _lock_url(address: str, variable: str) -> str:
    """The lock's address, on the server of the state: the credentials go there, too."""
    given = os.environ.get(variable, "")
    parts = urlsplit(address)
    if not given:
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/lock"))
    split(given)
    if server_of(given) != server_of(address):
        raise DiagnosticError(
            codes.SERVER_NOT_CONFIRMED.error(
                f"{variable} is on another server than the state.",
                hint=f"Unset {variable}, or give an address on {printable(parts.hostname or '')}.",
            )
        )
    return given


def _md5(raw: bytes) -> str:
    return base64.b64encode(hashlib.md5(raw, usedforsecurity=False).digest()).decode()
