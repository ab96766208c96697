from enumeration import Scenario
from server import BURST, ON_ACK, ON_RESPONSE

STRATEGIES = (BURST, ON_ACK, ON_RESPONSE)
SHORT = (
    [("read", 1, "a")],
    [("set", 1, "a")],
    [("once", 1, "a")],
    [("reboot", 1, "a")],
    [("set", 1, "a"), ("once", 2, "b"), ("set", 3, "c")],
)
LONG = (
    [("once", value, f"n{value}") for value in range(5)],
    [("once", 1, "a"), ("read", 2, "b"), ("reboot", 3, "c"), ("set", 4, "d"), ("once", 5, "e")],
    [("once", value, f"w{value}") for value in range(9)],
)


def test_no_cut_at_all_answers_everything():
    for strategy in STRATEGIES:
        for commands in SHORT + LONG:
            Scenario(strategy, commands).check(())


def test_checks_1_and_2_a_cut_at_any_point_doubles_nothing_and_loses_nothing():
    tried = 0
    for strategy in STRATEGIES:
        for commands in SHORT + LONG:
            scenario = Scenario(strategy, commands)
            for point in range(1, scenario.points() + 1):
                scenario.check((point,))
                tried += 1
    assert tried > 500


def test_durable_answers_leave_no_command_unanswered_under_any_strategy():
    for strategy in STRATEGIES:
        for commands in SHORT + LONG:
            scenario = Scenario(strategy, commands, durable_answers=True)
            for point in range(1, scenario.points() + 1):
                scenario.check((point,))


def test_cuts_at_any_two_points_double_nothing_and_lose_nothing():
    for strategy in STRATEGIES:
        for commands in SHORT:
            scenario = Scenario(strategy, commands)
            points = scenario.points()
            for first in range(1, points + 1):
                for second in range(1, points + 8):
                    scenario.check((first, second))


def test_a_server_that_counts_anew_after_a_cut_doubles_nothing_and_loses_nothing():
    for strategy in STRATEGIES:
        for commands in SHORT + LONG:
            scenario = Scenario(strategy, commands, restart_after=1)
            for point in range(1, scenario.points() + 1):
                scenario.check((point,))
