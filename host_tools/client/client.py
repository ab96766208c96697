"""Devices of a server and calls to them, over ThingsBoard's REST API.

URLs and their history: reference/thingsboard-rpc.md 4.2 to 4.6. Where versions of the server
differ, the newer form is tried first.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import quote

from host_tools.client.audit import AuditLog
from host_tools.client.data import DeviceData
from host_tools.client.directory import Device, Directory, device_of
from host_tools.client.failures import answer_of, is_unknown_path, refusal, said
from host_tools.client.http import Response
from host_tools.client.names import Names
from host_tools.client.persistent import PersistentCalls
from host_tools.client.session import REQUEST_DEADLINE_MS, Session
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
        self._directory = Directory(self._session)
        self._rpc_urls = list(RPC_URLS)
        self._names = Names()
        #: Telemetry and attributes.
        self.data = DeviceData(self._session, self._names)
        #: Which calls were made.
        self.audit = AuditLog(self._session)
        #: Calls that the server keeps.
        self.persistent = PersistentCalls(self._session, self._names)

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

    def devices(self) -> Iterator[Device]:
        """Give the devices that the user may see, in the order of their names."""
        for device in self._directory.all():
            yield self._remember(device)

    def device_by_name(self, name: str) -> Device:
        """Return the device of a name.

        Raises:
            WakecallError: There is none (NOT_FOUND; the hint has names much like it).
        """
        return self._remember(self._directory.by_name(name))

    def create_device(self, name: str, *, type: str = "default", label: str = "") -> Device:
        """Create a device and return it.

        Args:
            name: Unique among the devices of the tenant.
            type: The name of its device profile, which is made where the server has none.
            label: Any text.

        Raises:
            WakecallError: The name is taken (BUSY).
        """
        body = {"name": name, "type": type} | ({"label": label} if label else {})
        response = self._session.request("POST", "/api/device", body)
        device = device_of(response)
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
        doing = f"read the token of {self._names.of(device_id)}"
        content = response.json()
        if response.status != 200 or not isinstance(content, dict):
            raise self._names.refusal(device_id, response, doing)
        kind, token = content.get("credentialsType"), content.get("credentialsId")
        if kind != "ACCESS_TOKEN" or not isinstance(token, str):
            raise WakecallError(f"cannot {doing}: its credentials are of type {kind}")
        return token

    def delete_device(self, device_id: str) -> None:
        """Delete a device; its connection ends."""
        response = self._session.request("DELETE", f"/api/device/{quote(device_id, safe='')}")
        if response.status != 200:
            doing = f"delete {self._names.of(device_id)}"
            raise self._names.refusal(device_id, response, doing)
        self._names.forget(device_id)

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
        deadline_ms = max(timeout_ms, MINIMUM_TIMEOUT_MS) + ANSWER_MARGIN_MS
        response = self._send(device_id, body, one_way, deadline_ms)
        return answer_of(response, self._names.of(device_id), timeout_ms)

    def submit(
        self,
        device_id: str,
        method: str,
        params: object = None,
        *,
        lifetime_ms: int,
        one_way: bool = False,
        retries: int | None = None,
    ) -> str:
        """Have the server keep a call until the device has got it, and return the call's id.

        Args:
            device_id: The device's UUID as text.
            method: The method's name.
            params: Any JSON value.
            lifetime_ms: When the server gives it up, from now on by the server's clock; it takes
                less than `MINIMUM_TIMEOUT_MS` for that value.
            one_way: It ends when the device has acknowledged it; the answer is not waited for.
            retries: How often it may be sent without an acknowledgement; None leaves it to the
                server.

        Raises:
            WakecallError: Among others: the server keeps no calls (FAILED).
        """
        body = {"method": method, "params": params, "timeout": lifetime_ms, "persistent": True}
        if retries is not None:
            body["retries"] = retries
        response = self._send(device_id, body, one_way, REQUEST_DEADLINE_MS)
        content = response.json()
        rpc_id = content.get("rpcId") if isinstance(content, dict) else None
        if response.status == 200 and isinstance(rpc_id, str):
            return rpc_id
        if response.status == 200:
            raise WakecallError(
                f"{self._names.of(device_id)} was called at once: the server keeps no calls",
                hint="ThingsBoard does from version 3.3 on; the command may have run",
            )
        raise refusal(response, f"call {self._names.of(device_id)}")

    def _send(
        self, device_id: str, body: dict[str, object], one_way: bool, deadline_ms: int
    ) -> Response:
        """Send a call to the newest URL that the server has."""
        kind = "oneway" if one_way else "twoway"
        while True:
            url = f"{self._rpc_urls[0]}/{kind}/{quote(device_id, safe='')}"
            response = self._session.request("POST", url, body, deadline_ms)
            if not is_unknown_path(response) or len(self._rpc_urls) == 1:
                break
            del self._rpc_urls[0]  # an older server: the next call asks the older URL at once
        if response.status == 404:
            doing = f"call {self._names.of(device_id)}"
            raise self._names.refusal(device_id, response, doing)
        return response

    def _remember(self, device: Device) -> Device:
        self._names.remember(device.id, device.name)
        return device
