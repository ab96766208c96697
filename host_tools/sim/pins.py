"""The pins of a simulated board: what drives each, the level that follows, and its history.

A pin has two sides. The firmware sets mode, pull and output; a test (or another terminal) drives
it from outside and wires pins together. The level follows from both, for all pins of a wire at
once: what drives wins over a pull, and nothing at all reads 0.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from host_tools.board_facts import BoardFacts
from host_tools.errors import ExitCode, WakecallError
from host_tools.sim.constants import PORTS

SCHEDULER_DEPTH = 8
"""Interrupts that wait for the firmware (MICROPY_SCHEDULER_DEPTH of the ports)."""
HISTORY_LENGTH = 10_000
"""Level changes that a pin remembers; older ones are forgotten."""


class Change(NamedTuple):
    """A pin's new level and when it came, in milliseconds since the board was made."""

    time_ms: int
    level: int


@dataclass(frozen=True)
class Mode:
    """What the firmware made of a pin, in words that hold on every port."""

    reads: bool
    drives: bool
    open_drain: bool = False

    @property
    def name(self) -> str:
        """``out``, ``open-drain``, ``in`` or ``off``."""
        if self.drives:
            return "open-drain" if self.open_drain else "out"
        return "in" if self.reads else "off"


class Pin:
    """One pin, as seen from outside the firmware."""

    def __init__(self, pins: Pins, number: int | str) -> None:
        self._pins = pins
        self.number = number
        self.level = 0
        self.history: deque[Change] = deque(maxlen=HISTORY_LENGTH)
        self.outside: int | None = None
        #: The voltage that an ADC sees, where it is not that of the level.
        self.volts: float | None = None
        #: The edges that interrupt the firmware, by the port's numbers.
        self.interrupt_on = 0
        #: Frequency in hertz and duty of 65535 that the firmware makes, or None.
        self.pwm: tuple[int, int] | None = None
        self._stuck: int | None = None
        self.wired_to: set[Pin] = set()
        self.forget()

    def forget(self) -> None:
        """Return to the state that a chip's reset leaves the pin in."""
        self.mode, self.pull = self._pins.reset_state
        self.output = 0
        self.pwm = None
        self.interrupt_on = 0

    def set_pwm(self, pwm: tuple[int, int] | None) -> None:
        """Note what the firmware makes."""
        self.pwm = pwm
        self._pins.changed(self)

    def stick(self, level: int | None) -> None:
        """Hold the pin at a level, whatever drives it, as a short circuit does.

        Args:
            level: 0 or 1; None frees it.
        """
        with self._pins.lock:
            self._stuck = level
            self._pins.settle(self)

    @property
    def stuck(self) -> int | None:
        """The level that the pin is held at, or None."""
        return self._stuck

    def drive(self, level: int | None) -> None:
        """Drive the pin from outside.

        Args:
            level: 0 or 1; None lets go.
        """
        if level not in (None, 0, 1):
            raise WakecallError(
                f"a pin is driven to 0, 1 or None, not {level!r}", code=ExitCode.USAGE
            )
        with self._pins.lock:
            self.outside = level
            self._pins.settle(self)

    def wire(self, other: Pin) -> None:
        """Connect the pin to another one of the same board."""
        if other is self:
            raise WakecallError(f"pin {self.number} cannot be wired to itself", code=ExitCode.USAGE)
        with self._pins.lock:
            self.wired_to.add(other)
            other.wired_to.add(self)
            self._pins.settle(self)

    def unwire(self, other: Pin) -> None:
        """Take the wire to another pin away."""
        with self._pins.lock:
            self.wired_to.discard(other)
            other.wired_to.discard(self)
            self._pins.settle(self)
            self._pins.settle(other)

    @property
    def driven(self) -> int | None:
        """The level that the firmware drives, or None while it does not."""
        if not self.mode.drives or (self.mode.open_drain and self.output):
            return None
        return self.output

    def net(self) -> set[Pin]:
        """Return the pins that are wired together with this one, itself among them."""
        found, queue = {self}, [self]
        while queue:
            for neighbour in queue.pop().wired_to - found:
                found.add(neighbour)
                queue.append(neighbour)
        return found


