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


def _device_id(*, primary_key: bool = False) -> Column[str]:
    """Return the column of a row that goes with its device."""
    owner = ForeignKey("devices.id", ondelete="CASCADE")
    return Column("device_id", Text, owner, nullable=False, primary_key=primary_key)


rpcs = Table(
    "rpcs",
    metadata,
    Column("id", Text, primary_key=True),
    _device_id(),
    Column("request_id", Integer, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("expires_ms", Integer, nullable=False),
    Column("method", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("sent_params", Text, nullable=False),
    Column("one_way", Boolean, nullable=False),
    Column("retries", Integer),
    Column("additional_info", Text),
    Column("status", Text, nullable=False),
    Column("response", Text),
)
"""Persistent commands; ``sent_params`` is what the device gets, with an identity if it has one."""

Index("rpcs_by_device", rpcs.c.device_id, rpcs.c.created_ms)
Index("rpcs_by_status", rpcs.c.status, rpcs.c.device_id)

request_counters = Table(
    "request_counters",
    metadata,
    _device_id(primary_key=True),
    Column("next_request_id", Integer, nullable=False),
)
"""Where the request ids of a device go on after a restart; never below one that was used."""

attributes = Table(
    "attributes",
    metadata,
    _device_id(primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_ms", Integer, nullable=False),
)

points = Table(
    "points",
    metadata,
    _device_id(primary_key=True),
    Column("key", Text, primary_key=True),
    Column("ts_ms", Integer, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Telemetry."""

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_ms", Integer, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("device_id", Text, nullable=False),
    Column("device_name", Text, nullable=False),
    Column("customer_id", Text),
    Column("rpc_id", Text),
    Column("method", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("one_way", Boolean, nullable=False),
    Column("persistent", Boolean, nullable=False),
    Column("outcome", Text, nullable=False),
)
"""Every RPC call; names are copied, so that a row outlives its user and its device."""

Index("audit_log_by_time", audit_log.c.created_ms)
Index("audit_log_by_device", audit_log.c.device_id, audit_log.c.created_ms)

customers = Table(
    "customers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_ms", Integer, nullable=False),
    Column("title", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("additional_info", Text),
    Column("version", Integer, nullable=False),
)

activations = Table(
    "activations",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
)
"""Users who have not set a password yet."""
