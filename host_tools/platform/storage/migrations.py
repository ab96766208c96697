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
