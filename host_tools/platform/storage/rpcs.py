"""Persistent commands and the counters of request ids."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from host_tools.platform.storage import pages
from host_tools.platform.storage.pages import Page
from host_tools.platform.storage.schema import devices, request_counters, rpcs
from host_tools.rpc import Command, Status

SORTABLE = {
    "createdTime": rpcs.c.created_ms,
    "expirationTime": rpcs.c.expires_ms,
    "request": rpcs.c.params,
    "response": rpcs.c.response,
}
BATCH = 10_000

_UNFINISHED = or_(
    rpcs.c.status.in_((Status.QUEUED, Status.SENT, Status.TIMEOUT)),
    and_(rpcs.c.status == Status.DELIVERED, rpcs.c.one_way.is_(False)),
)
_FINISHED = or_(
    rpcs.c.status.in_((Status.SUCCESSFUL, Status.EXPIRED, Status.FAILED)),
    and_(rpcs.c.status == Status.DELIVERED, rpcs.c.one_way.is_(True)),
)


@dataclass(frozen=True, slots=True)
class RpcRow:
    """One persistent command as it is stored; JSON fields are text."""

    id: str
    device_id: str
    request_id: int
    created_ms: int
    expires_ms: int
    method: str
    params: str
    sent_params: str
    one_way: bool
    retries: int | None
    additional_info: str | None
    status: Status = Status.QUEUED
    response: str | None = None

    def command(self) -> Command:
        """Return the command for the engine."""
        return Command(
            request_id=self.request_id,
            rpc_id=self.id,
            method=self.method,
            params=self.sent_params,
            one_way=self.one_way,
            expires_at_ms=self.expires_ms,
            persistent=True,
            retries=self.retries,
        )


def insert(connection: Connection, row: RpcRow, *, overwrite: bool = False) -> None:
    """Store a new command; raises IntegrityError when its id is used, unless it may overwrite."""
    statement = rpcs.insert().values(**asdict(row))
    connection.execute(statement.prefix_with("OR REPLACE") if overwrite else statement)


def set_status(
    connection: Connection, rpc_id: str, status: Status, response: str | None
) -> RpcRow | None:
    """Store a new status and return the row; None when it was deleted meanwhile."""
    changes = {"status": status.value} | ({} if response is None else {"response": response})
    statement = rpcs.update().where(rpcs.c.id == rpc_id).values(**changes)
    row = connection.execute(statement.returning(*rpcs.c)).first()
    return None if row is None else _from_row(row)


def by_id(connection: Connection, rpc_id: str) -> RpcRow | None:
    """Find a command by its id."""
    row = connection.execute(select(rpcs).where(rpcs.c.id == rpc_id)).first()
    return None if row is None else _from_row(row)


def delete(connection: Connection, rpc_id: str) -> RpcRow | None:
    """Remove a command and return what it was."""
    statement = rpcs.delete().where(rpcs.c.id == rpc_id).returning(*rpcs.c)
    row = connection.execute(statement).first()
    return None if row is None else _from_row(row)


def page(
    connection: Connection, wanted: Page, device_id: str, status: Status | None
) -> tuple[list[RpcRow], int]:
    """Return a page of the commands of a device and their total number."""
    statement = select(rpcs).where(rpcs.c.device_id == device_id)
    if status is not None:
        statement = statement.where(rpcs.c.status == status.value)
    rows, total = pages.fetch(connection, statement, wanted, SORTABLE, "createdTime")
    return [_from_row(row) for row in rows], total


def unfinished(connection: Connection, device_id: str, *, queued_only: bool) -> list[RpcRow]:
    """Return what an earlier run left to do for a device, oldest first.

    Args:
        connection: Open.
        device_id: The device.
        queued_only: Leave the other unfinished rows alone, as ThingsBoard does (5.6).
    """
    wanted = rpcs.c.status == Status.QUEUED if queued_only else _UNFINISHED
    statement = select(rpcs).where(rpcs.c.device_id == device_id, wanted)
    return [_from_row(row) for row in connection.execute(statement.order_by(rpcs.c.created_ms))]


def devices_with_unfinished(connection: Connection) -> list[str]:
    """Return the devices that an earlier run left something to do for."""
    return list(
        connection.execute(select(rpcs.c.device_id).where(_UNFINISHED).distinct()).scalars()
    )


def delete_finished_before(connection: Connection, created_ms: int) -> int:
    """Remove the oldest finished commands, a batch at most, and return how many."""
    old = select(rpcs.c.id).where(_FINISHED, rpcs.c.created_ms < created_ms).limit(BATCH)
    return connection.execute(rpcs.delete().where(rpcs.c.id.in_(old))).rowcount


def next_request_id(connection: Connection, device_id: str) -> int:
    """Return the first request id that no earlier run can have used."""
    table = request_counters
    statement = select(table.c.next_request_id).where(table.c.device_id == device_id)
    return connection.execute(statement).scalar() or 0


def keep_next_request_id(connection: Connection, device_id: str, request_id: int) -> None:
    """Store where the ids go on after a restart; a device that is gone needs none."""
    known = select(devices.c.id).where(devices.c.id == device_id)
    if connection.execute(known).first() is not None:
        row = {"device_id": device_id, "next_request_id": request_id}
        connection.execute(request_counters.insert().prefix_with("OR REPLACE").values(**row))


def _from_row(row: Row[Any]) -> RpcRow:
    columns = dict(row._mapping)
    columns["status"] = Status(columns["status"])
    return RpcRow(**columns)
