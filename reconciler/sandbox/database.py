"""The sandbox's SQLite database: its tables, and how it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

SCHEMA_VERSION = 1

SCHEMA = """
BEGIN IMMEDIATE;

CREATE TABLE IF NOT EXISTS finetunes (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    description TEXT,
    public INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    hidden_lists INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS finetunes_by_name ON finetunes (name);
CREATE INDEX IF NOT EXISTS finetunes_hidden ON finetunes (account_id) WHERE hidden_lists > 0;

-- Counting the rows at every create would make the last of many slower than the first.
CREATE TABLE IF NOT EXISTS totals (account_id TEXT PRIMARY KEY, finetunes INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS finetune_added AFTER INSERT ON finetunes BEGIN
    INSERT INTO totals VALUES (NEW.account_id, 1)
    ON CONFLICT (account_id) DO UPDATE SET finetunes = finetunes + 1;
END;
CREATE TRIGGER IF NOT EXISTS finetune_removed AFTER DELETE ON finetunes BEGIN
    UPDATE totals SET finetunes = finetunes - 1 WHERE account_id = OLD.account_id;
END;

CREATE TABLE IF NOT EXISTS assets (
    finetune_id TEXT NOT NULL REFERENCES finetunes (id) ON DELETE CASCADE,
    file_name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (finetune_id, file_name)
);

CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,
    finetune TEXT NOT NULL,
    outcome TEXT NOT NULL
);

PRAGMA user_version = 1;
COMMIT;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database, made anew where there is none; every statement commits by itself.

    Raises sqlite3.Error where the file is no database, or of a newer version of this program.
    """
    database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA journal_mode = WAL")
        # A kill loses nothing, a power cut perhaps the last requests: enough for a sandbox.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA foreign_keys = ON")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, SCHEMA_VERSION):
            raise sqlite3.DatabaseError(f"it has version {version}, this program {SCHEMA_VERSION}")
        database.executescript(SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database
