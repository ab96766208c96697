"""setConfig and getConfig on both interpreters against our platform, with real restarts."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from host_tools.client import Client, DeviceError
from host_tools.errors import WakecallError
from host_tools.local_platform import LocalPlatform
from host_tools.sim import SimulatedBoard

WAIT_MS = 28_000


class Bench:
    """A board that is online, and the calls to it."""

    def __init__(self, client: Client, board: SimulatedBoard, device: str) -> None:
        self.board = board
        self._client = client
        self._device = device

    def call(self, method: str, params: object = None) -> object:
        return self._client.call(self._device, method, params, timeout_ms=WAIT_MS)

    def config(self) -> dict[str, object]:
        answer = self.call("getConfig")
        assert isinstance(answer, dict)
        return answer

    def files(self) -> tuple[object, object]:
        names = ("config.json", "secrets.json")
        return tuple(json.loads((self.board.folder / name).read_text()) for name in names)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    with LocalPlatform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture(scope="module", params=["cpython", "micropython"])
def bench(
    request: pytest.FixtureRequest,
    platform: LocalPlatform,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bench]:
    name = f"configured-{request.param}"
    with Client(platform.profile) as client:
        device = client.create_device(name)
        board = SimulatedBoard(
            "esp32",
            folder=tmp_path_factory.mktemp(name),
            configuration={
                "device": name,
                "server": platform.mqtt_server,
                "wifi": {"ssid": "home"},
            },
            secrets={"token": client.device_token(device.id), "wifi_key": "home-key"},
            runtime=request.param,
        )
        board.board.radio.networks["garden"] = "garden-key"
        with board:
            board.wait_for_line("connected to", 20)
            yield Bench(client, board, device.id)


def error(bench: Bench, params: object) -> dict[str, str]:
    with pytest.raises(DeviceError) as refused:
        bench.call("setConfig", params)
    answer = refused.value.answer
    assert isinstance(answer, dict)
    return answer["error"]


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_the_configuration_is_shown_whole_and_without_secrets(bench: Bench) -> None:
    shown = bench.config()
    assert shown["config"]["keepalive_s"] == 60  # type: ignore[index]
    assert shown["config"]["wifi"] == {"ssid": "home"}  # type: ignore[index]
    secrets = bench.files()[1]
    for secret in secrets.values():  # type: ignore[attr-defined]
        assert secret not in json.dumps(shown)


def test_a_change_that_makes_no_configuration_is_refused_without_a_restart(bench: Bench) -> None:
    boots = bench.board.boots
    refused = error(bench, {"config": {"server": {"port": 0}}})
    assert refused["code"] == "OUT_OF_RANGE"
    assert refused["effect"] == "none"
    assert refused["message"].startswith("setConfig: config server port must be 1 to 65535")
    assert bench.board.boots == boots


def test_a_change_is_in_force_after_the_restart_and_answered_then(bench: Bench) -> None:
    boots = bench.board.boots
    assert bench.call("setConfig", {"config": {"keepalive_s": 30}}) == {"applied": True}
    assert bench.board.boots == boots + 1
    shown = bench.config()
    assert shown["config"]["keepalive_s"] == 30  # type: ignore[index]
    assert shown["lastChange"] == {"applied": True}


def test_another_network_with_its_key_is_joined(bench: Bench) -> None:
    change = {"config": {"wifi": {"ssid": "garden"}}, "secrets": {"wifi_key": "garden-key"}}
    assert bench.call("setConfig", change) == {"applied": True}
    configuration, secrets = bench.files()
    assert configuration["wifi"] == {"ssid": "garden"}  # type: ignore[index]
    assert secrets["wifi_key"] == "garden-key"  # type: ignore[index]
    assert not any("garden-key" in line for line in bench.board.log)


def test_a_server_that_is_not_there_is_rolled_back_and_the_board_comes_back(bench: Bench) -> None:
    before = bench.files()
    boots = bench.board.boots
    change = {"config": {"server": {"port": closed_port()}}, "within_s": 10}
    refused = error(bench, change)
    assert (refused["code"], refused["effect"]) == ("FAILED_PRECONDITION", "none")
    assert "the configuration before is in force" in refused["message"]
    assert bench.files() == before
    assert bench.board.boots == boots + 2
    assert bench.config()["lastChange"]["applied"] is False  # type: ignore[index]


def test_a_token_that_the_server_refuses_is_rolled_back_at_once(bench: Bench) -> None:
    before = bench.files()
    refused = error(bench, {"secrets": {"token": "no-such-token"}, "within_s": 3600})
    assert "refused the token" in refused["message"]
    assert "no-such-token" not in refused["message"]
    assert bench.files() == before


def test_power_that_fails_while_a_server_is_tried_does_not_keep_the_board_away(
    bench: Bench,
) -> None:
    before = bench.files()
    board = bench.board
    boots = board.boots
    change = {"config": {"server": {"port": closed_port()}}, "within_s": 10}
    with pytest.raises(WakecallError):
        bench._client.call(bench._device, "setConfig", change, timeout_ms=5_000)
    for boot in (1, 2, 3):
        board.wait_until(lambda wanted=boots + boot: board.boots >= wanted, 20)
        lines = len(board.log)
        board.wait_until(
            lambda seen=lines: any("does not conn" in x for x in list(board.log)[seen:])
        )
        board.power_cut()
        board.power_restore()
    board.wait_until(lambda: list(board.log)[-1].startswith(("connected", "the time")), 20)
    assert bench.files() == before
    last = bench.config()["lastChange"]
    assert last == {"applied": False, "reason": "the board restarted 3 times while it was tried"}
