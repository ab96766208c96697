"""Pins that wake an ESP32 from sleep: which may, at which level, and what the chip says it was.

Sources: reference/host-tools.md 5.3 and 5.4; MicroPython 1.29, ports/esp32/modesp32.c.
"""

from __future__ import annotations

from host_tools.board_facts import BoardFacts
from host_tools.sim.pins import Pins

REASONS = {"ext0": 2, "ext1": 3, "gpio": 7}
"""What ``machine.wake_reason()`` says, by the source (ESP-IDF's esp_sleep.h)."""


class Wake:
    """The sources that the firmware set up; a reset forgets them.

    Args:
        facts: The kind of board.
        pins: Its pins.
    """

    def __init__(self, facts: BoardFacts, pins: Pins) -> None:
        self._facts = facts
        self._pins = pins
        #: By source: the pins, and the level that wakes.
        self.sources: dict[str, tuple[list[int | str], int]] = {}

    def set(self, source: str, wanted: list[int | str], level: int) -> None:
        """Set up a source, or take it away with no pins.

        Args:
            source: ``ext0``, ``ext1`` or ``gpio``.
            wanted: The pins.
            level: 1 wakes when any of them is high. 0 wakes at low: any, but for ext1 of the
                classic ESP32, where all have to be.

        Raises:
            ValueError: A pin cannot wake the chip so.
        """
        pins = [self._pins.find(one).number for one in wanted]
        allowed = getattr(self._facts.sleep, f"wake_{source}")
        if source != "gpio" and any(pin not in allowed for pin in pins):
            raise ValueError("invalid pin")
        self.sources[source] = (pins, level)

    def check_deep_sleep(self) -> None:
        """Refuse to sleep deeply with a source that works in light sleep only.

        Raises:
            ValueError: As the port says it.
        """
        pins, _ = self.sources.get("gpio", ([], 0))
        allowed = self._facts.sleep.wake_gpio
        if pins and not allowed:
            raise ValueError("DEEPSLEEP with gpio pins not supported on this chip")
        if any(pin not in allowed for pin in pins):
            raise ValueError("wake-up pin not supported")

    def reason(self) -> int:
        """Return why a sleeping chip would wake now, or 0."""
        for source, (pins, level) in self.sources.items():
            levels = [self._pins.find(pin).level for pin in pins]
            needs_all = source == "ext1" and level == 0 and self._facts.chip == "esp32"
            if levels and (all if needs_all else any)(each == level for each in levels):
                return REASONS[source]
        return 0
