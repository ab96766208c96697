"""The README tells the truth: its example runs, its output is what is printed, its tables hold."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from host_tools.errors import ExitCode
from host_tools.sim import SimulatedBoard
from tests.conftest import ROOT
from tests.firmware.brokers import Caller, Mosquitto

README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module", params=["cpython", "micropython"])
def story(request: pytest.FixtureRequest) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "host_tools.cli.main", "demo", "--runtime", request.param],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_prints_what_the_readme_shows(story: str) -> None:
    shown = re.search(r"```\n(the platform serves.*?)```", README, re.DOTALL)
    assert shown
    assert [_told(line) for line in story.splitlines()] == [
        _told(line) for line in shown[1].splitlines()
    ]


def _told(line: str) -> object:
    """A line without what differs from run to run; JSON as a value, as MicroPython orders keys."""
    what, _, told = re.sub(r"\d{5,}|\d+\.\d s|cpython|micropython", "N", line).partition("  {")
    return (what.rstrip(), json.loads("{" + told)) if told else what.rstrip()


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_the_own_method_of_the_readme_runs(runtime: str, tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example
    assert len([line for line in example[1].splitlines() if line]) <= 10
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "garden.py").write_text(example[1])
    with Mosquitto(tmp_path) as broker:
        board = SimulatedBoard(
            folder=tmp_path / "flash",
            configuration={
                "device": "greenhouse-1",
                "server": {"host": "127.0.0.1", "port": broker.port},
            },
            secrets={"token": "x"},
            runtime=runtime,  # type: ignore[arg-type]
            app=tmp_path / "app",
        )
        with board, Caller(broker.port) as caller:
            board.wait_for_line("connected to", 20)
            assert caller.call(1, "water", {"seconds": "1"}) == {"watered": 1}
            levels = [change.level for change in board.pins[25].history]
            assert 1 in levels
            assert board.pins[25].level == 0


def test_the_exit_codes_of_the_readme_are_those_of_the_program() -> None:
    table = README.partition("## Exit codes")[2].partition("##")[0]
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE) == [str(int(code)) for code in ExitCode]


def test_every_command_that_the_readme_types_exists() -> None:
    from host_tools.cli.main import COMMANDS

    typed = set(re.findall(r"^wakecall (\w+)|`wakecall (\w+)", README, re.MULTILINE))
    assert {first or second for first, second in typed} - {"COMMAND"} <= set(COMMANDS)
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make (\w+)", README, re.MULTILINE)) <= targets


def test_the_configuration_table_names_every_key() -> None:
    from wakecall import configuration  # type: ignore[import-not-found]

    table = README.partition("`config.json` on the board")[2].partition("Built-in")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert named == set(configuration._CONFIGURATION.members)


def test_the_first_useful_test_of_the_readme_passes() -> None:
    example = re.search(r"```\n(from host_tools\.sim import World.*?)```", README, re.DOTALL)
    assert example
    namespace: dict[str, object] = {}
    exec(compile(example[1], "README.md", "exec"), namespace)
    [test] = [value for name, value in namespace.items() if name.startswith("test_")]
    assert callable(test)
    test()
