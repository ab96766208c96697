"""A long life of one board: random commands, power cuts, duplicates and server restarts.

The checker looks at the history from outside, the effects and what the server was answered, and
knows nothing of the journal. A failure tells the seed, which repeats it.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from server import BURST, ON_ACK, ON_RESPONSE  # type: ignore[import-not-found]
from world import World  # type: ignore[import-not-found]

COMMANDS = 100_000
METHODS = ["once"] * 6 + ["set"] * 3 + ["read"] * 3 + ["reboot"]


def check(rows: list[object], effects: Counter[tuple[str, int]], told: str) -> None:
    """Check commands that the server has closed."""
    for row in rows:
        value = row.params["value"]  # type: ignore[attr-defined]
        name = row.method  # type: ignore[attr-defined]
        count = effects.pop((name, value), 0)
        answer = row.answer  # type: ignore[attr-defined]
        aborted = isinstance(answer, dict) and "error" in answer
        if name in ("once", "reboot"):
            assert count <= 1, f"doubled {name} {value}, {told}"
        if not aborted and name != "reboot" and not row.has_failed:  # type: ignore[attr-defined]
            assert count >= 1, f"lost {name} {value}, {told}"
        if aborted:
            assert answer["error"]["effect"] in ("none", "unknown")
            assert answer["error"]["effect"] != "none" or count == 0


@pytest.mark.parametrize("strategy", [BURST, ON_ACK, ON_RESPONSE])
def test_a_hundred_thousand_commands_with_faults_are_neither_lost_nor_doubled(
    strategy: str,
) -> None:
    seed = int(os.environ.get("WAKECALL_SEED") or random.SystemRandom().randrange(2**32))
    told = f"{strategy}, WAKECALL_SEED={seed}"
    chance = random.Random(f"{strategy} {seed}")
    world = World(strategy, slots=8, durable_answers=True)
    world.duplicate = lambda: chance.random() < 0.02
    submitted = cuts = later = 0
    effects: Counter[tuple[str, int]] = Counter()
    while submitted < COMMANDS // 3 or world.server.rows:
        if submitted < COMMANDS // 3 and len(world.server.rows) < 40:
            for _ in range(chance.randrange(1, 24)):
                name = chance.choice(METHODS)
                world.server.submit(name, {"value": submitted}, f"n{submitted}")
                submitted += 1
        elif submitted >= COMMANDS // 3 and chance.random() < 0.5:
            later += 1
            world.server.submit("read", {"value": -later}, f"later {later}")
        if chance.random() < 0.05:
            world.server.restart()
        if world.session():
            world.boot(chance.randrange(1, 60) if chance.random() < 0.5 else 0)
            cuts += 1
        elif chance.random() < 0.3:
            world.server.response_timeout()
        world.board.power.points = 0
        world.board.power.fails_at = chance.randrange(1, 200) if chance.random() < 0.4 else 0
        effects.update(world.effects)
        world.effects.clear()
        closed = [row for row in world.server.rows if not row.is_pending]
        check(closed, effects, told)
        world.server.rows = [row for row in world.server.rows if row.is_pending]
    assert cuts > COMMANDS // 200, told
