"""mosquitto's own command lines as devices: another implementation's bytes, in every version."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import require
from tests.contract.target import Device, Target, eventually
from tests.contract.test_telemetry import latest

VERSIONS = pytest.mark.parametrize("version", ["mqttv31", "mqttv311", "mqttv5"])
TIMEOUT_S = 10


def command(name: str, target: Target, device: Device, version: str, *options: str) -> list[str]:
    """Return the command line of a mosquitto client."""
    program = shutil.which(name)
    require(program, f"{name} is not installed")
    address = ["-h", target.mqtt_host, "-p", str(target.mqtt_port)]
    # The token of a test's device is no secret, and these clients take it no other way.
    login = ["-u", device.token, "-i", "mosquitto"]
    return [str(program), *address, "-V", version, *login, *options]


@VERSIONS
@pytest.mark.parametrize("qos", ["0", "1"])
def test_telemetry(target: Target, device: Device, version: str, qos: str):
    options = ("-t", "v1/devices/me/telemetry", "-q", qos, "-m", '{"t":21}')
    line = command("mosquitto_pub", target, device, version, *options)
    subprocess.run(line, check=True, timeout=TIMEOUT_S)
    eventually(lambda: latest(target, device, "t") == {"t": 21})


@VERSIONS
def test_command(target: Target, device: Device, version: str):
    options = ("-t", "v1/devices/me/rpc/request/+", "-q", "1", "-C", "1", "-v")
    line = command("mosquitto_sub", target, device, version, *options)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(target.rest.call, device, "setGpio", way="oneway", params={"pin": 1})
        heard = subprocess.run(line, check=True, capture_output=True, timeout=TIMEOUT_S)
        assert call.result().status_code == 200
    topic, _, payload = heard.stdout.decode().strip().partition(" ")
    assert topic.startswith("v1/devices/me/rpc/request/")
    assert json.loads(payload) == {"method": "setGpio", "params": {"pin": 1}}


@VERSIONS
def test_filter_that_is_refused_is_told(target: Target, device: Device, version: str):
    line = command("mosquitto_sub", target, device, version, "-t", "#", "-W", "2")
    heard = subprocess.run(line, check=False, capture_output=True, timeout=TIMEOUT_S)
    assert heard.stdout == b""
    assert b"denied" in heard.stderr


@VERSIONS
def test_wrong_token_is_refused(target: Target, device: Device, version: str):
    stranger = Device(device.id, device.name, "no-such-token")
    options = ("-t", "v1/devices/me/telemetry", "-m", "{}", "-q", "1")
    line = command("mosquitto_pub", target, stranger, version, *options)
    assert subprocess.run(line, check=False, timeout=TIMEOUT_S).returncode != 0
