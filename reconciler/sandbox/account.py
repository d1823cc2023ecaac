"""The emulated account: finetunes, assets and the request log, kept in a folder.

Several threads, and several processes on the same folder, may use it at once.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from reconciler.sandbox.catalogue import PUBLIC_FINETUNES
from reconciler.sandbox.database import open_database


class SandboxError(Exception):
    """The sandbox can't be used as asked; the text says why, `hint` what to do."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class QuotaReachedError(Exception):
    """The account is full."""


class NameTakenError(Exception):
    """The account has a finetune of that name."""


class AssetExistsError(Exception):
    """The finetune has that asset; `identical` tells whether with the same bytes."""

    def __init__(self, *, identical: bool) -> None:
        super().__init__()
        self.identical = identical


@dataclass(frozen=True, slots=True)
class Finetune:
    """One finetune, with everything that the account knows of it."""

    id: str
    name: str
    model: str
    description: str | None
    public: bool
    created_at: str
    modified_at: str


@dataclass(frozen=True, slots=True)
class Asset:
    """One uploaded file: its size in bytes, and where it lies."""

    finetune_id: str
    file_name: str
    sha256: str
    size: int
    path: Path


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request that reached the sandbox.

    status: the HTTP status of the answer, 0 where the client went away before there was one.
    finetune: the id or name it was about, "" if none. outcome: what came of it, such as the id
    that was created or the message of the error.
    """

    time: str
    method: str
    path: str
    status: int
    finetune: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a list, and how many finetunes there are in all."""

    finetunes: tuple[Finetune, ...]
    total: int


