"""The audit log: who called what on which device, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from host_tools.platform.storage import pages
from host_tools.platform.storage.pages import Page
from host_tools.platform.storage.schema import audit_log

SORTABLE = {
    "createdTime": audit_log.c.created_ms,
    "entityName": audit_log.c.device_name,
    "userName": audit_log.c.user_name,
    "actionStatus": audit_log.c.outcome,
}


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One RPC call; ``params`` is JSON text, ``outcome`` an HTTP status and what it meant."""

    id: str
    created_ms: int
    user_id: str
    user_name: str
    device_id: str
    device_name: str
    customer_id: str | None
    rpc_id: str | None
    method: str
    params: str
    one_way: bool
    persistent: bool
    outcome: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted; None does not matter."""

    device_id: str | None = None
    user_id: str | None = None
    customer_id: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None


def insert(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Store entries."""
    if entries:
        connection.execute(audit_log.insert(), [asdict(entry) for entry in entries])


def page(connection: Connection, wanted: Page, chosen: AuditFilter) -> tuple[list[AuditEntry], int]:
    """Return a page of entries and their total number; the text search looks at the method."""
    table = audit_log.c
    statement = select(audit_log)
    for column, value in (
        (table.device_id, chosen.device_id),
        (table.user_id, chosen.user_id),
        (table.customer_id, chosen.customer_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if chosen.start_ms is not None:
        statement = statement.where(table.created_ms >= chosen.start_ms)
    if chosen.end_ms is not None:
        statement = statement.where(table.created_ms <= chosen.end_ms)
    if wanted.text_search:
        statement = statement.where(table.method.icontains(wanted.text_search, autoescape=True))
    rows, total = pages.fetch(connection, statement, wanted, SORTABLE, "createdTime")
    return [_from_row(row) for row in rows], total


def delete_before(connection: Connection, created_ms: int) -> None:
    """Remove the entries that are older."""
    connection.execute(audit_log.delete().where(audit_log.c.created_ms < created_ms))


def _from_row(row: Row[Any]) -> AuditEntry:
    return AuditEntry(**row._mapping)
