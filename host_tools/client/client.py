"""Devices of a server and calls to them, over ThingsBoard's REST API.

URLs and their history: reference/thingsboard-rpc.md 4.2 to 4.6. Where versions of the server
differ, the newer form is tried first.
"""

from __future__ import annotations

import contextlib
import difflib
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from host_tools.client.failures import (
    ITEM_NOT_FOUND,
    answer_of,
    error_code,
    no_such_device,
    refusal,
    said,
)
from host_tools.client.http import Response
from host_tools.client.session import Session
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json
from host_tools.profile import Profile

if TYPE_CHECKING:
    import httpx

MINIMUM_TIMEOUT_MS = 5_000
"""The server raises a shorter timeout of a call to this (MIN_SERVER_SIDE_RPC_TIMEOUT)."""
DEFAULT_TIMEOUT_MS = 10_000
ANSWER_MARGIN_MS = 5_000
"""How much longer than the call we wait: the server may answer 1 s after expiry."""
RPC_URLS = ("/api/rpc", "/api/plugins/rpc")
"""Version 2, and version 1 for servers before 3.3."""
DEVICE_BY_NAME_URLS = ("/api/tenant/device", "/api/tenant/devices")
"""Since 4.4, and before."""
NAMES_TO_COMPARE = 1_000


@dataclass(frozen=True)
class Device:
    """A device as the server knows it.

    Args:
        id: Its UUID as text.
        name: Unique among the devices of a tenant.
    """

    id: str
    name: str


class Client:
    """A user's view of a server; a context manager that closes its connections.

    It logs in when the first request needs it. All methods raise `WakecallError`: UNREACHABLE,
    CREDENTIALS, NOT_FOUND, TIMEOUT, or FAILED with what the server said.

    Args:
        profile: The server and the user.
        transport: In place of the network, for tests.
    """

    def __init__(self, profile: Profile, transport: httpx.BaseTransport | None = None) -> None:
        self._session = Session(profile, transport)
        self._rpc_urls = list(RPC_URLS)
        self._names: dict[str, str] = {}  # device id to name: errors speak of names

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def login(self) -> None:
        """Log in now, to see whether the server takes the user and password."""
        self._session.login()

    def device_by_name(self, name: str) -> Device:
        """Return the device of a name.

        Raises:
            WakecallError: There is none (NOT_FOUND; the hint has names much like it).
        """
        query = urlencode({"deviceName": name}, quote_via=quote)
        for url in DEVICE_BY_NAME_URLS:
            response = self._session.request("GET", f"{url}?{query}")
            device = _device(response)
            if device is not None:
                return self._remember(device)
            if error_code(response) == ITEM_NOT_FOUND:
                raise no_such_device(name, self._names_near(name))
            if response.status not in (200, 400, 404, 405):  # no sign of an older server
                break
        raise refusal(response, f"look up the device {name!r}")

    def create_device(self, name: str) -> Device:
        """Create a device and return it.

        Raises:
            WakecallError: The name is taken (BUSY).
        """
        body = {"name": name, "type": "default"}
        response = self._session.request("POST", "/api/device", body)
        device = _device(response)
        if device is not None:
            return self._remember(device)
        if response.status == 400 and "already exists" in said(response):
            raise WakecallError(f"there is a device {name!r} already", code=ExitCode.BUSY)
        raise refusal(response, f"create the device {name!r}")

    def device_token(self, device_id: str) -> str:
        """Return the access token with which a device connects.

        Raises:
            WakecallError: The device has other credentials than a token (FAILED).
        """
        response = self._session.request(
            "GET", f"/api/device/{quote(device_id, safe='')}/credentials"
        )
        doing = f"read the token of {self._name(device_id)}"
        content = response.json()
        if response.status != 200 or not isinstance(content, dict):
            raise self._refusal_for(device_id, response, doing)
        kind, token = content.get("credentialsType"), content.get("credentialsId")
        if kind != "ACCESS_TOKEN" or not isinstance(token, str):
            raise WakecallError(f"cannot {doing}: its credentials are of type {kind}")
        return token

    def delete_device(self, device_id: str) -> None:
        """Delete a device; its connection ends."""
        response = self._session.request("DELETE", f"/api/device/{quote(device_id, safe='')}")
        if response.status != 200:
            raise self._refusal_for(device_id, response, f"delete {self._name(device_id)}")
        self._names.pop(device_id, None)

    def call(
        self,
        device_id: str,
        method: str,
        params: object = None,
        *,
        one_way: bool = False,
        timeout_ms: int = DEFAULT_TIMEOUT_MS,
    ) -> Json:
        """Call a method of a device and return its answer.

        Args:
            device_id: The device's UUID as text.
            method: The method's name.
            params: Any JSON value.
            one_way: Only hand the command over; the answer of the device is not waited for.
            timeout_ms: How long the server waits for the device; it takes less than
                `MINIMUM_TIMEOUT_MS` for that value.

        Returns:
            The device's JSON; None for an empty answer and for a one-way call.

        Raises:
            DeviceError: The device answered with an error.
            WakecallError: Among others: the device is not connected, or did not answer (TIMEOUT).
        """
        body = {"method": method, "params": params, "timeout": timeout_ms}
        kind = "oneway" if one_way else "twoway"
        deadline_ms = max(timeout_ms, MINIMUM_TIMEOUT_MS) + ANSWER_MARGIN_MS
        while True:
            url = f"{self._rpc_urls[0]}/{kind}/{quote(device_id, safe='')}"
            response = self._session.request("POST", url, body, deadline_ms)
            if not _is_unknown_path(response) or len(self._rpc_urls) == 1:
                break
            del self._rpc_urls[0]  # an older server: the next call asks the older URL at once
        if response.status == 404:
            raise self._refusal_for(device_id, response, f"call {self._name(device_id)}")
        return answer_of(response, self._name(device_id), timeout_ms)

    def _refusal_for(self, device_id: str, response: Response, doing: str) -> WakecallError:
        if response.status == 404 and not _is_unknown_path(response):
            return no_such_device(self._name(device_id), [])
        return refusal(response, doing)

    def _names_near(self, name: str) -> list[str]:
        query = urlencode({"pageSize": NAMES_TO_COMPARE, "page": 0})
        content: object = None
        with contextlib.suppress(WakecallError):  # a suggestion is not worth an error of its own
            content = self._session.request("GET", f"/api/tenant/devices?{query}").json()
        rows = content.get("data") if isinstance(content, dict) else None
        names = {
            row["name"].casefold(): row["name"]
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, dict) and isinstance(row.get("name"), str)
        }
        return [names[near] for near in difflib.get_close_matches(name.casefold(), names)]

    def _remember(self, device: Device) -> Device:
        self._names[device.id] = device.name
        return device

    def _name(self, device_id: str) -> str:
        return self._names.get(device_id, device_id)


def _device(response: Response) -> Device | None:
    """Return the device that a response describes; None when it describes none."""
    content = response.json()
    if response.status != 200 or not isinstance(content, dict):
        return None
    entity, name = content.get("id"), content.get("name")
    identifier = entity.get("id") if isinstance(entity, dict) else None
    if not isinstance(identifier, str) or not isinstance(name, str):
        return None
    return Device(identifier, name)


def _is_unknown_path(response: Response) -> bool:
    """Tell a URL that the server does not have from a device that it does not have.

    For an unknown device the RPC URLs say so in plain text (4.3), the others with an error code.
    """
    if response.status == 405:
        return True
    known = error_code(response) == ITEM_NOT_FOUND or "wasn't found" in said(response)
    return response.status == 404 and not known
