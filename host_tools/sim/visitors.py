"""What other terminals can ask of a running board: its pins, its wires, its power."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from host_tools.sim.analog import volts
from host_tools.sim.pins import Pin
from host_tools.sim.requests import Operation

if TYPE_CHECKING:
    from host_tools.sim.simulated_board import SimulatedBoard


def operations(board: SimulatedBoard) -> dict[str, Operation]:
    """Return what a visitor can ask of a board; pins go by number, text of a number, or name."""

    def pin(wanted: int | str) -> Pin:
        number = wanted.isdigit() if isinstance(wanted, str) else False
        return board.pin(int(wanted) if number else wanted)

    def drive(wanted: int | str, level: int | None) -> dict[str, Any]:
        pin(wanted).drive(level)
        return describe(pin(wanted))

    def wire(first: int | str, second: int | str, connected: bool) -> None:
        connect = pin(first).wire if connected else pin(first).unwire
        connect(pin(second))

    def power(on: bool) -> str:
        if on:
            board.power_restore()
        else:
            board.power_cut()
        return board.state.value

    return {
        "pin": lambda wanted: describe(pin(wanted)),
        "pin.drive": drive,
        "wire": wire,
        "power": power,
        "reset": board.reset,
        "state": lambda: board.state.value,
    }


def describe(pin: Pin) -> dict[str, Any]:
    """Return what there is to tell about a pin."""
    pull = {1: "up", -1: "down", 0: None}[pin.pull]
    wired_to = sorted(str(other.number) for other in pin.wired_to)
    return {
        "pin": pin.number,
        "level": pin.level,
        "mode": pin.mode.name,
        "pull": pull,
        "volts": round(volts(pin), 6),
        "pwm": pin.pwm,
        "driven_from_outside": pin.outside,
        "wired_to": wired_to,
    }
