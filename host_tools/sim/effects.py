"""The points at which a board changes something that lasts or that others see.

Every flash program and erase, every byte sent or received, every pin driven and every write to
retained memory happens through ``Effects.happen``. So a run can be repeated with the power cut
before or after the n-th of them, or in the middle of a flash operation (power-delivery.md 4.3).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple


class Gone(KeyboardInterrupt):
    """The board has no power any more, or starts anew: its code must not go on.

    A kind of ``KeyboardInterrupt``, because asyncio lets that one through all tasks at once, and
    because firmware that catches ``Exception`` or ``SystemExit`` does not catch it.
    """


class Cut(Enum):
    """When the power goes, seen from one effect."""

    BEFORE = "before"
    HALF = "half"  # a flash operation got half way; for other effects the same as BEFORE
    RANDOM = "random"  # a flash operation left random bits; for other effects as AFTER
    AFTER = "after"


class Effect(NamedTuple):
    """One effect that happened: its number, its kind and what it was about."""

    number: int
    kind: str
    detail: str


class Effects:
    """Counts the effects of one board and cuts its power where it is told to.

    Args:
        cut_power: Called when the power goes.
        seed: For the random bits.
    """

    def __init__(
        self,
        cut_power: Callable[[], None],
        seed: int = 0,
    ) -> None:
        self._cut_power = cut_power
        #: Number of an effect to how the power goes there.
        self.plan: Mapping[int, Cut] = {}
        self._random = random.Random(seed)
        self.happened: list[Effect] = []
        #: Called with each effect.
        self.on_effect: Callable[[Effect], None] = lambda _: None

    def happen(
        self,
        kind: str,
        detail: str,
        act: Callable[[], None],
        tear: Callable[[Cut, random.Random], None] | None = None,
    ) -> None:
        """Let an effect happen, unless the power goes here.

        Args:
            kind: What sort of effect, ``flash program`` for example.
            detail: What it is about.
            act: Does it.
            tear: Does it in part, for HALF and RANDOM; None for what cannot be torn.

        Raises:
            Gone: The power went.
        """
        effect = Effect(len(self.happened), kind, detail)
        self.happened.append(effect)
        self.on_effect(effect)
        cut = self.plan.get(effect.number)
        if cut in (Cut.HALF, Cut.RANDOM):
            if tear is not None:
                tear(cut, self._random)
            elif cut is Cut.RANDOM:
                act()
        elif cut is not Cut.BEFORE:
            act()
        if cut is not None:
            self._cut_power()
            raise Gone
