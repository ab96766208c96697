"""Calls to devices: what a caller wants becomes a command of the device's engine."""

from __future__ import annotations

import uuid

from sqlalchemy.exc import IntegrityError

from host_tools import json_text
from host_tools.platform.actor import DeviceActor
from host_tools.platform.api_errors import bad_request
from host_tools.platform.identity import with_identity
from host_tools.platform.rpc_request import RpcRequest
from host_tools.platform.services import Services
from host_tools.platform.storage.rpcs import RpcRow
from host_tools.rpc import Command, Finish, Outcome

AGENT = "agent"
"""The client attribute in which an agent tells its abilities: ``{"identity": true}``."""


class RpcCalls:
    """Carries calls out.

    Args:
        services: The platform's parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings

    async def call(
        self, device_id: str, request: RpcRequest, hold_s: float | None = None
    ) -> Finish:
        """Carry out any call and return how it ended for its caller.

        Args:
            device_id: Exists.
            request: What is wanted.
            hold_s: How long the caller may be held; what any HTTP request may be, by default.

        Raises TimeoutError when the caller is held too long, ShuttingDownError at the end of
        the platform, ApiError for a ``requestUUID`` that another call has.
        """
        actor = self._services.actor(device_id)
        await self._services.rows.reserve_id(device_id, actor.engine)
        request_id = actor.engine.take_request_id()
        if request.persistent:
            return await self._submit(actor, request_id, request)
        command = Command(
            request_id=request_id,
            rpc_id=str(uuid.uuid4()),
            method=request.method,
            params=request.params,
            one_way=request.one_way,
            expires_at_ms=request.expires_at_ms,
            retries=request.retries,
        )
        if hold_s is None:
            hold_s = self._settings.max_held_request_ms / 1_000
        return await actor.call(command, hold_s)

    async def _submit(self, actor: DeviceActor, request_id: int, request: RpcRequest) -> Finish:
        """Store a persistent command, then hand it over; its caller is told of the id (4.3)."""
        now_ms = self._settings.now_ms()
        row = self._row(actor.device_id, request_id, request, now_ms)
        try:
            await self._services.rows.add(row)
        except IntegrityError as error:
            return self._known(row, error)
        actor.submit(row.command())
        if row.expires_ms <= now_ms:
            return Finish(row.id, Outcome.NO_ANSWER)
        return _accepted(row.id)

    def _row(self, device_id: str, request_id: int, request: RpcRequest, now_ms: int) -> RpcRow:
        rpc_id = request.rpc_id or str(uuid.uuid4())
        sent_params = request.params
        if request.identity and self._understands_identity(device_id):
            sent_params = with_identity(request.params, rpc_id, request.expires_at_ms)
        return RpcRow(
            id=rpc_id,
            device_id=device_id,
            request_id=request_id,
            created_ms=now_ms,
            expires_ms=request.expires_at_ms,
            method=request.method,
            params=request.params,
            sent_params=sent_params,
            one_way=request.one_way,
            retries=request.retries,
            additional_info=request.additional_info,
        )

    def _understands_identity(self, device_id: str) -> bool:
        """Tell whether the device has said that it takes ``_id`` and ``_exp`` out of params."""
        if self._settings.strict:
            return False
        agent = self._services.data.client_attribute(device_id, AGENT)
        return isinstance(agent, dict) and agent.get("identity") is True

    def _known(self, row: RpcRow, error: IntegrityError) -> Finish:
        """Answer a repeated ``requestUUID``: the same call is the caller's retry, not a second.

        ThingsBoard overwrites the first row (4.2), and the device may run both.
        """
        first = self._services.rows.by_id(row.id)
        if first is None:
            raise bad_request("The device was removed") from error
        if _what(first) != _what(row):
            raise bad_request(f"Another call has the requestUUID {row.id}") from error
        return _accepted(row.id)


def _what(row: RpcRow) -> tuple[object, ...]:
    return row.device_id, row.method, row.params, row.one_way


def _accepted(rpc_id: str) -> Finish:
    return Finish(rpc_id, Outcome.ANSWERED, json_text.dump({"rpcId": rpc_id}).encode())
