"""Writes the audit log in batches: an entry is on disk within a fraction of a second."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid

from sqlalchemy import Connection

from host_tools.platform.rpc_request import RpcRequest
from host_tools.platform.settings import Settings
from host_tools.platform.storage import audit
from host_tools.platform.storage.audit import AuditEntry, AuditFilter
from host_tools.platform.storage.database import Database
from host_tools.platform.storage.devices import Device
from host_tools.platform.storage.pages import Page
from host_tools.platform.storage.users import User

log = logging.getLogger(__name__)

BATCH_INTERVAL_S = 0.2
MAX_BATCH = 500


class AuditLog:
    """Records every RPC call.

    Args:
        settings: For the clock and for how long entries are kept.
        database: Open.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._batch: list[AuditEntry] = []
        self._timer: asyncio.TimerHandle | None = None

    def record(
        self, user: User, device: Device, request: RpcRequest, outcome: str, rpc_id: str | None
    ) -> None:
        """Note a call that has ended, or was stored."""
        entry = AuditEntry(
            id=str(uuid.uuid4()),
            created_ms=self._settings.now_ms(),
            user_id=user.id,
            user_name=user.email,
            device_id=device.id,
            device_name=device.name,
            customer_id=user.customer_id,
            rpc_id=rpc_id,
            method=request.method,
            params=_without_secrets(request.params),
            one_way=request.one_way,
            persistent=request.persistent,
            outcome=outcome,
        )
        self._batch.append(entry)
        if len(self._batch) >= MAX_BATCH:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_INTERVAL_S, self._flush)

    async def page(self, wanted: Page, chosen: AuditFilter) -> tuple[list[AuditEntry], int]:
        """Return a page of entries, also of those that are not on disk yet."""
        await self._flush()
        return self._database.read(lambda connection: audit.page(connection, wanted, chosen))

    async def close(self) -> None:
        """Write what is left."""
        await self._flush()

    def delete_old(self, connection: Connection) -> None:
        """Remove the entries whose time is over."""
        if self._settings.audit_days:
            age_ms = self._settings.audit_days * 86_400_000
            audit.delete_before(connection, self._settings.now_ms() - age_ms)

    def _flush(self) -> asyncio.Future[None]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._batch = self._batch, []
        written = self._database.write(lambda connection: audit.insert(connection, batch))
        written.add_done_callback(_report_failure)
        return written


def _report_failure(written: asyncio.Future[None]) -> None:
    if not written.cancelled() and written.exception() is not None:
        log.error("audit entries could not be stored: %s", written.exception())


def _without_secrets(params: str) -> str:
    """Return params without what a `setConfig` command carries in ``secrets``."""
    if '"secrets"' not in params:
        return params
    content = json.loads(params)
    if isinstance(content, dict) and "secrets" in content:
        content["secrets"] = "(not recorded)"
    return json.dumps(content)
