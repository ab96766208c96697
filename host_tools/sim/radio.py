"""The Wi-Fi station of a simulated board: association takes time and fails as the port tells it.

Sources: reference/host-tools.md 5.5; MicroPython 1.29, ports/esp32/network_wlan.c (``status``) and
extmod/network_cyw43.c. Bytes themselves travel over the loopback sockets of this machine.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import JsonValue

from host_tools.sim.constants import PORTS

_ADDRESS = ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")


class Radio:
    """One station interface.

    Args:
        port: ``esp32`` or ``rp2``.
        now_ms: The board's clock.
    """

    def __init__(self, port: str, now_ms: Callable[[], int]) -> None:
        self._is_esp32 = port == "esp32"
        self._stat = PORTS[port].network
        self._now_ms = now_ms
        #: The networks in reach, name to key; an empty key is an open network.
        self.networks: dict[str, str] = {}
        #: How long an association takes.
        self.association_ms = 50
        self.hostname = "mpy-esp32" if self._is_esp32 else "PicoW"
        self.settings: dict[str, JsonValue] = {"pm": PORTS[port].wlan["PM_PERFORMANCE"]}
        self.switch_off()

    def switch_off(self) -> None:
        """Forget the association, as a chip's reset does."""
        self.active = False
        self._wanted: tuple[str, str] | None = None
        self._decided_ms = 0

    def activate(self, active: bool) -> None:
        """Do what ``WLAN.active(active)`` does."""
        if not active:
            self.switch_off()
        self.active = active

    def connect(self, ssid: str, key: str) -> None:
        """Begin an association.

        Raises:
            OSError: The interface is not active.
        """
        if not self.active:
            raise OSError("Wifi Not Started" if self._is_esp32 else "STA must be active")
        self._wanted = (ssid, key)
        self._decided_ms = self._now_ms() + self.association_ms

    def disconnect(self) -> None:
        """Leave the network."""
        self._wanted = None

    @property
    def connected(self) -> bool:
        """Whether the station has an address."""
        return self.status() == self._stat["STAT_GOT_IP"]

    def status(self) -> int:
        """Return the port's number for how it stands."""
        if self._wanted is None:
            return self._stat["STAT_IDLE"]
        if self._now_ms() < self._decided_ms:
            return self._stat["STAT_CONNECTING"]
        ssid, key = self._wanted
        if ssid not in self.networks:
            return self._stat["STAT_NO_AP_FOUND"]
        if self.networks[ssid] not in ("", key):
            return self._stat["STAT_WRONG_PASSWORD"]
        return self._stat["STAT_GOT_IP"]

    def addresses(self) -> tuple[str, ...]:
        """Return what ``WLAN.ifconfig()`` returns."""
        return _ADDRESS if self.connected else ("0.0.0.0",) * 4

    def rssi(self) -> int:
        """Return the signal's strength in dBm."""
        return -50

    def configuration(self, key: str) -> JsonValue:
        """Return one setting, as ``WLAN.config(key)`` does.

        Raises:
            ValueError: The port does not know it.
        """
        if key in ("ssid", "essid"):
            return self._wanted[0] if self._wanted else ""
        if key == "hostname":
            return self.hostname
        if key == "mac":
            return "02:00:00:00:00:01"
        if key in self.settings:
            return self.settings[key]
        raise ValueError("unknown config param")

    def configure(self, key: str, value: JsonValue) -> None:
        """Set one setting, as ``WLAN.config(key=value)`` does.

        Raises:
            ValueError: The port does not know it.
        """
        known = {"pm", "txpower", "channel", "ssid", "key", "security", "hidden"}
        if key == "hostname":
            self.hostname = str(value)
        elif key in known or (self._is_esp32 and key in ("reconnects", "protocol", "bandwidth")):
            self.settings[key] = value
        else:
            raise ValueError("unknown config param")
