from wakecall.patience import Patience


class Clock:
    def __init__(self, chance):
        self.ms = 0
        self._chance = chance

    def now_ms(self):
        return self.ms

    def random_below(self, limit):
        return int((limit - 1) * self._chance)


def attempts(chance, duration_ms, was_refused=False):
    """Return the times of all attempts during an outage."""
    clock = Clock(chance)
    patience = Patience(clock)
    found = []
    while clock.ms < duration_ms:
        clock.ms += patience.pause_ms(was_refused)
        found.append(clock.ms)
    return found


def test_a_server_is_found_within_a_second_or_a_quarter_of_its_outage():
    for chance in (0, 0.5, 1):
        times = attempts(chance, 3600000)
        before = 0
        for time in times:
            assert time - before <= max(1000, before // 4)
            before = time


def test_a_server_that_stays_away_is_asked_twice_to_four_times_a_minute():
    for chance, most in ((0, 4), (1, 2)):
        times = attempts(chance, 3600000)
        assert len([time for time in times if time >= 3000000]) <= most * 10 + 1


def test_boards_that_lost_one_server_together_return_apart():
    first = [attempts(step / 100, 1)[0] for step in range(101)]
    assert (min(first), max(first)) == (500, 999)


def test_a_refused_token_is_tried_once_in_a_while_only():
    assert len(attempts(0, 300000, was_refused=True)) == 10


def test_each_outage_begins_anew():
    clock = Clock(1)
    patience = Patience(clock)
    patience.pause_ms(False)
    clock.ms = 60000
    assert patience.pause_ms(False) == 14999
    patience.reached()
    assert patience.pause_ms(False) == 999