class Pins:
    """All pins of one board.

    Args:
        facts: The kind of board.
        now_ms: The board's clock, for the history.
        on_change: Called after a level or a mode changed, with the pin.
        lock: Held while a pin is used from outside.
    """

    def __init__(
        self,
        facts: BoardFacts,
        now_ms: Callable[[], int],
        on_change: Callable[[Pin], None],
        lock: threading.RLock,
    ) -> None:
        self.lock = lock
        self._facts = facts
        self._names = PORTS[facts.port].pin
        #: Pins whose edges the firmware has not seen yet.
        self.interrupts: list[int | str] = []
        self._now_ms = now_ms
        self._on_change = on_change
        # RP2 pads come out of reset as inputs with pull-down; ESP32 pads cannot be read before
        # they are configured (the ports' gpio_get, without Pin.init).
        rp2 = facts.port == "rp2"
        self.reset_state = (Mode(reads=rp2, drives=False), -1 if rp2 else 0)
        numbers = range(facts.pins.first, facts.pins.last + 1)
        self._pins: dict[int | str, Pin] = {
            number: Pin(self, number) for number in numbers if facts.pins.exists(number)
        }
        # A pin of the radio chip has a name only (reference/host-tools.md 5.6).
        for name, target in facts.pins.names.items():
            self._pins[name] = self._pins[target] if isinstance(target, int) else Pin(self, name)

    def __getitem__(self, wanted: int | str) -> Pin:
        """Return a pin for use from outside.

        Raises:
            WakecallError: There is no such pin (NOT_FOUND).
        """
        try:
            return self._pins[wanted]
        except KeyError:
            raise WakecallError(
                f"the board {self._facts.name} has no pin {wanted}",
                code=ExitCode.NOT_FOUND,
                hint=f"its pins are {self.summary()}",
            ) from None

    def summary(self) -> str:
        """Return the pins there are, for a hint: ``0-5, 12-23, LED``."""
        numbers = sorted(number for number in self._pins if isinstance(number, int))
        runs: list[list[int]] = []
        for number in numbers:
            if runs and runs[-1][-1] == number - 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        parts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
        return ", ".join(parts + [name for name in self._pins if isinstance(name, str)])

    def find(self, wanted: int | str) -> Pin:
        """Return a pin for the firmware; refuse as the port does.

        Raises:
            ValueError: There is no such pin.
        """
        pin = self._pins.get(wanted)
        if pin is None:
            if self._facts.port == "rp2" and isinstance(wanted, str):
                raise ValueError(f'unknown named pin "{wanted}"')
            raise ValueError("invalid pin")
        return pin

    def configure(
        self, wanted: int | str, mode: int | None, pull: int | None, value: int | None
    ) -> None:
        """Do what ``Pin.init`` does.

        Args:
            wanted: The pin.
            mode: The port's number of the mode, or None to keep it.
            pull: The port's number of the pull, None for no pull, -1 for "not given".
            value: The level to begin with, or None.

        Raises:
            ValueError: The pin cannot be used so, in the port's words.
        """
        pin = self.find(wanted)
        new_mode = pin.mode if mode is None else self._mode(pin, mode)
        new_pull = self._pull(pin, pull)
        if value is not None:
            pin.output = 1 if value else 0
        elif self._facts.port == "rp2" and new_mode.open_drain:
            pin.output = 1
        pin.mode, pin.pull = new_mode, new_pull
        self.settle(pin)
        self._on_change(pin)

    def read(self, wanted: int | str) -> int:
        """Return what the firmware reads at a pin."""
        pin = self.find(wanted)
        return pin.level if pin.mode.reads else 0

    def write(self, wanted: int | str, value: int) -> None:
        """Set a pin's output, which takes effect when its mode drives."""
        pin = self.find(wanted)
        pin.output = 1 if value else 0
        self.settle(pin)

    def toggle(self, wanted: int | str) -> None:
        """Turn a pin's output round."""
        self.write(wanted, 1 - self.find(wanted).output)

    def forget(self) -> None:
        """Put every pin into its state after a reset; what is outside stays."""
        self.interrupts = []
        for pin in set(self._pins.values()):
            pin.forget()
            self.settle(pin)

    def changed(self, pin: Pin) -> None:
        """Tell that something about a pin changed beside its level."""
        self._on_change(pin)

    def settle(self, pin: Pin) -> None:
        """Work out the level of a pin and of all that are wired to it."""
        net = pin.net()
        level = _level(net)
        for member in sorted(net, key=lambda pin: str(pin.number)):
            if member.level != level:
                member.level = level
                member.history.append(Change(self._now_ms(), level))
                self._interrupt(member)
                self._on_change(member)

    def set_interrupt(self, wanted: int | str, trigger: int) -> None:
        """Note the edges of a pin from now on, or none with 0."""
        self.find(wanted).interrupt_on = trigger

    def take_interrupts(self) -> list[int | str]:
        """Return the pins whose edges were noted, the oldest first, and forget them."""
        noted, self.interrupts = self.interrupts, []
        return noted

    def _interrupt(self, pin: Pin) -> None:
        edge = self._names["IRQ_RISING" if pin.level else "IRQ_FALLING"]
        # A full scheduler drops what comes (reference/host-tools.md 5.1, "schedule queue full").
        if pin.interrupt_on & edge and len(self.interrupts) < SCHEDULER_DEPTH:
            self.interrupts.append(pin.number)

    def _mode(self, pin: Pin, mode: int) -> Mode:
        if self._facts.port == "esp32":
            # ESP-IDF's mode is bits: 1 input, 2 output, 4 open drain.
            if mode & 2 and pin.number in self._facts.pins.input_only:
                raise ValueError("pin can only be input")
            return Mode(reads=bool(mode & 1), drives=bool(mode & 2), open_drain=bool(mode & 4))
        if mode not in (self._names["IN"], self._names["OUT"], self._names["OPEN_DRAIN"]):
            raise ValueError(f"invalid pin af: {mode}")
        open_drain = mode == self._names["OPEN_DRAIN"]
        return Mode(reads=True, drives=mode != self._names["IN"], open_drain=open_drain)

    def _pull(self, pin: Pin, pull: int | None) -> int:
        """Return 1 for a pull-up, -1 for a pull-down, 0 for none."""
        if isinstance(pin.number, str) and pull not in (None, -1):
            raise ValueError("pulls are not supported for external pins")
        if pull == -1 and self._facts.port == "esp32":
            return pin.pull
        if pull in (None, -1) or pin.number in self._facts.pins.input_only:
            # RP2 sets the pull at every init; the ESP32's input-only pads have no pulls.
            return 0
        up, down = bool(pull & self._names["PULL_UP"]), bool(pull & self._names["PULL_DOWN"])
        return int(up) - int(down)


def _level(net: set[Pin]) -> int:
    """Return the level of pins wired together: shorts, drivers, pulls; 0 beats 1."""
    stuck = [pin.stuck for pin in net if pin.stuck is not None]
    if stuck:
        return min(stuck)
    drivers = [level for pin in net for level in (pin.driven, pin.outside) if level is not None]
    if drivers:
        return min(drivers)
    pulls = [pin.pull for pin in net if pin.pull]
    return 1 if pulls and min(pulls) > 0 else 0
