"""The numbers and names of ``machine`` and ``network``, as each port of MicroPython has them.

They differ from port to port, so the shims take them from here and code that hard-codes one fails
in the simulator as it would on the other board. Sources: reference/host-tools.md 5.1, 5.3 and 5.5,
and MicroPython 1.29, ports/esp32/{modmachine,network_wlan}.c and ports/rp2/modmachine.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Port:
    """What one port of MicroPython calls things, and by which numbers."""

    pin: dict[str, int]
    machine: dict[str, int]
    network: dict[str, int]
    wlan: dict[str, int]
    #: What the port lacks: names of ``machine`` and its classes that must not exist there.
    frequency_hz: int
    unique_id_bytes: int

    def as_json(self) -> dict[str, Any]:
        """Return what the shims need."""
        return {
            "pin": self.pin,
            "machine": self.machine,
            "network": self.network,
            "wlan": self.wlan,
        }


ESP32 = Port(
    pin={
        "IN": 1,
        "OUT": 3,
        "OPEN_DRAIN": 7,
        "PULL_DOWN": 1,
        "PULL_UP": 2,
        "IRQ_RISING": 1,
        "IRQ_FALLING": 2,
        "WAKE_LOW": 4,
        "WAKE_HIGH": 5,
        "DRIVE_0": 0,
        "DRIVE_1": 1,
        "DRIVE_2": 2,
        "DRIVE_3": 3,
    },
    machine={
        "PWRON_RESET": 1,
        "HARD_RESET": 2,
        "WDT_RESET": 3,
        "DEEPSLEEP_RESET": 4,
        "SOFT_RESET": 5,
        "PIN_WAKE": 2,
        "EXT0_WAKE": 2,
        "EXT1_WAKE": 3,
        "TIMER_WAKE": 4,
        "TOUCHPAD_WAKE": 5,
        "ULP_WAKE": 6,
    },
    network={
        "STA_IF": 0,
        "AP_IF": 1,
        "STAT_IDLE": 1000,
        "STAT_CONNECTING": 1001,
        "STAT_GOT_IP": 1010,
        "STAT_BEACON_TIMEOUT": 200,
        "STAT_NO_AP_FOUND": 201,
        "STAT_WRONG_PASSWORD": 202,
        "STAT_ASSOC_FAIL": 203,
        "STAT_CONNECT_FAIL": 203,
        "STAT_HANDSHAKE_TIMEOUT": 204,
    },
    wlan={"IF_STA": 0, "IF_AP": 1, "PM_NONE": 0, "PM_PERFORMANCE": 1, "PM_POWERSAVE": 2},
    frequency_hz=160_000_000,
    unique_id_bytes=6,
)

RP2 = Port(
    pin={
        "IN": 0,
        "OUT": 1,
        "OPEN_DRAIN": 2,
        "ALT": 3,
        "ANALOG": 4,
        "PULL_UP": 1,
        "PULL_DOWN": 2,
        "IRQ_RISING": 8,
        "IRQ_FALLING": 4,
    },
    machine={"PWRON_RESET": 1, "WDT_RESET": 3},
    network={
        "STA_IF": 0,
        "AP_IF": 1,
        "STAT_IDLE": 0,
        "STAT_CONNECTING": 1,
        "STAT_WRONG_PASSWORD": -3,
        "STAT_NO_AP_FOUND": -2,
        "STAT_CONNECT_FAIL": -1,
        "STAT_GOT_IP": 3,
    },
    wlan={
        "IF_STA": 0,
        "IF_AP": 1,
        "PM_NONE": 0x10,
        "PM_PERFORMANCE": 0xA11142,
        "PM_POWERSAVE": 0x11,
    },
    frequency_hz=125_000_000,
    unique_id_bytes=8,
)

PORTS = {"esp32": ESP32, "rp2": RP2}
