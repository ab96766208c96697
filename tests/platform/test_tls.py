"""MQTT over TLS: a device that checks the certificate, and wrong files."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from host_tools.errors import ExitCode
from tests.conftest import require
from tests.contract.target import ADMINISTRATOR, PASSWORD, Target, eventually
from tests.platform.test_up_command import Up, check_refusal


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the loopback address, and its key."""
    openssl = shutil.which("openssl")
    require(openssl, "openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "server.pem", folder / "server.key"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    output = ["-keyout", key, "-out", certificate]
    subprocess.run([str(openssl), *request, *name, *output], check=True, capture_output=True)
    return certificate, key


Start = Callable[..., Up]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a platform that ends with the test."""
    started: list[Up] = []

    def start_one(*options: str | Path) -> Up:
        started.append(Up(tmp_path, *map(str, options)))
        return started[-1]

    yield start_one
    for up in started:
        up.process.kill()
        up.process.communicate()


def test_device_connects_over_tls_and_checks_the_certificate(
    start: Start, files: tuple[Path, Path]
):
    certificate, key = files
    up = start("--mqtts", "127.0.0.1:0", "--tls", certificate, key)
    assert up.process.stdout is not None
    line = up.process.stdout.readline()
    found = re.fullmatch(
        r"ready (\S+) mqtt://127\.0\.0\.1:(\d+) mqtts://127\.0\.0\.1:(\d+)\n", line
    )
    assert found, line
    target = Target(found[1], "127.0.0.1", int(found[2]), ADMINISTRATOR, PASSWORD)
    device = target.new_device()
    for trusted, expected in ((True, True), (False, False)):
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(device.token)
        client.tls_set(str(certificate) if trusted else None, cert_reqs=ssl.CERT_REQUIRED)
        if not expected:
            with pytest.raises(ssl.SSLCertVerificationError):
                client.connect("127.0.0.1", int(found[3]))
            continue
        client.connect("127.0.0.1", int(found[3]))
        client.loop_start()
        eventually(client.is_connected)
        client.publish("v1/devices/me/telemetry", "{}", qos=1).wait_for_publish(5)
        client.disconnect()
        client.loop_stop()
    assert up.end()[0] == 0


def test_options_go_together(start: Start):
    check_refusal(start("--mqtts", "127.0.0.1:0"), ExitCode.USAGE, "--tls")


def test_missing_certificate(start: Start, tmp_path: Path):
    options = ("--mqtts", "127.0.0.1:0", "--tls", tmp_path / "none", tmp_path / "none")
    check_refusal(start(*options), ExitCode.NOT_FOUND, "none")


def test_file_that_is_no_certificate(start: Start, files: tuple[Path, Path]):
    _, key = files
    options = ("--mqtts", "127.0.0.1:0", "--tls", key, key)
    check_refusal(start(*options), ExitCode.CONFIGURATION, "certificate")
