"""The local platform as a process, with devices on it, for clients that we did not write."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from host_tools.client import Client, Device
from host_tools.local_platform import LocalPlatform
from tests.contract import target as contract
from tests.contract.paho_device import PahoDevice

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Running:
    """A platform that serves, and our own client of it, which tells what happened there."""

    platform: LocalPlatform
    client: Client

    @property
    def login(self) -> dict[str, str]:
        """What a REST client needs."""
        profile = self.platform.profile
        return {"url": profile.url, "user": profile.user, "password": profile.password}

    @property
    def target(self) -> contract.Target:
        """The same as the contract tests know it."""
        server = self.platform.mqtt_server
        return contract.Target(
            mqtt_host=str(server["host"]), mqtt_port=int(server["port"]), **self.login
        )

    def connect(self, device: Device) -> PahoDevice:
        """Return a board that answers ``setGpio`` as ours do; a context manager."""
        token = self.client.device_token(device.id)
        known = contract.Device(device.id, device.name, token)
        return PahoDevice(self.target, known, lambda command: {**_params(command), "changed": True})


def _params(command: Any) -> dict[str, Any]:
    return command.params if isinstance(command.params, dict) else {}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One platform for all tests of a worker."""
    folder = tmp_path_factory.mktemp("platform")
    with LocalPlatform(folder) as platform, Client(platform.profile) as client:
        yield Running(platform, client)


@pytest.fixture
def device(running: Running) -> Device:
    """A device of this test."""
    return running.client.create_device(f"device-{next(_numbers)}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder for a client, so that it neither finds nor leaves anything in ours."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
