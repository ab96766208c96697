"""The values that the engine works with (``reference/thingsboard-rpc.md`` 0.1, 5.1, 5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Status(StrEnum):
    """The state of a persistent command (5.1)."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    SUCCESSFUL = "SUCCESSFUL"
    TIMEOUT = "TIMEOUT"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    DELETED = "DELETED"


class Strategy(StrEnum):
    """When a command may be sent while others are pending (5.5)."""

    BURST = "BURST"
    ON_ACK = "SEQUENTIAL_ON_ACK_FROM_DEVICE"
    ON_RESPONSE = "SEQUENTIAL_ON_RESPONSE_FROM_DEVICE"


class SessionKind(Enum):
    """How a session takes commands: a stream of them, or one and then it is used up (HTTP poll)."""

    ASYNC = "async"
    SYNC = "sync"


class Delivery(Enum):
    """What a transport reports about a command it was given (1.6)."""

    SENT = "sent"
    DELIVERED = "delivered"
    TIMEOUT = "timeout"
    TOO_LARGE = "too large"  # the session can never take it


@dataclass(frozen=True, slots=True)
class Limits:
    """What an administrator sets for all devices (11)."""

    strategy: Strategy = Strategy.BURST
    max_retries: int = 5
    """TIMEOUT reports that are tolerated at most, whatever a call asks for (5.3)."""
    response_timeout_ms: int = 30_000
    """How long the on-response strategy waits for an answer after delivery."""
    close_sessions_on_timeout: bool = False
    """Queue a command again and replace the connection when its retries are used up (5.7)."""
    keep_deleted_in_timeout: bool = False
    """Leave a deleted row that is in TIMEOUT pending, as ThingsBoard does (4.4)."""


@dataclass(frozen=True, slots=True)
class Command:
    """One server-side RPC.

    ``params`` is JSON text and goes to the device as it is; ``expires_at_ms`` is epoch time.
    """

    request_id: int
    rpc_id: str
    method: str
    params: str
    one_way: bool
    expires_at_ms: int
    persistent: bool = False
    retries: int | None = None
