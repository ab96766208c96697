"""The server under test, and devices on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.contract.target import Device, Target, own_platform


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The server that the contract is held against."""
    url = os.environ.get("WAKECALL_CONTRACT_URL")
    if not url:
        with own_platform(tmp_path_factory.mktemp("platform")) as target:
            yield target
        return
    mqtt = urlsplit(os.environ.get("WAKECALL_CONTRACT_MQTT", f"mqtt://{urlsplit(url).hostname}"))
    yield Target(
        url=url,
        mqtt_host=mqtt.hostname or "127.0.0.1",
        mqtt_port=mqtt.port or 1883,
        user=os.environ.get("WAKECALL_USER", "tenant@thingsboard.org"),
        password=os.environ.get("WAKECALL_PASSWORD", "tenant"),
    )


@pytest.fixture
def device(target: Target) -> Device:
    """A fresh device."""
    return target.new_device()
