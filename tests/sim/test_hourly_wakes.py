"""Thirty days of hourly wakes: the genuine agent against the platform's engine, in virtual time."""

from __future__ import annotations

from pathlib import Path

from host_tools.sim import World

WAKES = 30 * 24
SLEEPER = """\
from wakecall import Integer, method


@method({"seconds": Integer(1, 86400)}, help="Disconnect and power down")
def sleep(agent, seconds):
    agent.leave_then(lambda: agent.port.deep_sleep(seconds * 1000))
    return {"sleeping": seconds}
"""


def test_a_board_wakes_every_hour_for_thirty_days_and_takes_each_command_once(
    tmp_path: Path,
) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    with World(seed=3) as world:
        world.is_tracing = False
        board = world.board(app=tmp_path)
        calls = []
        for number in range(WAKES):
            params = {"seconds": 3600, "_id": f"night {number}"}
            calls.append(world.server.call("sleep", params, persistent=True, timeout_s=2 * 3600))
            world.run(3600)
        assert [call.answer for call in calls] == [{"sleeping": 3600}] * WAKES
        assert board.model.boots >= WAKES - 1
