"""The parts of a running platform that its transports and endpoints share."""

from __future__ import annotations

import asyncio

from host_tools.mqtt import Reason
from host_tools.platform.accounts.accounts import Accounts
from host_tools.platform.actor import DeviceActor
from host_tools.platform.audit import AuditLog
from host_tools.platform.device_data import DeviceData
from host_tools.platform.directory import DeviceDirectory
from host_tools.platform.events import Events
from host_tools.platform.faults import FaultPlan
from host_tools.platform.rpc_rows import RpcRows
from host_tools.platform.rules.engine import RuleEngine
from host_tools.platform.rules.loader import RuleSet
from host_tools.platform.settings import Settings
from host_tools.platform.storage.database import Database

CLEANUP_INTERVAL_S = 7_200
"""ThingsBoard looks for old rows as often (11)."""


class Services:
    """Everything that a session or an endpoint needs.

    Args:
        settings: What the platform was started with.
        database: Open.
        accounts: The users of the REST API.
        tenant_id: The one tenant of this data folder.
        rule_set: The rules.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        accounts: Accounts,
        tenant_id: str,
        rule_set: RuleSet,
    ) -> None:
        self.settings = settings
        self.database = database
        self.accounts = accounts
        self.devices = DeviceDirectory(database)
        self.tenant_id = tenant_id
        self.events = Events()
        self.rows = RpcRows(settings, database, self.events, tenant_id)
        self.data = DeviceData(settings, database, self.events)
        self.faults = FaultPlan(enabled=settings.faults)
        self.audit = AuditLog(settings, database)
        self.rules = RuleEngine(settings, self.devices, rule_set)
        self.events.listen(self.rules.event)
        self._actors: dict[str, DeviceActor] = {}

    def start(self) -> None:
        """Go on with what an earlier run left unfinished."""
        if not self.settings.strict:
            for device_id in self.rows.devices_with_unfinished():
                self.actor(device_id)

    def actor(self, device_id: str) -> DeviceActor:
        """Return the live side of a device; made when it is asked for the first time."""
        actor = self._actors.get(device_id)
        if actor is None:
            engine, commands = self.rows.open_engine(device_id)
            actor = DeviceActor(device_id, engine, self.settings, self.rows)
            self._actors[device_id] = actor
            actor.restore(commands)
        return actor

    def forget(self, device_id: str) -> None:
        """Stop the live side of a device that was deleted."""
        actor = self._actors.pop(device_id, None)
        if actor is not None:
            actor.stop(Reason.ADMINISTRATIVE_ACTION)

    def forget_engines(self) -> None:
        """Forget every engine as a restart of ThingsBoard does: ids count from 0 (5.6)."""
        self.rows.forget_ids()
        for device_id in list(self._actors):
            self._actors.pop(device_id).stop()

    async def clean_up(self) -> None:
        """Remove what is older than the settings keep it, again and again; for a task."""
        while True:
            await self.database.write(self.rows.delete_old)
            await self.database.write(self.audit.delete_old)
            await asyncio.sleep(CLEANUP_INTERVAL_S)

    async def stop(self) -> None:
        """Close every session, end every waiting call, and store what is to be stored."""
        self.rules.stop()
        for actor in self._actors.values():
            actor.stop()
        await self.audit.close()
        await self.rows.close({key: actor.engine for key, actor in self._actors.items()})
