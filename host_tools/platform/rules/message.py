"""What a rules file works with: messages, nodes, and the two decorators.

Names are those of ThingsBoard's rule engine (``thingsboard-rpc.md`` 6), so that a rule can be
carried over to a rule chain and back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from host_tools.json_text import Json

TO_SERVER_RPC_REQUEST = "TO_SERVER_RPC_REQUEST"
RPC_CALL_FROM_SERVER_TO_DEVICE = "RPC_CALL_FROM_SERVER_TO_DEVICE"

RELATIONS = {
    TO_SERVER_RPC_REQUEST: "RPC Request from Device",
    RPC_CALL_FROM_SERVER_TO_DEVICE: "RPC Request to Device",
    "RPC_QUEUED": "RPC Queued",
    "RPC_SENT": "RPC Sent",
    "RPC_DELIVERED": "RPC Delivered",
    "RPC_SUCCESSFUL": "RPC Successful",
    "RPC_TIMEOUT": "RPC Timeout",
    "RPC_EXPIRED": "RPC Expired",
    "RPC_FAILED": "RPC Failed",
    "RPC_DELETED": "RPC Deleted",
    "POST_TELEMETRY_REQUEST": "Post telemetry",
    "POST_ATTRIBUTES_REQUEST": "Post attributes",
    "ATTRIBUTES_UPDATED": "Attributes Updated",
    "ATTRIBUTES_DELETED": "Attributes Deleted",
}
"""Message type to the label that ThingsBoard's message type switch gives it (6.1)."""

_TYPES = {label: kind for kind, label in RELATIONS.items()}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the rule engine; all metadata values are texts.

    Args:
        type: A key of ``RELATIONS``.
        originator: The id of the device.
        data: What the message carries.
        metadata: What is known beside it, such as ``deviceName``.
    """

    type: str
    originator: str
    data: Json
    metadata: dict[str, str] = field(default_factory=dict)

    def with_data(self, data: Json) -> Message:
        """Return the same message with other data."""
        return dataclasses.replace(self, data=data)


class NodeError(Exception):
    """A node took its "Failure" exit.

    Args:
        data: What the message carries there, ``{"error": "TIMEOUT"}`` for example.
    """

    def __init__(self, data: Json) -> None:
        super().__init__(str(data))
        self.data = data


class Nodes(Protocol):
    """What a rule can do. Every method may wait; a rule runs in a thread of its own."""

    def rpc_call_reply(self, message: Message) -> None:
        """Answer a device's call with the data of a message; raises NodeError."""

    def rpc_call_request(self, message: Message, timeout_s: float = 60) -> Message:
        """Call the originator and return the message with its answer; raises NodeError.

        Args:
            message: Data with ``method`` and ``params``; metadata ``oneway``, ``persistent``,
                ``expirationTime``, ``retries`` and ``requestUUID`` are heeded (6.2).
            timeout_s: How long, where the metadata have no ``expirationTime``.
        """

    def rest_api_call(
        self, method: str, url: str, body: Json = None, timeout_s: float = 10
    ) -> Json:
        """Send a request to another server and return the JSON of its answer; raises NodeError."""

    def webhook(self, url: str, message: Message) -> None:
        """Post a message as JSON to another server; raises NodeError."""

    def device_id(self, name: str) -> str:
        """Return the id of a device; raises NodeError when there is none of that name."""

    def attribute(self, device_id: str, scope: str, key: str) -> Json:
        """Return an attribute of a device, or None."""

    def now_ms(self) -> int:
        """Return the time in epoch milliseconds."""


RuleFunction = Callable[[Message, Nodes], None]
GeneratorFunction = Callable[[Nodes], Message]
Function = TypeVar("Function", bound=Callable[..., object])

TYPES_ATTRIBUTE = "_wakecall_message_types"
PERIOD_ATTRIBUTE = "_wakecall_period"


def rule(*types: str) -> Callable[[Function], Function]:
    """Mark a function ``(message, nodes)`` as a rule.

    Args:
        types: Message types or their labels; without any the rule sees every message.

    Raises ValueError for an unknown type.
    """
    known = [_TYPES.get(kind, kind) for kind in types]
    unknown = [kind for kind in known if kind not in RELATIONS]
    if unknown:
        raise ValueError(f"no message type {unknown[0]!r}; there are {', '.join(RELATIONS)}")

    def mark(function: Function) -> Function:
        setattr(function, TYPES_ATTRIBUTE, tuple(known) or tuple(RELATIONS))
        return function

    return mark


def generator(period_s: float, count: int = 0) -> Callable[[Function], Function]:
    """Mark a function ``(nodes)`` whose message is made again and again.

    Args:
        period_s: How often.
        count: How many times in all; 0 without end.
    """
    if not period_s > 0:
        raise ValueError("period_s has to be above 0")

    def mark(function: Function) -> Function:
        setattr(function, PERIOD_ATTRIBUTE, (period_s, count))
        return function

    return mark
