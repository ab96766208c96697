"""Devices that make themselves known, by a shared key and secret (``thingsboard-rpc.md`` 1.9)."""

from __future__ import annotations

import hmac
import secrets
import string
import uuid
from typing import Any

from sqlalchemy.exc import IntegrityError

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.platform.credentials import BasicCredentials
from host_tools.platform.profile_store import DeviceProfile, ProvisionType
from host_tools.platform.services import Services
from host_tools.platform.storage import telemetry
from host_tools.platform.storage.devices import (
    ACCESS_TOKEN,
    MQTT_BASIC,
    Credentials,
    Device,
    new_token,
)
from host_tools.platform.storage.telemetry import SERVER

PROVISION_STATE = "provisionState"
PROVISIONED = "provisioned"
RANDOM_NAME_LENGTH = 20
MAX_NAME_LENGTH = 255
_LETTERS = string.ascii_letters + string.digits

NOT_FOUND = {"status": "NOT_FOUND", "errorMsg": "Provision data was not found!"}
FAILURE = {"status": "FAILURE", "errorMsg": "Failed to provision device!"}


async def provision(services: Services, request: Json) -> dict[str, Any]:
    """Handle a provision request and return its answer.

    Args:
        services: The platform's parts.
        request: What the device sent.

    Raises ValueError when it is no provision request at all.
    """
    if not isinstance(request, dict):
        raise ValueError("a provision request is an object")
    profile = services.profiles.profile
    if not _knows_secret(profile, request):
        return NOT_FOUND
    try:
        name = _name(request)
        if profile.provision_type is ProvisionType.CREATE:
            key = await _create(services, name, request)
        else:
            key = await _confirm(services, name)
    except (_RefusedError, IntegrityError):
        return FAILURE
    value = key.credentials_id if key.type == ACCESS_TOKEN else json_text.parse(key.value or "{}")
    return {"credentialsType": key.type, "credentialsValue": value, "status": "SUCCESS"}


class _RefusedError(Exception):
    """The request is known and cannot be fulfilled."""


def _knows_secret(profile: DeviceProfile, request: dict[str, Json]) -> bool:
    if profile.provision_type is ProvisionType.DISABLED:
        return False
    given = (request.get("provisionDeviceKey"), request.get("provisionDeviceSecret"))
    wanted = (profile.provision_key, profile.provision_secret)
    return all(
        isinstance(one, str) and other and hmac.compare_digest(one.encode(), other.encode())
        for one, other in zip(given, wanted, strict=True)
    )


def _name(request: dict[str, Json]) -> str:
    name = request.get("deviceName")
    if name is None:
        return "".join(secrets.choice(_LETTERS) for _ in range(RANDOM_NAME_LENGTH))
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME_LENGTH:
        raise _RefusedError
    if "\0" in name:
        raise _RefusedError
    return name


async def _create(services: Services, name: str, request: dict[str, Json]) -> Credentials:
    now_ms = services.settings.now_ms()
    device = Device(str(uuid.uuid4()), now_ms, name)
    key = _credentials(device.id, request, now_ms)
    await services.devices.add(device, key)
    return key


async def _confirm(services: Services, name: str) -> Credentials:
    """Hand out the credentials of a device that an administrator has prepared, once."""
    device = services.devices.by_name(name)
    key = services.devices.credentials_of(device.id) if device else None
    if device is None or key is None:
        raise _RefusedError
    state = services.database.read(
        lambda c: telemetry.get_attributes(c, device.id, (SERVER,), (PROVISION_STATE,))
    )
    if state and state[0].value == PROVISIONED:
        raise _RefusedError
    await services.data.set_attributes(device.id, SERVER, {PROVISION_STATE: PROVISIONED})
    return key


def _credentials(device_id: str, request: dict[str, Json], now_ms: int) -> Credentials:
    kind = request.get("credentialsType", ACCESS_TOKEN)
    identifier = str(uuid.uuid4())
    if kind == ACCESS_TOKEN:
        token = request.get("token") or new_token()
        if not isinstance(token, str) or len(token) > MAX_NAME_LENGTH:
            raise _RefusedError
        return Credentials(identifier, now_ms, device_id, ACCESS_TOKEN, token)
    if kind == MQTT_BASIC:
        value = json_text.dump(
            {
                "clientId": request.get("clientId"),
                "userName": request.get("username"),
                "password": request.get("password"),
            }
        )
        try:
            basic = BasicCredentials.parse(value)
        except ValueError as error:
            raise _RefusedError from error
        return Credentials(identifier, now_ms, device_id, MQTT_BASIC, basic.key, value)
    raise _RefusedError
