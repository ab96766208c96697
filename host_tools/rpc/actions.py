"""What the engine asks its surroundings to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from host_tools.rpc.model import Command, Status


class Outcome(Enum):
    """How a lightweight call ended for its caller (4.3)."""

    ANSWERED = "answered"
    ACCEPTED = "accepted"  # one-way: it went out
    NO_ANSWER = "no answer"  # it went out when it was submitted, and nothing came back
    NOT_CONNECTED = "not connected"  # nobody was subscribed when it was submitted


@dataclass(frozen=True, slots=True)
class Send:
    """Write a command to a session (as given to ``subscribe``), then report its delivery."""

    session: Any
    command: Command


@dataclass(frozen=True, slots=True)
class Save:
    """Store the new status of a persistent command; ``response`` is JSON text or None."""

    rpc_id: str
    status: Status
    response: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """Tell the waiting caller of a lightweight call; ``payload`` is what the device answered."""

    rpc_id: str
    outcome: Outcome
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class CloseSessions:
    """Close every session of the device, so that a half-dead connection is replaced (5.7)."""


Action = Send | Save | Finish | CloseSessions