def now() -> str:
    """Return the time as RFC 3339 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Account:
    """The account of an id, kept in a folder.

    What `list_page` hides for a while (`list_lag`), every other method shows at once. `edit` and
    `remove` do what the API can't, as a dashboard might: that is how drift comes about.
    """

    def __init__(self, data_folder: Path, account_id: str) -> None:
        self.account_id = account_id
        self._assets = data_folder / "assets"
        self._lock = threading.Lock()
        try:
            data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._assets.mkdir(mode=0o700, exist_ok=True)
            self._database = open_database(data_folder / "sandbox.db")
        except (OSError, sqlite3.Error) as error:
            raise SandboxError(
                f"The sandbox can't keep its data in {data_folder}: {_reason(error)}.",
                hint="Let this user write there, or remove the folder to begin with an empty "
                "account.",
            ) from error
        self._add_public_finetunes()

    def __enter__(self) -> Account:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; a second time does nothing."""
        with self._lock:
            self._database.close()

    def create(
        self,
        name: str,
        model: str,
        *,
        description: str | None = None,
        public: bool = False,
        quota: int | None = None,
        unique_names: bool = False,
        list_lag: int = 0,
    ) -> Finetune:
        """Add a finetune and return it.

        Raises QuotaReachedError and NameTakenError as far as the arguments ask for the check.
        """
        time = now()
        new = Finetune(str(uuid.uuid4()), name, model, description, public, time, time)
        with self._transaction() as database:
            if quota is not None and self._total(database) >= quota:
                raise QuotaReachedError
            if unique_names and self._named(database, name):
                raise NameTakenError
            _insert(database, new, self.account_id, list_lag)
        return new

    def edit(self, finetune_id: str, *, model: str, description: str | None) -> None:
        """Change a finetune."""
        with self._transaction() as database:
            database.execute(
                "UPDATE finetunes SET model = ?, description = ?, modified_at = ? WHERE id = ?",
                (model, description, now(), finetune_id),
            )

    def remove(self, finetune_id: str) -> None:
        """Delete a finetune and its assets."""
        for asset in self.assets(finetune_id):
            asset.path.unlink(missing_ok=True)
        with self._transaction() as database:
            database.execute("DELETE FROM finetunes WHERE id = ?", (finetune_id,))

    def find(self, id_or_name: str) -> Finetune | None:
        """Return the finetune of an id or else, the oldest first, of a name."""
        with self._transaction() as database:
            row = database.execute(
                "SELECT * FROM finetunes WHERE account_id = ? AND id = ?",
                (self.account_id, id_or_name),
            ).fetchone()
            row = row or self._named(database, id_or_name)
        return None if row is None else _finetune(row)

    def finetunes(self) -> tuple[Finetune, ...]:
        """Return every finetune of the account, the oldest first."""
        with self._transaction() as database:
            return _finetunes(
                database.execute(
                    "SELECT * FROM finetunes WHERE account_id = ? ORDER BY number",
                    (self.account_id,),
                )
            )

    def list_page(self, limit: int = -1, offset: int = 0) -> Page:
        """Return what a list shows, the oldest first; the hidden come one list nearer.

        limit: the most finetunes to return, -1 for all.
        """
        with self._transaction() as database:
            rows = database.execute(
                "SELECT * FROM finetunes WHERE account_id = ? AND hidden_lists = 0 "
                "ORDER BY number LIMIT ? OFFSET ?",
                (self.account_id, limit, offset),
            )
            shown = _finetunes(rows)
            hidden = database.execute(
                "UPDATE finetunes SET hidden_lists = hidden_lists - 1 "
                "WHERE account_id = ? AND hidden_lists > 0",
                (self.account_id,),
            ).rowcount
            return Page(shown, self._total(database) - hidden)

    def public_finetunes(self) -> tuple[Finetune, ...]:
        """Return Cloudflare's public finetunes and those of the account, the oldest first."""
        with self._transaction() as database:
            return _finetunes(
                database.execute("SELECT * FROM finetunes WHERE public ORDER BY number")
            )

    def new_asset_file(self) -> Path:
        """Return the path of a new file to write an asset to, next to where it will stay."""
        return self._assets / f"incoming-{uuid.uuid4()}"

    def add_asset(
        self, finetune_id: str, file_name: str, incoming: Path, *, sha256: str, size: int
    ) -> Asset:
        """Take over a written file as an asset. Raises AssetExistsError."""
        path = self._asset_path(finetune_id, file_name)
        with self._transaction() as database:
            known = database.execute(
                "SELECT sha256 FROM assets WHERE finetune_id = ? AND file_name = ?",
                (finetune_id, file_name),
            ).fetchone()
            if known is not None:
                raise AssetExistsError(identical=known["sha256"] == sha256)
            database.execute(
                "INSERT INTO assets VALUES (?, ?, ?, ?)", (finetune_id, file_name, sha256, size)
            )
            path.parent.mkdir(mode=0o700, exist_ok=True)
            incoming.replace(path)
        return Asset(finetune_id, file_name, sha256, size, path)

    def assets(self, finetune_id: str) -> tuple[Asset, ...]:
        """Return the assets of a finetune, by name."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT * FROM assets WHERE finetune_id = ? ORDER BY file_name", (finetune_id,)
            )
            return tuple(
                Asset(
                    row["finetune_id"],
                    row["file_name"],
                    row["sha256"],
                    row["size"],
                    self._asset_path(row["finetune_id"], row["file_name"]),
                )
                for row in rows
            )

    def log(self, record: RequestRecord) -> None:
        """Append a request to the log."""
        with self._transaction() as database:
            database.execute(
                "INSERT INTO requests (time, method, path, status, finetune, outcome) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    record.time,
                    record.method,
                    record.path,
                    record.status,
                    record.finetune,
                    record.outcome,
                ),
            )

    def requests(self) -> tuple[RequestRecord, ...]:
        """Return every request that reached the sandbox, the oldest first."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT time, method, path, status, finetune, outcome FROM requests ORDER BY number"
            )
            return tuple(RequestRecord(*row) for row in rows)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                self._database.rollback()
                raise

    def _add_public_finetunes(self) -> None:
        with self._transaction() as database:
            if not database.execute("SELECT 1 FROM finetunes WHERE public").fetchone():
                for finetune_id, name, model, description in PUBLIC_FINETUNES:
                    time = "2024-04-02T00:00:00.000000Z"
                    seed = Finetune(finetune_id, name, model, description, True, time, time)
                    _insert(database, seed, account_id="cloudflare", list_lag=0)

    def _asset_path(self, finetune_id: str, file_name: str) -> Path:
        return self._assets / finetune_id / file_name

    def _named(self, database: sqlite3.Connection, name: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = database.execute(
            "SELECT * FROM finetunes WHERE account_id = ? AND name = ? ORDER BY number LIMIT 1",
            (self.account_id, name),
        ).fetchone()
        return row

    def _total(self, database: sqlite3.Connection) -> int:
        row = database.execute(
            "SELECT finetunes FROM totals WHERE account_id = ?", (self.account_id,)
        ).fetchone()
        return 0 if row is None else int(row["finetunes"])


def _insert(database: sqlite3.Connection, new: Finetune, account_id: str, list_lag: int) -> None:
    database.execute(
        "INSERT INTO finetunes (id, name, model, description, public, created_at, modified_at, "
        "account_id, hidden_lists) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.id,
            new.name,
            new.model,
            new.description,
            new.public,
            new.created_at,
            new.modified_at,
            account_id,
            list_lag,
        ),
    )


def _finetunes(rows: sqlite3.Cursor) -> tuple[Finetune, ...]:
    return tuple(map(_finetune, rows))


def _finetune(row: sqlite3.Row) -> Finetune:
    return Finetune(
        row["id"],
        row["name"],
        row["model"],
        row["description"],
        bool(row["public"]),
        row["created_at"],
        row["modified_at"],
    )


def _reason(error: OSError | sqlite3.Error) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error).rstrip(".")
