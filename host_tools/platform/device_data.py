"""What devices report and what is set for them: telemetry, attributes, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from host_tools.json_text import Json
from host_tools.platform.events import Event, Events
from host_tools.platform.payloads import Point
from host_tools.platform.settings import Settings
from host_tools.platform.storage import telemetry
from host_tools.platform.storage.database import Database
from host_tools.platform.storage.telemetry import CLIENT, SHARED

Push = Callable[[dict[str, Json]], None]
"""Tells a device of changed shared attributes."""


class DeviceData:
    """Stores and hands out the data of devices.

    Args:
        settings: For the clock.
        database: Open.
        events: Is told of telemetry and attributes that were stored.
    """

    def __init__(self, settings: Settings, database: Database, events: Events) -> None:
        self._settings = settings
        self._database = database
        self._events = events
        self._listeners: dict[str, set[Push]] = {}

    def listen(self, device_id: str, push: Push) -> None:
        """Call ``push`` with every change of the device's shared attributes."""
        self._listeners.setdefault(device_id, set()).add(push)

    def unlisten(self, device_id: str, push: Push) -> None:
        """Stop calling ``push``."""
        listeners = self._listeners.get(device_id, set())
        listeners.discard(push)
        if not listeners:
            self._listeners.pop(device_id, None)

    def add_points(self, device_id: str, points: Sequence[Point]) -> asyncio.Future[None]:
        """Store telemetry; durable when the future is done."""
        future = self._database.write(lambda c: telemetry.add_points(c, device_id, points))
        values = {point.key: point.value for point in points}
        self._tell_when_stored(future, "POST_TELEMETRY_REQUEST", device_id, values)
        return future

    def set_client_attributes(
        self, device_id: str, values: Mapping[str, Json]
    ) -> asyncio.Future[None]:
        """Store what a device says about itself; durable when the future is done."""
        future = self._set(device_id, CLIENT, values)
        self._tell_when_stored(future, "POST_ATTRIBUTES_REQUEST", device_id, dict(values))
        return future

    async def set_attributes(self, device_id: str, scope: str, values: Mapping[str, Json]) -> None:
        """Store attributes of any scope; a device is told of its shared ones."""
        await self._set(device_id, scope, values)
        if values:
            self._changed(device_id, scope, "ATTRIBUTES_UPDATED", dict(values))

    async def delete_attributes(self, device_id: str, scope: str, keys: Sequence[str]) -> None:
        """Remove attributes; a device is told of its shared ones."""
        gone = await self._database.write(
            lambda c: telemetry.delete_attributes(c, device_id, scope, keys)
        )
        if gone:
            self._changed(device_id, scope, "ATTRIBUTES_DELETED", {"deleted": gone})

    def for_device(
        self, device_id: str, client_keys: Sequence[str], shared_keys: Sequence[str]
    ) -> dict[str, Json]:
        """Return what a device may read; without any keys all of it (1.8)."""
        everything = not client_keys and not shared_keys
        answer: dict[str, Json] = {}
        for name, scope, keys in (
            ("client", CLIENT, client_keys),
            ("shared", SHARED, shared_keys),
        ):
            if everything or keys:
                values = self._values(device_id, scope, keys)
                if values:
                    answer[name] = values
        return answer

    def client_attribute(self, device_id: str, key: str) -> Json:
        """Return what a device says about itself under a key, or None."""
        return self._values(device_id, CLIENT, [key]).get(key)

    def _values(self, device_id: str, scope: str, keys: Sequence[str]) -> dict[str, Json]:
        found = self._database.read(
            lambda c: telemetry.get_attributes(c, device_id, (scope,), keys)
        )
        return {attribute.key: attribute.value for attribute in found}

    def _set(self, device_id: str, scope: str, values: Mapping[str, Json]) -> asyncio.Future[None]:
        now_ms = self._settings.now_ms()
        return self._database.write(
            lambda c: telemetry.set_attributes(c, device_id, scope, values, now_ms)
        )

    def _changed(self, device_id: str, scope: str, kind: str, change: dict[str, Json]) -> None:
        self._events.tell(Event(kind, device_id, change))
        if scope == SHARED:
            for push in list(self._listeners.get(device_id, ())):
                push(change)

    def _tell_when_stored(
        self, future: asyncio.Future[None], kind: str, device_id: str, data: dict[str, Json]
    ) -> None:
        def stored(done: asyncio.Future[None]) -> None:
            if not done.cancelled() and done.exception() is None:
                self._events.tell(Event(kind, device_id, data))

        future.add_done_callback(stored)
