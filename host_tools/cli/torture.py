"""``wakecall torture``: cut a simulated board's power at every point and see what comes out."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from host_tools.errors import ExitCode, WakecallError
from host_tools.sim.effects import Cut
from host_tools.sim.scenarios import SCENARIOS, find
from host_tools.sim.virtual import crash_points
from host_tools.sim.virtual.crash_points import Run, Scenario, enumerate_cuts, total

_PROGRESS_EVERY = 10
_BAR_WIDTH = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    names = ", ".join(SCENARIOS)
    parser.add_argument(
        "scenario", metavar="SCENARIO", nargs="?", help=f"one of: {names} (default: all)"
    )
    parser.add_argument("--pairs", action="store_true", help="cut a second time after each cut")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="chance (default: 0)")
    parser.add_argument(
        "--cut",
        type=_cut,
        action="append",
        metavar="POINT:HOW",
        help="run once with this cut only and print what happens; can be given twice",
    )


def run(arguments: argparse.Namespace) -> int:
    """Torture the scenarios, or replay one run."""
    scenarios = [find(arguments.scenario)] if arguments.scenario else list(SCENARIOS.values())
    if arguments.cut:
        return _replay(scenarios, arguments)
    failed = [_torture(scenario, arguments) for scenario in scenarios]
    return ExitCode.FAILED if any(failed) else ExitCode.OK


def _replay(scenarios: list[Scenario], arguments: argparse.Namespace) -> int:
    if len(scenarios) != 1:
        raise WakecallError("--cut needs the name of a scenario", code=ExitCode.USAGE)
    done = crash_points.run(scenarios[0], arguments.seed, dict(arguments.cut))
    print("\n".join(done.trace))
    for problem in done.problems:
        print(f"problem: {problem}")
    return ExitCode.FAILED if done.problems else ExitCode.OK


def _torture(scenario: Scenario, arguments: argparse.Namespace) -> bool:
    """Run one scenario at every point; return whether any run failed."""
    print(f"{scenario.name}: {scenario.title}", flush=True)
    expected = 0 if arguments.pairs else total(scenario, arguments.seed)
    failures: list[Run] = []
    points: Counter[str] = Counter()
    count = 0
    for done in enumerate_cuts(scenario, arguments.seed, pairs=arguments.pairs):
        if not done.plan:
            points.update(effect.kind for effect in done.effects)
        count += 1
        if count % _PROGRESS_EVERY == 0:
            _show_progress(count, expected, len(failures))
        if done.problems:
            failures.append(done)
            print(f"\nfailed: {done.problems[0]}\n  {done.replay(scenario, arguments.seed)}")
    _end_progress()
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(points.items()))
    print(f"  {count} runs over {points.total()} points ({kinds}): {len(failures)} failed")
    return bool(failures)


def _show_progress(count: int, expected: int, failed: int) -> None:
    if not sys.stderr.isatty():
        return
    done = min(_BAR_WIDTH, _BAR_WIDTH * count // expected) if expected else 0
    bar = "#" * done + "." * (_BAR_WIDTH - done)
    told = f"{count}/{expected}" if expected else str(count)
    sys.stderr.write(f"\r  [{bar}] {told} runs, {failed} failed")
    sys.stderr.flush()


def _end_progress() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


def _cut(text: str) -> tuple[int, Cut]:
    number, colon, how = text.partition(":")
    ways = [cut.value for cut in Cut]
    if not number.isdigit() or not colon or how not in ways:
        raise argparse.ArgumentTypeError(f"{text!r} is not POINT:HOW; HOW is {', '.join(ways)}")
    return int(number), Cut(how)
