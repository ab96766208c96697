"""A board in virtual time: the model, its flash, and the firmware as an actor of the clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host_tools.board_facts import BoardFacts
from host_tools.sim.board import Board, State
from host_tools.sim.effects import Cut, Effect, Effects
from host_tools.sim.flash import BlockDevice, Flash
from host_tools.sim.flash_folder import settings_files
from host_tools.sim.pins import Pin, Pins
from host_tools.sim.virtual.boot import Boot
from host_tools.sim.virtual.clock import NS_PER_MS, Actor, Event
from host_tools.sim.virtual.files import frozen_from

if TYPE_CHECKING:
    from host_tools.sim.virtual.world import World

LOG_LINES = 5_000
BOOT_MS = 350
"""From reset to main.py: mounting the file system takes most of it (power-delivery.md 2.3)."""


class VirtualBoard:
    """One board of a world; ``World.board`` makes it.

    Args:
        world: Where it lives.
        name: The device's name.
        facts: The kind of board.
        frozen: Path to content of the firmware, the libraries and the user's methods.
        configuration: Becomes ``config.json``.
        secrets: Becomes ``secrets.json``.
    """

    def __init__(
        self,
        world: World,
        name: str,
        facts: BoardFacts,
        frozen: Mapping[str, bytes],
        configuration: Mapping[str, Any],
        secrets: Mapping[str, Any],
    ) -> None:
        self.world = world
        self.name = name
        self.frozen = dict(frozen)
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._line = ""
        self._is_closed = False
        #: When the power returns by itself after a cut; None leaves that to ``power_restore``.
        self.restore_after_ns: int | None = None
        #: Called before the power returns: a look at what a cut left, before any firmware mends it.
        self.before_restore: Callable[[], None] = lambda: None
        self._boot: Boot | None = None
        self._timer: Event | None = None
        self.device = BlockDevice(facts.file_system)
        flash = Flash(self.device)
        for path, content in settings_files(facts, configuration, secrets).items():
            flash.write(path, content)
        flash.leave()
        self.effects = Effects(self.power_cut)
        self.effects.on_effect = self._trace_effect
        self.model = Board(facts, world.clock.now_ms, device=name, on_change=self._changed)
        ssid = configuration.get("wifi", {}).get("ssid")
        if ssid:
            self.model.radio.networks[ssid] = secrets.get("wifi_key", "")
        self.actor = Actor(world.clock, name, self._live)
        self.model.power_up()

    @property
    def pins(self) -> Pins:
        """The pins, by number or name."""
        return self.model.pins

    def pin(self, wanted: int | str) -> Pin:
        """Return a pin by number or name, such as ``LED``."""
        return self.model.pins[wanted]

    @property
    def boots(self) -> int:
        """How often the firmware was started."""
        return self.model.boots

    @property
    def reset_cause(self) -> int:
        """What ``machine.reset_cause()`` says in this boot."""
        return self.model.reset_cause

    @property
    def state(self) -> State:
        """What the board is doing."""
        return self.model.state

    def power_cut(self) -> None:
        """Take the power away at once."""
        self.world.trace(self.name, "power cut")
        self.model.power_cut()
        if self.restore_after_ns is not None and not self._is_closed:
            self.world.clock.call_after(self.restore_after_ns, self.power_restore)

    def power_restore(self) -> None:
        """Give the power back."""
        if self.model.state is State.OFF:
            self.before_restore()
            self.world.trace(self.name, "power restored")
            self.model.power_up()

    def brown_out(self) -> None:
        """Let the supply dip for a moment."""
        self.world.trace(self.name, "brown-out")
        self.model.brown_out()

    def close(self) -> None:
        """Cut the power for good."""
        self._is_closed = True
        self.power_cut()
        self.actor.wake()

    def bounce(
        self, wanted: int | str, level: int, *, bounces: int = 5, interval_ms: int = 1
    ) -> None:
        """Drive a pin as a switch does, which bounces before it rests.

        Args:
            wanted: The pin.
            level: Where it comes to rest.
            bounces: How often it leaves that level again.
            interval_ms: Between two changes.
        """
        pin = self.pin(wanted)
        levels = [level, 1 - level] * bounces + [level]
        for number, each in enumerate(levels):
            after_ns = number * interval_ms * NS_PER_MS
            self.world.clock.call_after(after_ns, lambda each=each: pin.drive(each))  # type: ignore[misc]

    def reset(self) -> None:
        """Press the reset button."""
        self.model.press_reset()

    def cut_at(self, plan: Mapping[int, Cut]) -> None:
        """Cut the power at effects that are still to come, by their number.

        Args:
            plan: Number of an effect (as ``effects.happened`` counts them) to how it is cut.
        """
        self.effects.plan = dict(plan)

    def files(self) -> Flash:
        """Return the flash as it is now, for a look from outside; not while firmware writes."""
        return Flash(self.device)

    def tell(self, line: str) -> None:
        """Put a line into the log."""
        self.log.append(line)
        self.world.trace(self.name, line)

    def write(self, text: str) -> None:
        """Take what the firmware prints, and put whole lines into the log."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self.tell(line)

    def _live(self) -> None:
        clock = self.world.clock
        while not self._is_closed:
            if self.model.state is not State.STARTING:
                clock.wait(self.actor, None)
                continue
            cause = self.model.reset_cause
            self.world.trace(self.name, f"boot {self.model.boots + 1}, reset cause {cause}")
            self._boot = boot = Boot(self)
            self.model.started()
            self._wait_for_boot(boot)
            boot.run()
            self._boot = None

    def _wait_for_boot(self, boot: Boot) -> None:
        ready_ns = self.world.clock.now_ns + BOOT_MS * NS_PER_MS
        while not boot.is_over and self.world.clock.now_ns < ready_ns:
            self.world.clock.wait(self.actor, ready_ns)

    def _changed(self) -> None:
        """Follow the model: end a boot that it ended, and be there when its next time comes."""
        if self.model.pins.interrupts:
            self.actor.wake()
        if self.model.state is not State.RUNNING:
            if self._boot is not None and self.model.state is not State.HALTED:
                self._boot.end()
            self.actor.wake()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_ms = self.model.deadline_ms()
        if deadline_ms is not None:
            after_ms = max(0, deadline_ms - self.model.now_ms())
            self._timer = self.world.clock.call_after(after_ms * NS_PER_MS, self.model.tick)

    def _trace_effect(self, effect: Effect) -> None:
        self.world.trace(self.name, f"effect {effect.number} {effect.kind}: {effect.detail}")


def frozen_firmware(firmware: Path, libraries: Path | None, app: Path | None) -> dict[str, bytes]:
    """Return what is frozen into a board, by path.

    Args:
        firmware: The folder with ``main.py``.
        libraries: What becomes ``lib/``.
        app: The user's methods, which become ``app/``.
    """
    return {
        **frozen_from(firmware),
        **(frozen_from(libraries, "lib/") if libraries else {}),
        **(frozen_from(app, "app/") if app else {}),
    }
