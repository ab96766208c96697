"""Claiming: a device says that it may be owned; a customer who knows its secret owns it (1.8)."""

from __future__ import annotations

import asyncio
import dataclasses
import hmac

from host_tools.json_text import Json
from host_tools.platform.services import Services
from host_tools.platform.storage import telemetry
from host_tools.platform.storage.devices import Device
from host_tools.platform.storage.telemetry import SERVER

CLAIMING_DATA = "claimingData"
DEFAULT_DURATION_MS = 86_400_000


class ClaimRefusedError(Exception):
    """The device cannot be claimed.

    Args:
        response: ThingsBoard's word: ``FAILURE``, or ``CLAIMED`` when it has an owner.
    """

    def __init__(self, response: str) -> None:
        super().__init__(response)
        self.response = response


def offer(services: Services, device_id: str, request: Json) -> asyncio.Future[None]:
    """Let a device be claimed for a while; durable when the future is done.

    Args:
        services: The platform's parts.
        device_id: The device that offers itself.
        request: None or an object with ``secretKey`` and ``durationMs``.

    Raises ValueError when it is something else.
    """
    fields = {} if request is None else request
    if not isinstance(fields, dict):
        raise ValueError("a claim request is an object")
    secret = fields.get("secretKey") or ""
    duration_ms = fields.get("durationMs") or DEFAULT_DURATION_MS
    if not isinstance(secret, str) or isinstance(duration_ms, bool):
        raise ValueError("secretKey is a text and durationMs a number")
    if not isinstance(duration_ms, int) or duration_ms < 0:
        raise ValueError("durationMs is a number of milliseconds")
    until_ms = services.settings.now_ms() + duration_ms
    data = {CLAIMING_DATA: {"secretKey": secret, "expirationTime": until_ms}}
    now_ms = services.settings.now_ms()
    return services.database.write(
        lambda c: telemetry.set_attributes(c, device_id, SERVER, data, now_ms)
    )


async def claim(services: Services, device: Device, customer_id: str, secret: str) -> Device:
    """Make a customer the owner of a device that offers itself; raises ClaimRefusedError."""
    if device.customer_id is not None:
        raise ClaimRefusedError("CLAIMED")
    found = services.database.read(
        lambda c: telemetry.get_attributes(c, device.id, (SERVER,), (CLAIMING_DATA,))
    )
    offered = found[0].value if found else None
    if not isinstance(offered, dict):
        raise ClaimRefusedError("FAILURE")
    in_time = services.settings.now_ms() < offered.get("expirationTime", 0)
    known = str(offered.get("secretKey", "")).encode()
    if not in_time or not hmac.compare_digest(known, secret.encode()):
        raise ClaimRefusedError("FAILURE")
    changed = dataclasses.replace(device, customer_id=customer_id, version=device.version + 1)
    await services.devices.update(changed)
    await services.data.delete_attributes(device.id, SERVER, [CLAIMING_DATA])
    return changed
