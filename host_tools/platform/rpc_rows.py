"""The rows of persistent commands: their writes, their events, and what a restart finds."""

from __future__ import annotations

import asyncio
import dataclasses
import logging

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from host_tools.platform import views
from host_tools.platform.events import Event, Events
from host_tools.platform.settings import Settings
from host_tools.platform.storage import rpcs
from host_tools.platform.storage.database import Database
from host_tools.platform.storage.rpcs import RpcRow
from host_tools.rpc import Command, Engine, Save, Status

log = logging.getLogger(__name__)

RESERVED_IDS = 1_000
"""Request ids that one write to disk covers."""


class RpcRows:
    """Stores persistent commands.

    Args:
        settings: For strictness and for how long finished rows are kept.
        database: Open.
        events: Is told of every change of a row, once it is stored (6.1).
        tenant_id: Part of what the events show.
    """

    def __init__(
        self, settings: Settings, database: Database, events: Events, tenant_id: str
    ) -> None:
        self._settings = settings
        self._database = database
        self._events = events
        self._tenant_id = tenant_id
        self._reserved: dict[str, int] = {}
        self._reservations: dict[str, asyncio.Future[None]] = {}
        self._forgetful = settings.strict

    async def add(self, row: RpcRow) -> None:
        """Store a new command; raises IntegrityError when its id is used already."""
        overwrite = self._settings.strict
        await self._database.write(lambda c: rpcs.insert(c, row, overwrite=overwrite))
        self._tell(row)

    def save(self, device_id: str, action: Save) -> None:
        """Store a new status, in order and without waiting."""
        future = self._database.write(
            lambda c: rpcs.set_status(c, action.rpc_id, action.status, action.response)
        )
        future.add_done_callback(self._saved)

    def _saved(self, future: asyncio.Future[RpcRow | None]) -> None:
        if future.cancelled():
            return
        if future.exception() is not None:
            log.error("a status could not be stored: %s", future.exception())
        elif (row := future.result()) is not None:
            self._tell(row)

    def by_id(self, rpc_id: str) -> RpcRow | None:
        """Find a command by its id."""
        return self._database.read(lambda connection: rpcs.by_id(connection, rpc_id))

    async def delete(self, rpc_id: str) -> RpcRow | None:
        """Remove a row and return it; None when there was none."""
        row = await self._database.write(lambda connection: rpcs.delete(connection, rpc_id))
        if row is not None:
            self._tell(row, Status.DELETED)
        return row

    def open_engine(self, device_id: str) -> tuple[Engine, list[tuple[Command, Status]]]:
        """Return a device's engine as an earlier run left it, and the commands to restore.

        Strict: only what was queued goes on, and under a new id (5.6).
        """
        if self._forgetful:
            engine = Engine(self._settings.limits)
            rows = self._unfinished(device_id, queued_only=True)
            return engine, [(_renumbered(row.command(), engine), row.status) for row in rows]
        start = self._database.read(lambda c: rpcs.next_request_id(c, device_id))
        self._reserved[device_id] = start
        engine = Engine(self._settings.limits, next_request_id=start)
        rows = self._unfinished(device_id, queued_only=False)
        return engine, [(row.command(), row.status) for row in rows]

    def forget_ids(self) -> None:
        """Behave from now on as ThingsBoard does about request ids and restarts (5.6)."""
        self._forgetful = True

    def devices_with_unfinished(self) -> list[str]:
        """Return the devices that have something to do from an earlier run."""
        return self._database.read(rpcs.devices_with_unfinished)

    async def reserve_id(self, device_id: str, engine: Engine) -> None:
        """Make sure that the engine's next id is not used again after a restart.

        ThingsBoard starts at 0 again, so that a late answer may meet another command (5.6).
        """
        if self._forgetful:
            return
        if engine.next_request_id >= self._reserved.get(device_id, 0):
            self._reserved[device_id] = engine.next_request_id + RESERVED_IDS
            self._reservations[device_id] = self._keep(device_id, self._reserved[device_id])
        reservation = self._reservations.get(device_id)
        if reservation is not None:
            try:
                await asyncio.shield(reservation)  # others may wait for the same write
            except SQLAlchemyError:
                self._reserved[device_id] = 0  # the next call tries again
                raise

    async def close(self, engines: dict[str, Engine]) -> None:
        """Give back the ids that were reserved and not used."""
        if not self._forgetful:
            used = [key for key in engines if self._reserved.get(key)]
            await asyncio.gather(*(self._keep(key, engines[key].next_request_id) for key in used))

    def delete_old(self, connection: Connection) -> None:
        """Remove the finished rows whose time is over."""
        if not self._settings.rpc_days:
            return
        before_ms = self._settings.now_ms() - self._settings.rpc_days * 86_400_000
        while rpcs.delete_finished_before(connection, before_ms):
            pass

    def _keep(self, device_id: str, request_id: int) -> asyncio.Future[None]:
        return self._database.write(lambda c: rpcs.keep_next_request_id(c, device_id, request_id))

    def _unfinished(self, device_id: str, *, queued_only: bool) -> list[RpcRow]:
        return self._database.read(lambda c: rpcs.unfinished(c, device_id, queued_only=queued_only))

    def _tell(self, row: RpcRow, status: Status | None = None) -> None:
        shown = views.rpc_json(row, self._tenant_id, status or row.status)
        self._events.tell(Event(f"RPC_{shown['status']}", row.device_id, shown))


def _renumbered(command: Command, engine: Engine) -> Command:
    return dataclasses.replace(command, request_id=engine.take_request_id())
