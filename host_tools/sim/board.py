"""A simulated board: pins, memories, radio, watchdog, resets and sleep, without any process.

The model is pure: it has a clock to look at and decides what a request of the firmware answers,
when the board restarts by itself, and what the next boot will see. What runs the firmware (a child
process, or an interpreter in this process) asks ``deadline_ms``, calls ``tick``, and starts the
firmware anew whenever ``state`` becomes ``STARTING``.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from enum import Enum
from typing import Any

from host_tools.board_facts import BoardFacts
from host_tools.sim.analog import Analog
from host_tools.sim.constants import PORTS
from host_tools.sim.pins import Pin, Pins
from host_tools.sim.radio import Radio
from host_tools.sim.wake import Wake


class State(Enum):
    """What a board is doing."""

    OFF = "off"  # no power
    STARTING = "starting"  # the firmware is to be started
    RUNNING = "running"
    ASLEEP = "asleep"  # deep sleep: the firmware does not run
    HALTED = "halted"  # the firmware ended; a real board shows its prompt


class Board:
    """The hardware of one board.

    Args:
        facts: The kind of board.
        now_ms: A clock that never goes back, in milliseconds.
        device: The device's name; the unique id follows from it.
        on_change: Called after each change that somebody may wait for.
        lock: Held while pins are used from outside; the caller holds it for everything else.
    """

    def __init__(
        self,
        facts: BoardFacts,
        now_ms: Callable[[], int],
        *,
        device: str = "",
        on_change: Callable[[], None] = lambda: None,
        lock: threading.RLock | None = None,
    ) -> None:
        self.facts = facts
        self.port = PORTS[facts.port]
        self._clock = now_ms
        self._began_ms = now_ms()
        self._on_change = on_change
        self.lock = lock or threading.RLock()
        self.pins = Pins(facts, self.now_ms, self._pin_changed, self.lock)
        self.radio = Radio(facts.port, self.now_ms)
        self.wake = Wake(facts, self.pins)
        self.analog = Analog(facts, self.pins, self.radio)
        self.state = State.OFF
        self.boots = 0
        self.reset_cause = 0
        self.wake_reason = 0
        self.retained = b""
        digest = hashlib.sha256(f"{facts.name} {device}".encode()).digest()
        self.unique_id = digest[: self.port.unique_id_bytes]
        self._watchdog_ms: int | None = None
        self._watchdog_bites_ms: int | None = None
        self._wakes_ms: int | None = None

    def now_ms(self) -> int:
        """Return milliseconds since the board was made."""
        return self._clock() - self._began_ms

    # Power and resets

    def power_up(self) -> None:
        """Give the board its power: a start with nothing remembered."""
        self.retained = b""
        self._restart("PWRON_RESET")

    def power_cut(self) -> None:
        """Take the power away at once."""
        self._stop(State.OFF)
        self.retained = b""

    def brown_out(self) -> None:
        """Let the supply dip: it reads as a power-on, and no memory is to be trusted (5.3)."""
        self.press_reset()

    def press_reset(self) -> None:
        """Press the reset button, which reads as a power-on (reference/host-tools.md 5.2)."""
        if self.state is not State.OFF:
            self.power_up()

    def reset(self) -> None:
        """Restart as ``machine.reset()`` does."""
        self._restart("HARD_RESET")

    def soft_reset(self) -> None:
        """Restart the interpreter only; pins, watchdog and memories stay."""
        self.reset_cause = self.port.machine.get("SOFT_RESET", self.reset_cause)
        self._to(State.STARTING)

    def halt(self) -> None:
        """Note that the firmware ended by itself; the watchdog, if armed, still bites."""
        if self.state is State.RUNNING:
            self._to(State.HALTED)

    def started(self) -> None:
        """Note that the firmware was started."""
        self.boots += 1
        self._to(State.RUNNING)

    # Time

    def deadline_ms(self) -> int | None:
        """Return when ``tick`` has something to do, or None."""
        if self.state is State.ASLEEP:
            return self._wakes_ms
        return self._watchdog_bites_ms

    def tick(self) -> None:
        """Let the watchdog bite or the sleep end, if it is time."""
        deadline_ms = self.deadline_ms()
        if deadline_ms is None or self.now_ms() < deadline_ms:
            return
        if self.state is State.ASLEEP:
            self._restart("DEEPSLEEP_RESET")
            self.wake_reason = self.port.machine.get("TIMER_WAKE", 0)
        else:
            self._restart("WDT_RESET")

    # Watchdog and sleep

    def start_watchdog(self, timeout_ms: int) -> None:
        """Arm the watchdog, as ``WDT(timeout=)`` does.

        Raises:
            ValueError: The port refuses that time (reference/host-tools.md 5.2).
        """
        longest_ms = self.facts.watchdog.longest_ms
        if longest_ms is not None and timeout_ms > longest_ms:
            raise ValueError(f"timeout exceeds {longest_ms}")
        if timeout_ms <= 0 and self.facts.port == "esp32":
            raise ValueError("WDT timeout too short")
        self._watchdog_ms = timeout_ms
        self.feed_watchdog()

    def feed_watchdog(self) -> None:
        """Give the firmware another whole time-out."""
        if self._watchdog_ms is not None:
            self._watchdog_bites_ms = self.now_ms() + self._watchdog_ms
            self._on_change()

    def begin_light_sleep(self, duration_ms: int | None) -> bool:
        """Halt the processor; the caller waits, then calls ``end_light_sleep``.

        Args:
            duration_ms: How long; None for until a pin wakes it.

        Returns:
            Whether a pin may end it (``light_sleep_is_over``).

        Raises:
            ValueError: The port cannot sleep that long (reference/host-tools.md 5.4).
        """
        if duration_ms is not None:
            self._check_sleep(duration_ms)
        if self.facts.watchdog.stops_in_light_sleep:
            self._watchdog_bites_ms = None
        self.radio.disconnect()
        self._on_change()
        return bool(self.wake.sources)

    def light_sleep_is_over(self) -> bool:
        """Tell whether a pin woke the chip."""
        return self.wake.reason() != 0

    def end_light_sleep(self) -> None:
        """Go on; a watchdog that stood still counts on."""
        self.wake_reason = self.wake.reason() or self.port.machine.get("TIMER_WAKE", 0)
        self.feed_watchdog()

    def deep_sleep(self, duration_ms: int | None) -> None:
        """Stop until the time has come or a pin wakes the chip; None sets no time.

        Raises:
            ValueError: The port cannot sleep that long, or not with these wake pins.
        """
        if duration_ms is not None:
            self._check_sleep(duration_ms)
        self.wake.check_deep_sleep()
        sources = dict(self.wake.sources)
        self._stop(State.ASLEEP)
        self.wake.sources = sources
        self._wakes_ms = None if duration_ms is None else self.now_ms() + max(0, duration_ms)
        self._wake_by_pin()
        self._on_change()

    # Memories

    def retain(self, content: bytes) -> None:
        """Write the memory that outlives a reset, as ``RTC.memory(content)`` does.

        Raises:
            ValueError: It does not fit.
        """
        if len(content) > self.facts.sleep.retained_bytes:
            raise ValueError("buffer too long")
        self.retained = content
        self._on_change()

    def as_json(self) -> dict[str, Any]:
        """Return what the shims learn at the start of the firmware."""
        return {
            "board": self.facts.name,
            "port": self.facts.port,
            "wifi": self.facts.wifi,
            "wake_ext0": bool(self.facts.sleep.wake_ext0),
            "wake_ext1": bool(self.facts.sleep.wake_ext1),
            "retained": self.facts.sleep.retained_bytes > 0,
            "constants": self.port.as_json(),
            "frequency_hz": self.port.frequency_hz,
            "unique_id": self.unique_id.hex(),
            "reset_cause": self.reset_cause,
            "wake_reason": self.wake_reason,
        }

    def _check_sleep(self, duration_ms: int) -> None:
        if self.facts.port == "rp2" and duration_ms > self.facts.sleep.longest_ms:
            raise ValueError("sleep too long")

    def _restart(self, cause: str) -> None:
        self._stop(State.STARTING)
        causes = self.port.machine
        # Every restart of an RP2 but a power-on goes through its watchdog (5.3).
        self.reset_cause = causes.get(cause, causes["WDT_RESET"])

    def _stop(self, state: State) -> None:
        """Forget what no reset leaves: pins, radio, watchdog."""
        self._watchdog_ms = self._watchdog_bites_ms = self._wakes_ms = None
        self.wake_reason = 0
        self.wake.sources = {}
        self.radio.switch_off()
        self.pins.forget()
        self._to(state)

    def _wake_by_pin(self) -> None:
        reason = self.wake.reason() if self.state is State.ASLEEP else 0
        if reason:
            self._restart("DEEPSLEEP_RESET")
            self.wake_reason = reason

    def _to(self, state: State) -> None:
        self.state = state
        self._on_change()

    def _pin_changed(self, _: Pin) -> None:
        self._wake_by_pin()
        self._on_change()
