"""The devices of the data folder, with those in use kept in memory.

A call needs its device before anything else; a query for each would take longer than the rest.
"""

from __future__ import annotations

from host_tools.platform.storage import devices
from host_tools.platform.storage.database import Database
from host_tools.platform.storage.devices import Credentials, Device


class DeviceDirectory:
    """Reads and writes devices.

    Args:
        database: Open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Device] = {}

    def by_id(self, device_id: str) -> Device | None:
        """Find a device by its id."""
        device = self._known.get(device_id)
        if device is None:
            device = self._database.read(lambda connection: devices.by_id(connection, device_id))
            if device is not None:
                self._known[device_id] = device
        return device

    def forget_all(self) -> None:
        """Read every device anew: many were changed at once."""
        self._known.clear()

    def by_name(self, name: str) -> Device | None:
        """Find a device by its name."""
        return self._database.read(lambda connection: devices.by_name(connection, name))

    def credentials_of(self, device_id: str) -> Credentials | None:
        """Find the credentials of a device."""
        return self._database.read(lambda c: devices.credentials_of(c, device_id))

    def credentials_by_key(self, key: str) -> Credentials | None:
        """Find credentials by what a device presents."""
        return self._database.read(lambda c: devices.credentials_by_key(c, key))

    async def add(self, device: Device, key: Credentials) -> None:
        """Store a new device; raises IntegrityError when its name or token is taken."""
        await self._database.write(lambda connection: devices.insert(connection, device, key))

    async def update(self, device: Device) -> None:
        """Store a changed device; raises IntegrityError when its new name is taken."""
        await self._database.write(lambda connection: devices.update(connection, device))
        self._known.pop(device.id, None)

    async def delete(self, device_id: str) -> bool:
        """Remove a device; False when there was none."""
        removed = await self._database.write(lambda c: devices.delete(c, device_id))
        self._known.pop(device_id, None)
        return removed

    async def replace_credentials(self, key: Credentials) -> None:
        """Store changed credentials; raises IntegrityError when another device has the key."""
        await self._database.write(lambda c: devices.replace_credentials(c, key))
