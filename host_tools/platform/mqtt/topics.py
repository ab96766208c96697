"""The topics of the device API (``thingsboard-rpc.md`` 1.3 and 1.4), as tables.

Matching is by equality with these lists, never by MQTT's wildcard rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Subject(Enum):
    """What a topic is about."""

    TELEMETRY = auto()
    ATTRIBUTES = auto()
    ATTRIBUTE_REQUEST = auto()
    ATTRIBUTE_RESPONSE = auto()
    RPC_REQUEST = auto()
    RPC_RESPONSE = auto()
    CLAIM = auto()
    IMAGE = auto()
    GATEWAY = auto()


@dataclass(frozen=True, slots=True)
class Family:
    """One spelling of the RPC topics; ids are appended to the two bases."""

    request: str
    response: str


V1 = Family("v1/devices/me/rpc/request/", "v1/devices/me/rpc/response/")
FAMILIES = (
    V1,
    Family("v2/r/req/j/", "v2/r/res/j/"),
    Family("v2/r/req/", "v2/r/res/"),
)
"""Longest first where one begins like another. The protobuf form of 1.3 is left out: it needs
a device profile that says protobuf, and is refused like an unknown filter."""

ATTRIBUTES = ("v1/devices/me/attributes", "v2/a", "v2/a/j")
TELEMETRY = ("v1/devices/me/telemetry", "v2/t", "v2/t/j")
CLAIM = "v1/devices/me/claim"
ATTRIBUTE_REQUESTS = {
    "v1/devices/me/attributes/request/": "v1/devices/me/attributes/response/",
    "v2/a/req/j/": "v2/a/res/j/",
    "v2/a/req/": "v2/a/res/",
}
"""Base of an attribute request to the base of its response."""

PROVISION_REQUEST = "/provision/request"
PROVISION_RESPONSE = "/provision/response"

_RPC_FILTERS = {f"{family.request}+": family for family in FAMILIES}

FILTERS: dict[str, Subject] = {
    **dict.fromkeys(_RPC_FILTERS, Subject.RPC_REQUEST),
    **{f"{family.response}+": Subject.RPC_RESPONSE for family in FAMILIES},
    **dict.fromkeys(ATTRIBUTES, Subject.ATTRIBUTES),
    **{f"{base}+": Subject.ATTRIBUTE_RESPONSE for base in ATTRIBUTE_REQUESTS.values()},
    "v2/fw/response/+/chunk/+": Subject.IMAGE,
    "v2/fw/error": Subject.IMAGE,
    "v2/sw/response/+/chunk/+": Subject.IMAGE,
    "v2/sw/error": Subject.IMAGE,
    "v1/gateway/attributes": Subject.GATEWAY,
    "v1/gateway/attributes/response": Subject.GATEWAY,
    "v1/gateway/rpc": Subject.GATEWAY,
}
"""Every filter that a device may subscribe."""


def rpc_family(topic_filter: str) -> Family | None:
    """Return the family whose commands a filter subscribes, or None."""
    return _RPC_FILTERS.get(topic_filter)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a PUBLISH of a device goes; ``tail`` is what follows the base, the id for example."""

    subject: Subject
    base: str
    tail: str = ""
    family: Family = V1


_EXACT: dict[str, Route] = {
    **{topic: Route(Subject.TELEMETRY, topic) for topic in TELEMETRY},
    **{topic: Route(Subject.ATTRIBUTES, topic) for topic in ATTRIBUTES},
    CLAIM: Route(Subject.CLAIM, CLAIM),
}
_BASES: tuple[Route, ...] = (
    *(Route(Subject.RPC_RESPONSE, family.response, "", family) for family in FAMILIES),
    *(Route(Subject.RPC_REQUEST, family.request, "", family) for family in FAMILIES),
    *(Route(Subject.ATTRIBUTE_REQUEST, base) for base in ATTRIBUTE_REQUESTS),
    Route(Subject.GATEWAY, "v1/gateway/"),
)


def route(topic: str) -> Route | None:
    """Return where a device's PUBLISH goes, or None for a topic that means nothing (1.4)."""
    exact = _EXACT.get(topic)
    if exact is not None:
        return exact
    for known in _BASES:
        if topic.startswith(known.base):
            return Route(known.subject, known.base, topic[len(known.base) :], known.family)
    return None
