"""The journal on genuine LittleFS, in a genuine MicroPython: power cuts and wear."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import PORTABLE
from tests.firmware.micropython import run_micropython

HERE = Path(__file__).parent / "littlefs"


def run(script: str, *arguments: str) -> dict[str, int]:
    output = run_micropython(
        HERE / script, *arguments, path=[str(HERE), str(PORTABLE)], heap="8M", timeout_s=500
    )
    told: dict[str, int] = json.loads(output.splitlines()[-1])
    return told


@pytest.mark.parametrize(
    ("program_bytes", "slot_bytes", "most_erases"), [(32, 120, 0.2), (256, 504, 0.3)]
)
def test_a_command_costs_the_flash_no_more_than_promised(
    program_bytes: int, slot_bytes: int, most_erases: float
) -> None:
    told = run("check_wear.py", str(program_bytes), str(slot_bytes))
    assert told["commands"] == 10_000
    assert 0 < told["erases"] / told["commands"] <= most_erases


def test_a_cut_in_any_program_or_erase_doubles_nothing_and_loses_nothing() -> None:
    assert run("check_cuts.py")["tried"] > 1_000
