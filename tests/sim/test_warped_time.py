"""Virtual time in genuine MicroPython: its own asyncio, and no waiting."""

from __future__ import annotations

import time

import pytest

from host_tools.errors import ExitCode, WakecallError
from host_tools.sim import SimulatedBoard

pytestmark = pytest.mark.usefixtures("needs_micropython")


def test_a_day_of_asyncio_timers_takes_no_time(make_board):
    began = time.monotonic()
    board = make_board(
        """
        import asyncio, time

        async def tick(name, every_s, count):
            for _ in range(count):
                await asyncio.sleep(every_s)
            print(name, (time.ticks_ms() - start) // 1000, time.time() - start_s)

        async def main():
            await asyncio.gather(tick("minutes", 60, 24 * 60), tick("hours", 3600, 24))
            try:
                await asyncio.wait_for(asyncio.Event().wait(), 30)
            except asyncio.TimeoutError:
                print("timed out")

        start, start_s = time.ticks_ms(), time.time()
        asyncio.run(main())
        """,
        runtime="micropython",
        warped=True,
    )
    board.wait_for_line("timed out")
    assert time.monotonic() - began < 10
    [minutes] = [line.split() for line in board.log if line.startswith("minutes")]
    assert [86_399 <= int(seconds) <= 86_402 for seconds in minutes[1:]] == [True, True]


def test_a_day_of_hourly_wakes_takes_seconds(make_board):
    board = make_board(
        """
        import machine
        print("woke", machine.reset_cause())
        machine.deepsleep(3600 * 1000)
        """,
        runtime="micropython",
        warped=True,
    )
    board.wait_until(lambda: board.boots == 24, 30)
    assert board.reset_cause == 4
    assert 22 * 3_600_000 < board.board.now_ms() < 25 * 3_600_000


def test_a_watchdog_bites_who_sleeps_too_long(make_board):
    board = make_board(
        """
        import machine, time
        print("cause", machine.reset_cause())
        if machine.reset_cause() == machine.PWRON_RESET:
            watchdog = machine.WDT(timeout=8000)
            for _ in range(100):
                time.sleep(5)
                watchdog.feed()
            print("fed")
            time.sleep(60)
            while True: pass
        """,
        "pico",
        runtime="micropython",
        warped=True,
    )
    board.wait_for_line("cause 3")
    assert list(board.log)[:3] == ["cause 1", "fed", "cause 3"]


def test_light_sleep_is_skipped_too(make_board):
    board = make_board(
        """
        import machine, time
        start = time.ticks_ms()
        machine.lightsleep(3600 * 1000)
        print("slept", time.ticks_diff(time.ticks_ms(), start) // 1000)
        """,
        runtime="micropython",
        warped=True,
    )
    board.wait_for_line("slept 3600")


def test_cpython_is_sent_to_the_world(tmp_path):
    with pytest.raises(WakecallError) as caught:
        SimulatedBoard(
            folder=tmp_path, configuration={}, secrets={}, firmware=tmp_path, warped=True
        )
    assert caught.value.code is ExitCode.USAGE
    assert "World" in caught.value.hint


AGENT = {
    "configuration": {
        "device": "warped",
        "server": {"host": "nowhere", "port": 1883, "tls": False},
        "wifi": {"ssid": "wakecall-sim"},
    },
    "secrets": {"token": "a token", "wifi_key": "a key"},
    "runtime": "micropython",
    "warped": True,
}
DAY_S = 24 * 3600


def test_the_agent_lives_through_days_on_genuine_micropython(tmp_path):
    script = [
        (1, "setGpio", {"pin": 23, "value": 1}),
        (DAY_S, "getGpio", {"pin": 23}),
        (2 * DAY_S, "getGpio", {"pin": 23}),
    ]
    with SimulatedBoard(folder=tmp_path, script=script, **AGENT) as board:
        board.wait_for_line("server: answer 2", 60)
        answers = [line for line in board.log if line.startswith("server: answer")]
        assert [answer.split(" ", 3)[2] for answer in answers] == ["0", "1", "2"]
        assert all('"value": 1' in answer for answer in answers)
        assert board.pins[23].level == 1
        assert not any(line.startswith("offline") for line in board.log), list(board.log)[-5:]
        assert board.board.now_ms() >= 2 * DAY_S * 1000
