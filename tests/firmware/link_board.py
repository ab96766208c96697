"""A simulated board as the tests of the link use it: small heap, byte code, methods that count."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from host_tools.sim import SimulatedBoard
from host_tools.sim.interpreters import Runtime

HEAP = "224k"
"""Objects are 64-bit on the unix port: a chip needs about half of it."""

METHODS = """
import asyncio
import time

from wakecall import Integer, Kind, method

counts = {}


@method({"by": Integer(default=1)})
def count(agent, by):
    counts["once"] = counts.get("once", 0) + by
    return counts["once"]


@method(effect="read")
def counted(agent):
    return counts.get("once", 0)


@method(Kind(), effect="read")
def echo(agent, value):
    return value


@method(effect="read")
def fails(agent):
    raise ValueError("on purpose")


@method(effect="read")
async def waits(agent):
    await asyncio.sleep(0.2)
    return "waited"


@method({"seconds": Integer(0, 60)}, effect="read", parallel=True)
async def naps(agent, seconds):
    await asyncio.sleep(seconds)
    return "awake"


@method({"seconds": Integer(0, 60)}, effect="read")
def blocks(agent, seconds):
    print("blocking")
    time.sleep(seconds)
    return "unblocked"


@method({"seconds": Integer(0, 60)})
async def countsSlowly(agent, seconds):
    await asyncio.sleep(seconds)
    counts["once"] = counts.get("once", 0) + 1
    return counts["once"]


@method(effect="read")
async def asks(agent):
    return await agent.call("getCurrentTime", timeout_ms=3000)
"""


def make_board(
    folder: Path,
    server: Mapping[str, object],
    runtime: Runtime = "micropython",
    *,
    token: str = "token",
    heap: str = HEAP,
    **configuration: Any,
) -> SimulatedBoard:
    """Return a board, to be started, that runs the methods above.

    Args:
        folder: For its flash.
        server: The ``server`` of its configuration.
        runtime: On MicroPython it has the small heap and runs byte code.
        token: Its access token.
        heap: Another heap.
        configuration: More keys of its configuration.
    """
    app = folder / "app"
    app.mkdir(parents=True, exist_ok=True)
    (app / "counting.py").write_text(METHODS)
    return SimulatedBoard(
        "esp32",
        folder=folder / "flash",
        configuration={"device": "bench", "server": dict(server), **configuration},
        secrets={"token": token},
        runtime=runtime,
        app=app,
        heap=heap,
        compiled=runtime == "micropython",
    )


def connections(board: SimulatedBoard) -> int:
    """Return how often the board went online so far."""
    return sum(line.startswith("connected to") for line in board.log)
