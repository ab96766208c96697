"""The tables, as SQLAlchemy sees them; ``migrations`` makes them, and a test holds the two equal.

Identifiers are UUID texts, times are epoch milliseconds, JSON is kept as text.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, MetaData, Table, Text

metadata = MetaData()

facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Single values: the tenant's id and when the folder was made."""

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_ms", Integer, nullable=False),
    Column("email", Text, nullable=False, unique=True),
    Column("authority", Text, nullable=False),
    Column("customer_id", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("password_hash", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("tokens_valid_from_ms", Integer, nullable=False),
)

revoked_sessions = Table(
    "revoked_sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("until_ms", Integer, nullable=False),
)
"""Logins that were ended before their tokens: nothing made in them is accepted any more."""

devices = Table(
    "devices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_ms", Integer, nullable=False),
    Column("name", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("label", Text),
    Column("customer_id", Text),
    Column("additional_info", Text),
    Column("version", Integer, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_ms", Integer, nullable=False),
    Column(
        "device_id", Text, ForeignKey("devices.id", ondelete="CASCADE"), nullable=False, unique=True
    ),
    Column("type", Text, nullable=False),
    Column("credentials_id", Text, nullable=False, unique=True),
    Column("value", Text),
    Column("version", Integer, nullable=False),
)

Index("devices_by_customer", devices.c.customer_id)
