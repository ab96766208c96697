"""What a contract test runs against: a server's addresses, a user of it, and its time limits.

By default that is our own platform, started for the test run with short limits; with the variable
``WAKECALL_CONTRACT_URL`` (``make contract URL=...``) it is any server that speaks the same API.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from host_tools.platform import Platform, Settings

ADMINISTRATOR = "tenant@thingsboard.org"
PASSWORD = "contract password"
DEADLINE_S = 30.0 if os.environ.get("WAKECALL_CONTRACT_URL") else 10.0
"""A foreign server has ThingsBoard's own limits, of which some are longer than ours."""


@dataclass
class Target:
    """A running server and a logged-in tenant administrator."""

    url: str
    mqtt_host: str
    mqtt_port: int
    user: str = ADMINISTRATOR
    password: str = PASSWORD
    min_timeout_s: float = 5.0
    puback_timeout_s: float = 10.0
    client_rpc_timeout_s: float = 60.0
    is_ours: bool = False
    strict: bool = True
    """Whether the server loses what ThingsBoard loses."""
    rest: Rest = field(init=False)

    def __post_init__(self) -> None:
        self.rest = Rest(self.url)
        self.rest.login(self.user, self.password)

    def new_device(self) -> Device:
        """Create a device with a name that no other test uses."""
        body = self.rest.post("/api/device", {"name": f"contract-{uuid.uuid4()}"}).json()
        return Device(body["id"]["id"], body["name"], self.token_of(body["id"]["id"]))

    def token_of(self, device_id: str) -> str:
        """Return the access token of a device."""
        answer = self.rest.get(f"/api/device/{device_id}/credentials")
        return str(answer.json()["credentialsId"])


@dataclass(frozen=True)
class Device:
    """A device that exists on the server."""

    id: str
    name: str
    token: str


class Rest:
    """REST calls with a token."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=40.0)
        self.token = ""
        self.refresh_token = ""

    def login(self, user: str, password: str) -> None:
        """Log in and keep both tokens."""
        body = {"username": user, "password": password}
        pair = self.client.post("/api/auth/login", json=body).raise_for_status().json()
        self.token, self.refresh_token = pair["token"], pair["refreshToken"]

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send any request with the token."""
        headers = {"X-Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        return self.client.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Send a GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Send a POST with a JSON body."""
        return self.request("POST", path, json=body, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        """Send a DELETE."""
        return self.request("DELETE", path, **options)

    def call(
        self, device: Device, method: str, *, version: str = "v2", way: str = "twoway", **body: Any
    ) -> httpx.Response:
        """Call a method of a device."""
        base = {"v1": "/api/plugins/rpc", "v2": "/api/rpc"}[version]
        return self.post(f"{base}/{way}/{device.id}", {"method": method, **body})


class BackgroundPlatform:
    """A platform in a thread of its own, so that tests may block."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._error: BaseException | None = None
        self.platform = Platform(settings)

    def start(self) -> Platform:
        """Return when it serves; raises what its start raised."""
        self._thread.start()
        assert self._ready.wait(DEADLINE_S)
        if self._error is not None:
            raise self._error
        return self.platform

    def stop(self) -> None:
        """End it in order."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "the platform did not stop"

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self.platform:
            self._ready.set()
            await self._stop.wait()


@contextmanager
def own_platform(data: Path, **settings: Any) -> Iterator[Target]:
    """Run our platform with limits that keep tests quick, and log in to it."""
    chosen: dict[str, Any] = {
        "administrator_password": PASSWORD,
        "min_rpc_timeout_ms": 600,
        "default_rpc_timeout_ms": 1_200,
        "puback_timeout_ms": 1_000,
        "client_rpc_timeout_ms": 700,
        "max_held_request_ms": 2_500,
    } | settings
    background = BackgroundPlatform(Settings(data=data, **chosen))
    platform = background.start()
    try:
        yield Target(
            url=platform.url,
            mqtt_host=platform.mqtt.host,
            mqtt_port=platform.mqtt.port,
            min_timeout_s=chosen["min_rpc_timeout_ms"] / 1_000,
            puback_timeout_s=chosen["puback_timeout_ms"] / 1_000,
            client_rpc_timeout_s=chosen["client_rpc_timeout_ms"] / 1_000,
            is_ours=True,
            strict=chosen.get("strict", False),
        )
    finally:
        background.stop()


def eventually(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Wait until a condition is true and return its value; fails after the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true in {DEADLINE_S} s"
        time.sleep(0.01)
    return value
