"""Devices and what they log in with."""

from __future__ import annotations

import json
import secrets
import string
import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from host_tools.platform.storage.schema import credentials, devices

ACCESS_TOKEN = "ACCESS_TOKEN"
MQTT_BASIC = "MQTT_BASIC"
TOKEN_LENGTH = 20
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Device:
    """One device."""

    id: str
    created_ms: int
    name: str
    type: str = "default"
    label: str | None = None
    customer_id: str | None = None
    additional_info: Any = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a device shows to be let in; ``credentials_id`` is the access token of most."""

    id: str
    created_ms: int
    device_id: str
    type: str = ACCESS_TOKEN
    credentials_id: str = field(default="", repr=False)
    value: str | None = field(default=None, repr=False)
    version: int = 1


def new_token() -> str:
    """Make an access token as ThingsBoard does: 20 random letters and digits (4.5)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(TOKEN_LENGTH))


def new_credentials(device_id: str, token: str, now_ms: int) -> Credentials:
    """Make the credentials of a new device."""
    return Credentials(str(uuid.uuid4()), now_ms, device_id, credentials_id=token)


def insert(connection: Connection, device: Device, key: Credentials) -> None:
    """Store a new device; raises sqlalchemy's IntegrityError when name or token is taken."""
    connection.execute(devices.insert().values(**_device_columns(device)))
    connection.execute(credentials.insert().values(**_credentials_columns(key)))


def update(connection: Connection, device: Device) -> None:
    """Store the changed fields of a device; raises IntegrityError when its new name is taken."""
    statement = devices.update().where(devices.c.id == device.id)
    connection.execute(statement.values(**_device_columns(device)))


def delete(connection: Connection, device_id: str) -> bool:
    """Remove a device with all that belongs to it; False when there was none."""
    return connection.execute(devices.delete().where(devices.c.id == device_id)).rowcount > 0


def by_id(connection: Connection, device_id: str) -> Device | None:
    """Find a device by its id."""
    return _one_device(connection.execute(select(devices).where(devices.c.id == device_id)).first())


def by_name(connection: Connection, name: str) -> Device | None:
    """Find a device by its name."""
    return _one_device(connection.execute(select(devices).where(devices.c.name == name)).first())


def credentials_of(connection: Connection, device_id: str) -> Credentials | None:
    """Find the credentials of a device."""
    row = connection.execute(select(credentials).where(credentials.c.device_id == device_id))
    return _one_credentials(row.first())


def credentials_by_key(connection: Connection, key: str) -> Credentials | None:
    """Find credentials by what a device presents, such as an access token."""
    row = connection.execute(select(credentials).where(credentials.c.credentials_id == key))
    return _one_credentials(row.first())


def replace_credentials(connection: Connection, key: Credentials) -> None:
    """Store the changed credentials of a device; raises IntegrityError when the key is taken."""
    statement = credentials.update().where(credentials.c.device_id == key.device_id)
    connection.execute(statement.values(**_credentials_columns(key)))


def _one_device(row: Row[Any] | None) -> Device | None:
    return None if row is None else from_row(row)


def from_row(row: Row[Any]) -> Device:
    """Turn a row of the table ``devices`` into a device."""
    columns = dict(row._mapping)
    info = columns.pop("additional_info")
    return Device(**columns, additional_info=None if info is None else json.loads(info))


def _device_columns(device: Device) -> dict[str, Any]:
    info = device.additional_info
    return {
        "id": device.id,
        "created_ms": device.created_ms,
        "name": device.name,
        "type": device.type,
        "label": device.label,
        "customer_id": device.customer_id,
        "additional_info": None if info is None else json.dumps(info),
        "version": device.version,
    }


def _one_credentials(row: Row[Any] | None) -> Credentials | None:
    return None if row is None else Credentials(**row._mapping)


def _credentials_columns(key: Credentials) -> dict[str, Any]:
    return {
        "id": key.id,
        "created_ms": key.created_ms,
        "device_id": key.device_id,
        "type": key.type,
        "credentials_id": key.credentials_id,
        "value": key.value,
        "version": key.version,
    }
