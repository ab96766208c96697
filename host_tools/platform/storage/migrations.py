"""How a database comes from any earlier version to this one.

``PRAGMA user_version`` holds the number of steps that were applied. Steps are only ever added.
"""

from __future__ import annotations

from sqlalchemy import Connection

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
        """CREATE TABLE users (
            id TEXT NOT NULL PRIMARY KEY,
            created_ms INTEGER NOT NULL,
            email TEXT NOT NULL UNIQUE,
            authority TEXT NOT NULL,
            customer_id TEXT,
            first_name TEXT,
            last_name TEXT,
            password_hash TEXT NOT NULL,
            enabled BOOLEAN NOT NULL,
            tokens_valid_from_ms INTEGER NOT NULL
        )""",
        """CREATE TABLE revoked_sessions (
            session_id TEXT NOT NULL PRIMARY KEY,
            until_ms INTEGER NOT NULL
        )""",
        """CREATE TABLE devices (
            id TEXT NOT NULL PRIMARY KEY,
            created_ms INTEGER NOT NULL,
            name TEXT NOT NULL UNIQUE,
            type TEXT NOT NULL,
            label TEXT,
            customer_id TEXT,
            additional_info TEXT,
            version INTEGER NOT NULL
        )""",
        "CREATE INDEX devices_by_customer ON devices (customer_id)",
        """CREATE TABLE credentials (
            id TEXT NOT NULL PRIMARY KEY,
            created_ms INTEGER NOT NULL,
            device_id TEXT NOT NULL UNIQUE REFERENCES devices (id) ON DELETE CASCADE,
            type TEXT NOT NULL,
            credentials_id TEXT NOT NULL UNIQUE,
            value TEXT,
            version INTEGER NOT NULL
        )""",
    ),
    (
        """CREATE TABLE rpcs (
            id TEXT NOT NULL PRIMARY KEY,
            device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
            request_id INTEGER NOT NULL,
            created_ms INTEGER NOT NULL,
            expires_ms INTEGER NOT NULL,
            method TEXT NOT NULL,
            params TEXT NOT NULL,
            sent_params TEXT NOT NULL,
            one_way BOOLEAN NOT NULL,
            retries INTEGER,
            additional_info TEXT,
            status TEXT NOT NULL,
            response TEXT
        )""",
        "CREATE INDEX rpcs_by_device ON rpcs (device_id, created_ms)",
        "CREATE INDEX rpcs_by_status ON rpcs (status, device_id)",
        """CREATE TABLE request_counters (
            device_id TEXT NOT NULL PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
            next_request_id INTEGER NOT NULL
        )""",
        """CREATE TABLE attributes (
            device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
            scope TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            updated_ms INTEGER NOT NULL,
            PRIMARY KEY (device_id, scope, key)
        ) WITHOUT ROWID""",
        """CREATE TABLE points (
            device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
            key TEXT NOT NULL,
            ts_ms INTEGER NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (device_id, key, ts_ms)
        ) WITHOUT ROWID""",
        """CREATE TABLE audit_log (
            id TEXT NOT NULL PRIMARY KEY,
            created_ms INTEGER NOT NULL,
            user_id TEXT NOT NULL,
            user_name TEXT NOT NULL,
            device_id TEXT NOT NULL,
            device_name TEXT NOT NULL,
            customer_id TEXT,
            rpc_id TEXT,
            method TEXT NOT NULL,
            params TEXT NOT NULL,
            one_way BOOLEAN NOT NULL,
            persistent BOOLEAN NOT NULL,
            outcome TEXT NOT NULL
        )""",
        "CREATE INDEX audit_log_by_time ON audit_log (created_ms)",
        "CREATE INDEX audit_log_by_device ON audit_log (device_id, created_ms)",
        """CREATE TABLE customers (
            id TEXT NOT NULL PRIMARY KEY,
            created_ms INTEGER NOT NULL,
            title TEXT NOT NULL UNIQUE,
            email TEXT,
            additional_info TEXT,
            version INTEGER NOT NULL
        )""",
        """CREATE TABLE activations (
            token_hash TEXT NOT NULL PRIMARY KEY,
            user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE
        )""",
    ),
)


class NewerDatabaseError(Exception):
    """The database was written by a later version of Wakecall."""


def migrate(connection: Connection) -> None:
    """Apply the steps that the database has not seen, in the caller's transaction.

    Raises NewerDatabaseError for a database that has seen more steps than there are.
    """
    applied = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if applied > len(STEPS):
        raise NewerDatabaseError
    for step in STEPS[applied:]:
        for statement in step:
            connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"PRAGMA user_version = {len(STEPS)}")
