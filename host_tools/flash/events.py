"""What is told while a board is flashed; the command line turns it into text or JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Args:
        name: A stable word for programs, such as ``written``.
        text: The same for a person, one line.
        values: What belongs to it, as JSON knows it.
    """

    name: str
    text: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far the writing is.

    Args:
        done_bytes: What has been sent, after compression.
        total_bytes: What there is to send.
    """

    done_bytes: int
    total_bytes: int


Report = Callable[[Event | Progress], None]
"""Takes what happens, as it happens."""
