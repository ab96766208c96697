"""What happens on the platform, told to whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from host_tools.json_text import Json

Listener = Callable[["Event"], None]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a device.

    Args:
        type: The message type of ThingsBoard's rule engine, ``RPC_SENT`` for example (6.1).
        device_id: The device.
        data: What the message carries.
    """

    type: str
    device_id: str
    data: Json


class Events:
    """Passes events on, in order, to all that listen."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every event from now on."""
        self._listeners.append(listener)

    def tell(self, event: Event) -> None:
        """Pass an event on."""
        for listener in self._listeners:
            listener(event)
