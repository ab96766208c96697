"""Calls to devices: a request of the REST API becomes a command of the device's engine."""

from __future__ import annotations

import uuid

from host_tools.platform.rest.rpc_request import RpcRequest
from host_tools.platform.services import Services
from host_tools.rpc import Command, Finish


class RpcCalls:
    """Carries calls out.

    Args:
        services: The platform's parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def call(self, device_id: str, request: RpcRequest) -> Finish:
        """Carry out a lightweight call and wait for its end.

        Raises TimeoutError when the caller is held too long, ShuttingDownError at the end of
        the platform.
        """
        actor = self._services.actor(device_id)
        command = Command(
            request_id=actor.engine.take_request_id(),
            rpc_id=str(uuid.uuid4()),
            method=request.method,
            params=request.params,
            one_way=request.one_way,
            expires_at_ms=request.expires_at_ms,
        )
        return await actor.call(command, self._services.settings.max_held_request_ms / 1_000)
