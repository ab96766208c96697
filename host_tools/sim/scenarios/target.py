"""A toy: one command keeps a number in a file, and no power cut leaves half of it.

The shape of every scenario: build a world, let something happen, look from outside.
"""

from __future__ import annotations

import json
from pathlib import Path

from host_tools.sim.virtual.crash_points import Scenario
from host_tools.sim.virtual.world import World

_APP = Path(__file__).resolve().parent.parent / "shims" / "apps" / "target"
_CELSIUS = 21
_EVERYTHING_IS_OVER_S = 30


def build(seed: int, app: Path = _APP) -> World:
    """Make the world; another app than the shipped one shows that the oracle is awake."""
    world = World(seed)
    world.board(app=app)
    return world


def drive(world: World) -> None:
    """Give the command once, and time for every retry."""
    world.server.call("setTarget", {"celsius": _CELSIUS}, persistent=True, timeout_s=20)
    world.run(_EVERYTHING_IS_OVER_S)


def after_cut(world: World) -> list[str]:
    """Say what is wrong with the file when the power went."""
    _, wrong = _kept(world)
    return wrong


def problems(world: World) -> list[str]:
    """Say what is wrong in the end: the file, the answer, or a board that did not come back."""
    [call] = world.server.device("board").calls.values()
    kept, wrong = _kept(world)
    if call.answer == _CELSIUS and kept != _CELSIUS:
        wrong.append(f"the command was answered, but the file holds {kept}")
    if not world.server.device("board").is_subscribed:
        wrong.append("the board did not come back")
    return wrong


def _kept(world: World) -> tuple[int | None, list[str]]:
    """Return what the file holds, None while there is none, and what is wrong with it."""
    [board] = world.boards
    files = board.files()
    if "target" not in files.names("/"):
        return None, []
    content = files.read("target")
    try:
        return json.loads(content)["celsius"], []
    except ValueError:
        return None, [f"the file holds {content!r}"]


TARGET = Scenario(
    name="target",
    title="a command keeps a number in a file",
    build=build,
    drive=drive,
    problems=problems,
    after_cut=after_cut,
)
