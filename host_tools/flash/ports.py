"""The serial ports with something plugged in, and which of them a user means.

A port's name changes when boards are plugged in elsewhere or reset, so a port has an id that stays:
the serial number that USB tells, else the place on the bus.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from host_tools.board_facts import BoardFacts
from host_tools.errors import ExitCode, WakecallError

_KNOWN = {
    (0x2E8A, 0x0005): ("MicroPython on a Pico", ("rp2",)),
    (0x303A, 0x1001): ("ESP32, its own USB (serial and JTAG)", ("esp32",)),
    (0x303A, 0x4001): ("MicroPython on an ESP32, its own USB", ("esp32",)),
    (0x10C4, 0xEA60): ("CP210x USB to serial", ("esp32",)),
    (0x1A86, 0x7523): ("CH340 USB to serial", ("esp32",)),
}
"""USB ids (reference/host-tools.md 4.7) to what it is and to which ports of MicroPython it fits."""


@dataclass(frozen=True)
class Port:
    """A serial port on USB.

    Args:
        device: What is opened, such as ``/dev/ttyUSB0``.
        id: ``id:<USB serial number>``, or ``usb:<place on the bus>`` for one without.
        title: What it is, for a person.
        fits: The ports of MicroPython that such a thing can be.
    """

    device: str
    id: str
    title: str
    fits: tuple[str, ...]


def plugged_in() -> list[Port]:
    """Return the serial ports on USB, sorted by name."""
    from serial.tools import list_ports

    found = []
    for info in sorted(list_ports.comports()):
        if info.vid is None or info.pid is None:
            continue  # a port of the machine's own; nobody can say what is behind it
        title, fits = _KNOWN.get(
            (info.vid, info.pid), (info.description or "unknown", ("esp32", "rp2"))
        )
        stable = f"id:{info.serial_number}" if info.serial_number else f"usb:{info.location}"
        found.append(Port(info.device, stable, title, fits))
    return found


def resolve(wanted: str, facts: BoardFacts, ports: Iterable[Port]) -> Port:
    """Return the port that a user means.

    Args:
        wanted: ``auto`` for the only one that fits the board, an id as ``plugged_in`` tells it, a
            device, or an address such as ``socket://host:port``.
        facts: The board.
        ports: What ``plugged_in`` returned.

    Raises:
        WakecallError: No port fits (NOT_FOUND), or several do (USAGE).
    """
    ports = list(ports)
    if wanted == "auto":
        return _only(facts, [port for port in ports if facts.port in port.fits])
    for port in ports:
        # A link such as those in /dev/serial/by-id leads to the same board.
        if wanted == port.id or os.path.realpath(wanted) == os.path.realpath(port.device):
            return port
    if wanted.startswith(("id:", "usb:")):
        raise WakecallError(
            f"no port {wanted} is plugged in",
            code=ExitCode.NOT_FOUND,
            hint="`wakecall boards` lists what is",
        )
    return Port(wanted, wanted if "://" in wanted else os.path.realpath(wanted), "", (facts.port,))


def _only(facts: BoardFacts, fitting: list[Port]) -> Port:
    if not fitting:
        raise WakecallError(
            f"no port that may be a board {facts.name} is plugged in",
            code=ExitCode.NOT_FOUND,
            hint="plug it in with a cable that carries data; `wakecall boards` lists what is seen",
        )
    if len(fitting) > 1:
        told = ", ".join(f"{port.id} ({port.device})" for port in fitting)
        raise WakecallError(
            f"{len(fitting)} ports may be the board {facts.name}: {told}",
            code=ExitCode.USAGE,
            hint=f"name one: --port {fitting[0].id}",
        )
    return fitting[0]
