"""The one device profile of a data folder: how devices may provision themselves, and one switch."""

from __future__ import annotations

import secrets
import string
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from host_tools import json_text
from host_tools.platform.storage import users
from host_tools.platform.storage.database import Database

FACT = "device_profile"
KEY_LENGTH = 20
_ALPHABET = string.ascii_lowercase + string.digits


class ProvisionType(StrEnum):
    """Who may make a device without an administrator (``thingsboard-rpc.md`` 1.9)."""

    DISABLED = "DISABLED"
    CREATE = "ALLOW_CREATE_NEW_DEVICES"
    CHECK = "CHECK_PRE_PROVISIONED_DEVICES"


def new_key() -> str:
    """Make a provision key or secret."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(KEY_LENGTH))


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """What is set for all devices."""

    provision_type: ProvisionType = ProvisionType.DISABLED
    provision_key: str | None = None
    provision_secret: str | None = field(default=None, repr=False)
    acknowledge_malformed: bool = False
    """Answer a malformed QoS 1 payload before MQTT 5 with PUBACK and go on (1.4)."""


class ProfileStore:
    """Keeps the profile.

    Args:
        database: Open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        stored = database.read(lambda connection: users.fact(connection, FACT))
        self.profile = DeviceProfile()
        """What holds now."""
        if stored is not None:
            values = json_text.parse(stored)
            values["provision_type"] = ProvisionType(values["provision_type"])
            self.profile = DeviceProfile(**values)

    async def replace(self, profile: DeviceProfile) -> None:
        """Store another profile; it holds at once."""
        text = json_text.dump(asdict(profile))
        await self._database.write(lambda connection: users.keep_fact(connection, FACT, text))
        self.profile = profile
