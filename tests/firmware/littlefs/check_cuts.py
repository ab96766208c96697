"""Cuts the power at every step of every program and erase of genuine LittleFS; prints the count."""

import json

import bench
from enumeration import Scenario
from server import BURST
from test_enumeration import LONG, SHORT, STRATEGIES
from torn_flash import TornFlash


def main():
    bench.Flash = TornFlash
    tried = 0
    for strategy in STRATEGIES:
        for commands in SHORT + LONG:
            scenario = Scenario(strategy, commands)
            for point in range(1, scenario.points() + 1):
                scenario.check((point,))
                tried += 1
    for commands in SHORT:
        scenario = Scenario(BURST, commands)
        points = scenario.points()
        for first in range(1, points + 1):
            for second in range(1, points + 8):
                scenario.check((first, second))
                tried += 1
    print(json.dumps({"tried": tried}))


main()
