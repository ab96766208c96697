"""The firmware on both interpreters against our platform, which is killed and comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from host_tools.client import Client
from host_tools.local_platform import LocalPlatform
from host_tools.sim import SimulatedBoard


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    with LocalPlatform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture(scope="module", params=["cpython", "micropython"])
def bench(
    request: pytest.FixtureRequest,
    platform: LocalPlatform,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[SimulatedBoard, str]]:
    """A board that is online, and its device id."""
    name = f"board-{request.param}"
    with Client(platform.profile) as client:
        device = client.create_device(name)
        token = client.device_token(device.id)
    board = SimulatedBoard(
        "esp32",
        folder=tmp_path_factory.mktemp(name),
        configuration={
            "device": name,
            "server": platform.mqtt_server,
            "wifi": {"ssid": "net"},
            "pins": {"allow": [2]},
        },
        secrets={"token": token, "wifi_key": "wifi-secret"},
        runtime=request.param,
    )
    with board:
        board.wait_for_line("connected to", 20)
        yield board, device.id


def connections(board: SimulatedBoard) -> int:
    return sum(line.startswith("connected to") for line in board.log)


def test_a_two_way_call_moves_the_pin(
    platform: LocalPlatform, bench: tuple[SimulatedBoard, str]
) -> None:
    board, device = bench
    with Client(platform.profile) as client:
        for value in (1, 0):
            answer = client.call(device, "setGpio", {"pin": "23", "value": value})
            assert answer == {"pin": 23, "value": value, "changed": True}
            assert board.pins[23].level == value


def test_a_one_way_call_moves_the_pin_too(
    platform: LocalPlatform, bench: tuple[SimulatedBoard, str]
) -> None:
    board, device = bench
    with Client(platform.profile) as client:
        client.call(device, "setGpio", {"pin": 22, "value": 1}, one_way=True)
    board.wait_until(lambda: board.pins[22].level == 1)


def test_the_configuration_allows_a_strapping_pin(
    platform: LocalPlatform, bench: tuple[SimulatedBoard, str]
) -> None:
    with Client(platform.profile) as client:
        assert client.call(bench[1], "setGpio", {"pin": 2, "value": 1})["value"] == 1


def test_the_board_asks_the_platform_for_the_time(bench: tuple[SimulatedBoard, str]) -> None:
    board, _ = bench
    board.wait_for_line("the time is ")
    told = next(line for line in board.log if line.startswith("the time is "))
    assert abs(int(told.split()[3]) - time.time() * 1000) < 120_000


def test_statistics_are_published_as_telemetry_on_request(
    platform: LocalPlatform, bench: tuple[SimulatedBoard, str]
) -> None:
    _, device = bench
    with Client(platform.profile) as client:
        assert "received" not in client.data.telemetry(device)
        plain = client.call(device, "getStats")
        assert plain["journalEpoch"]
        assert "received" not in client.data.telemetry(device)
        published = client.call(device, "getStats", {"publish": True})
        assert published["received"] == plain["received"] + 1
        assert client.data.telemetry(device)["received"].value == published["received"]


def test_the_board_answers_again_after_the_platform_was_killed_and_started(
    platform: LocalPlatform, bench: tuple[SimulatedBoard, str]
) -> None:
    board, device = bench
    before = connections(board)
    platform.kill()
    board.wait_until(lambda: any(line.startswith("offline") for line in board.log), 15)
    platform.start()
    board.wait_until(lambda: connections(board) > before, 20)
    with Client(platform.profile) as client:
        # The first request id after a restart is 0 (thingsboard-rpc.md 0.3).
        assert client.call(device, "getGpio", {"pin": 34}) == {"pin": 34, "value": 0}


def test_a_wrong_token_is_told_and_not_hammered(
    platform: LocalPlatform, tmp_path_factory: pytest.TempPathFactory
) -> None:
    board = SimulatedBoard(
        folder=tmp_path_factory.mktemp("stranger"),
        configuration={"device": "stranger", "server": platform.mqtt_server},
        secrets={"token": "no-such-token"},
    )
    with board:
        board.wait_for_line("refused the token", 15)
        refusals = [line for line in board.log if "refused the token" in line]
    assert len(refusals) == 1
    assert "no-such-token" not in refusals[0]


def test_a_wrong_wifi_key_is_told(
    platform: LocalPlatform, tmp_path_factory: pytest.TempPathFactory
) -> None:
    board = SimulatedBoard(
        folder=tmp_path_factory.mktemp("keyless"),
        configuration={
            "device": "keyless",
            "server": platform.mqtt_server,
            "wifi": {"ssid": "net"},
        },
        secrets={"token": "x", "wifi_key": "right-key"},
    )
    board.board.radio.networks["net"] = "other-key"
    with board:
        board.wait_for_line("offline: Wi-Fi net: wrong key", 30)
    assert not any("right-key" in line for line in board.log)


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ({"server": {"host": "h"}}, "config.json: device is missing"),
        ({"device": "d", "server": {"host": "h", "port": 0}}, "config.json: server port must be"),
        ({"device": "d", "server": {}}, "config.json: server host is missing"),
        ({"device": "d", "server": {"host": "h"}, "colour": 1}, "'colour' is not known here"),
        ({"device": "d", "server": {"host": "h"}, "link": "pigeon"}, "link must be one of mqtt"),
        ({"device": "d", "server": {"host": "h"}, "pins": {"allow": 2}}, "pins allow must be a"),
    ],
)
def test_a_board_that_is_configured_wrongly_says_which_key(
    configuration: dict[str, object], told: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    board = SimulatedBoard(
        folder=tmp_path_factory.mktemp("wrong"),
        configuration=configuration,
        secrets={"token": "x"},
    )
    with board:
        board.wait_for_line("not started: ")
        assert any(told in line for line in board.log), list(board.log)
