"""Persistent calls: kept by the server until the device has answered (4.2 to 4.4, 5.1).

The numbers are sections of reference/thingsboard-rpc.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from host_tools import json_text
from host_tools.client.directory import entity_id
from host_tools.client.failures import is_unknown_path, refusal
from host_tools.client.http import Response
from host_tools.client.names import Names
from host_tools.client.paging import items
from host_tools.client.session import Session
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json
from host_tools.rpc.model import Status

FINAL = frozenset({Status.SUCCESSFUL, Status.EXPIRED, Status.FAILED})
_URL = "/api/rpc/persistent"


@dataclass(frozen=True)
class PersistentCall:
    """A persistent call as the server keeps it.

    Args:
        rpc_id: Its UUID as text.
        device_id: The device's UUID as text.
        method: The method's name.
        params: As they go to the device.
        one_way: No answer is waited for.
        status: Where it is on its way.
        created_ms: When the server took it, in epoch milliseconds.
        expires_ms: When the server gives it up, in epoch milliseconds.
        retries: How often it may be sent; None for the server's own limit.
        response: The device's answer, or ``{"error": ...}`` of the server; None without one.
    """

    rpc_id: str
    device_id: str
    method: str
    params: Json
    one_way: bool
    status: Status
    created_ms: int
    expires_ms: int
    retries: int | None
    response: Json

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it (5.1)."""
        return self.status in FINAL or (self.one_way and self.status is Status.DELIVERED)


class PersistentCalls:
    """Reads and removes persistent calls.

    Args:
        session: With whose rights.
        names: Of devices, for errors.
    """

    def __init__(self, session: Session, names: Names) -> None:
        self._session = session
        self._names = names

    def get(self, rpc_id: str) -> PersistentCall:
        """Return a call; raises WakecallError NOT_FOUND when the server has none of that id."""
        response = self._session.request("GET", f"{_URL}/{quote(rpc_id, safe='')}")
        if response.status != 200:
            raise _refusal(response, f"read the call {rpc_id}", rpc_id)
        return parse(response.json())

    def of_device(self, device_id: str, status: Status | None = None) -> Iterator[PersistentCall]:
        """Give the calls of a device, the newest first.

        Args:
            device_id: The device's UUID as text.
            status: Only the calls of this status.
        """
        query = {"sortProperty": "createdTime", "sortOrder": "DESC"}
        if status is not None:
            query["rpcStatus"] = status.value
        doing = f"list the calls of {self._names.of(device_id)}"
        url = f"{_URL}/device/{quote(device_id, safe='')}"
        return (parse(item) for item in items(self._session, url, query, doing))

    def delete(self, rpc_id: str) -> None:
        """Remove a call; one that the device has not got yet is not delivered any more."""
        response = self._session.request("DELETE", f"{_URL}/{quote(rpc_id, safe='')}")
        if response.status != 200:
            raise _refusal(response, f"remove the call {rpc_id}", rpc_id)


def parse(content: Json) -> PersistentCall:
    """Return the call that the server's JSON describes; raises WakecallError when it is none."""
    try:
        request = content["request"]
        body = request["body"]
        return PersistentCall(
            rpc_id=entity_id(content["id"]),
            device_id=entity_id(content["deviceId"]),
            method=body["method"],
            params=_parsed(body.get("params")),
            one_way=bool(request["oneway"]),
            status=Status(content["status"]),
            created_ms=int(content["createdTime"]),
            expires_ms=int(content["expirationTime"]),
            retries=request.get("retries"),
            response=content.get("response"),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise WakecallError(
            "the server described a persistent call in an unknown way",
            code=ExitCode.UNREACHABLE,
            hint="is a ThingsBoard server of version 3.3 or newer at that address?",
        ) from None


def _parsed(params: Json) -> Json:
    """Return params as a value: the server shows them as a text of JSON."""
    if not isinstance(params, str):
        return params
    try:
        return json_text.parse(params)
    except ValueError:
        return params


def _refusal(response: Response, doing: str, rpc_id: str) -> WakecallError:
    if response.status == 404 and not is_unknown_path(response):
        return WakecallError(f"the server knows no call {rpc_id}", code=ExitCode.NOT_FOUND)
    return refusal(response, doing)
