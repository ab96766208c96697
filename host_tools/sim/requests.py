"""What the firmware can ask of a simulated board: one table, operation to function.

The same table serves a child process over the control protocol and an interpreter in this process.
Arguments and answers are JSON values; bytes travel as hexadecimal text. A refusal is the exception
that the port raises; the shims raise it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from host_tools.sim.board import Board

Operation = Callable[..., Any]

REFUSALS = (ValueError, OSError, TypeError, RuntimeError)
"""What a port raises; anything else is a mistake in the simulator."""


def operations(board: Board) -> dict[str, Operation]:
    """Return what the firmware of a board can ask.

    Args:
        board: The board that answers.
    """
    return {
        "facts": board.as_json,
        **_pin_operations(board),
        **_analog_operations(board),
        **_radio_operations(board),
        "watchdog.start": board.start_watchdog,
        "watchdog.feed": board.feed_watchdog,
        "sleep.light": board.begin_light_sleep,
        "sleep.is_over": board.light_sleep_is_over,
        "sleep.woken": board.end_light_sleep,
        "wake.set": board.wake.set,
        "sleep.deep": board.deep_sleep,
        "reset": board.reset,
        "reset.soft": board.soft_reset,
        "halted": board.halt,
        "retained.read": lambda: board.retained.hex(),
        "retained.write": lambda content: board.retain(bytes.fromhex(content)),
        "wake_reason": lambda: board.wake_reason,
    }


def _pin_operations(board: Board) -> dict[str, Operation]:
    pins = board.pins
    return {
        "pin.find": lambda wanted: pins.find(wanted).number,
        "pin.configure": pins.configure,
        "pin.read": pins.read,
        "pin.write": pins.write,
        "pin.toggle": pins.toggle,
        "pin.interrupt": pins.set_interrupt,
        "interrupts": pins.take_interrupts,
    }


def _analog_operations(board: Board) -> dict[str, Operation]:
    analog = board.analog
    return {
        "adc.find": analog.find,
        "adc.read_uv": analog.read_uv,
        "pwm.make": analog.make_pwm,
        "pwm.end": analog.end_pwm,
    }


def _radio_operations(board: Board) -> dict[str, Operation]:
    radio = board.radio
    return {
        "radio.active": lambda: radio.active,
        "radio.activate": radio.activate,
        "radio.connect": radio.connect,
        "radio.disconnect": radio.disconnect,
        "radio.connected": lambda: radio.connected,
        "radio.status": radio.status,
        "radio.addresses": radio.addresses,
        "radio.rssi": radio.rssi,
        "radio.configuration": radio.configuration,
        "radio.configure": radio.configure,
    }
