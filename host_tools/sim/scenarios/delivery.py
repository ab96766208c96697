"""Delivery under power cuts: nothing lost, nothing doubled, no row stuck (delivery.md, issue 5).

The oracle looks at pins and at the server's rows, not at the board's memory: a `once` command
pulses a pin of its own, so its rising edges count its effects.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from host_tools.rpc import Limits, Strategy
from host_tools.sim.scenarios.story import Step, Story
from host_tools.sim.virtual.crash_points import Scenario
from host_tools.sim.virtual.server import EPOCH_MS
from host_tools.sim.virtual.world import World

APP = Path(__file__).resolve().parent.parent / "shims" / "apps" / "delivery"
_PULSE_PINS = (13, 14, 16, 17, 18, 19, 21, 22, 25, 26, 27, 32)
_NIGHT_S = 8 * 3600


def _pulse(pin: int) -> Step:
    return Step("pulse", {"pin": pin}, effects_on=pin)


def _set(pin: int, value: int) -> Step:
    return Step("setGpio", {"pin": pin, "value": value}, leaves=(pin, value))


_CLASSES = (
    Step("getGpio", {"pin": 34}),
    _set(23, 1),
    _pulse(25),
    Step("reboot", None),
    Step("refit", None),
)
_MIX = tuple(
    step
    for number, pin in enumerate(_PULSE_PINS[:7])
    for step in (_pulse(pin), _set(23, number % 2), Step("getGpio", {"pin": 34}))
)[:20]


def _all_at_once(world: World, story: Story) -> None:
    world.run(2)
    story.submit(world)


def _one_by_one(world: World, story: Story) -> None:
    world.run(2)
    for step in story.steps:
        story.submit(world, (step,))
        world.run(5)


def _with_duplicates(world: World, story: Story) -> None:
    world.server.faults.duplicate_commands = True
    _all_at_once(world, story)


def _with_a_server_restart(world: World, story: Story) -> None:
    _all_at_once(world, story)
    world.run(0.03)
    world.server.restart()


def _after_a_night(world: World, story: Story) -> None:
    # Off from the beginning, so that every cut comes after the night.
    board = world.boards[0]
    returns_after_ns, board.restore_after_ns = board.restore_after_ns, None
    board.power_cut()
    story.submit(world)
    world.run(_NIGHT_S)
    board.restore_after_ns = returns_after_ns
    board.power_restore()


def _expired() -> Step:
    params = {"pin": 25, "_exp": EPOCH_MS + 3600 * 1000}
    return Step("pulse", params, effects_on=25, is_expired=True)


_STORIES: dict[str, tuple[str, tuple[Step, ...], Callable[[World, Story], None]]] = {
    "classes": ("one command of each effect class", _CLASSES, _one_by_one),
    "burst": ("five once commands at once", tuple(map(_pulse, _PULSE_PINS[:5])), _all_at_once),
    "newest": (
        "a set, a once and a newer set of the same pin",
        (_set(23, 1), _pulse(25), _set(23, 0)),
        _all_at_once,
    ),
    "expired": ("a command that expired while the power was off", (_expired(),), _after_a_night),
    "mix": ("twenty commands, each delivered twice", _MIX, _with_duplicates),
    "restart": (
        "the server restarts in a burst",
        tuple(map(_pulse, _PULSE_PINS[:4])),
        _with_a_server_restart,
    ),
    "ring": (
        "more commands than the journal has slots",
        tuple(_pulse(pin) for pin in _PULSE_PINS) + tuple(_set(23, n % 2) for n in range(6)),
        _all_at_once,
    ),
}
_STRATEGIES = {
    "": Strategy.BURST,
    "-on-ack": Strategy.ON_ACK,
    "-on-response": Strategy.ON_RESPONSE,
}


def _scenario(name: str, ending: str) -> Scenario:
    title, steps, begin = _STORIES[name]
    strategy = _STRATEGIES[ending]
    stories: dict[int, Story] = {}

    def build(seed: int) -> World:
        world = World(seed, Limits(strategy=strategy))
        # Answers of read and set are kept too: under the sequential strategies a cut could
        # otherwise leave their rows without one (delivery.md 7).
        world.board(app=APP, configuration={"durable_answers": strategy is not Strategy.BURST})
        return world

    def drive(world: World) -> None:
        story = stories[id(world)] = Story(steps)
        begin(world, story)
        story.see_through(world)

    def problems(world: World) -> list[str]:
        return stories.pop(id(world)).problems(world)

    return Scenario(name + ending, f"{title} ({strategy.value})", build, drive, problems)


DELIVERY = tuple(_scenario(name, ending) for name in _STORIES for ending in _STRATEGIES)
