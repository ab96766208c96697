"""Faults on demand, so that a device can be tested against a server that misbehaves."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

EVERY_DEVICE = "*"


@dataclass(slots=True)
class Faults:
    """What goes wrong for a device; everything is off by default."""

    drop_pubacks: int = 0
    """PUBACKs of the server that are not sent, from now on."""
    delay_suback_ms: int = 0
    """How late a SUBACK is."""
    close_after_packets: int = 0
    """Packets of the device after which its connection is cut, each time anew."""
    duplicate_commands: bool = False
    """Every command is published twice, the second time as a duplicate."""
    downgrade_qos: bool = False
    """Every subscription is granted QoS 0."""

    def take_puback(self) -> bool:
        """Tell whether this PUBACK may go out, and count it if not."""
        if self.drop_pubacks > 0:
            self.drop_pubacks -= 1
            return False
        return True


class FaultPlan:
    """The faults of all devices.

    Args:
        enabled: Off means that no fault can be set at all.
    """

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._faults: dict[str, Faults] = {}

    def of(self, device_id: str | None) -> Faults:
        """Return the faults of a device: its own, else those of every device."""
        own = self._faults.get(device_id or EVERY_DEVICE)
        return own or self._faults.get(EVERY_DEVICE) or Faults()

    def set(self, device_id: str, faults: Faults) -> None:
        """Replace the faults of a device, or of every device."""
        if faults == Faults():
            self._faults.pop(device_id, None)
        else:
            self._faults[device_id] = faults

    def clear(self) -> None:
        """Switch every fault off."""
        self._faults.clear()

    def shown(self) -> dict[str, dict[str, int | bool]]:
        """Return all faults that are on."""
        return {device_id: dataclasses.asdict(faults) for device_id, faults in self._faults.items()}
