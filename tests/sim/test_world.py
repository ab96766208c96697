"""A world in virtual time: the genuine firmware against the server model, and what can go wrong."""

from __future__ import annotations

import textwrap
import threading
import time

import pytest

from host_tools.errors import ExitCode, WakecallError
from host_tools.rpc import Limits, Outcome, Status, Strategy
from host_tools.sim import Cut, State, Weather, World


@pytest.fixture
def world():
    with World(seed=1) as world:
        yield world


@pytest.fixture
def firmware(tmp_path):
    """Return a function that makes a folder whose ``main.py`` is the given text."""

    def make(main):
        (tmp_path / "main.py").write_text(textwrap.dedent(main), encoding="utf-8")
        return tmp_path

    return make


def online(world, name="board"):
    world.run_until(lambda: world.server.device(name).is_subscribed)


def call(world, method, params=None, **settings):
    made = world.server.call(method, params, **settings)
    world.run_until(lambda: made.is_done)
    return made


def test_the_firmware_answers_a_command_and_drives_the_pin(world):
    board = world.board("esp32")
    online(world)
    answered = call(world, "setGpio", {"pin": "23", "value": 1})
    assert answered.answer == {"pin": 23, "value": 1, "changed": True}
    assert board.pins[23].level == 1
    assert [change.level for change in board.pins[23].history] == [1]


def test_the_firmware_reads_what_drives_a_pin_from_outside(world):
    board = world.board("pico-w")
    online(world)
    board.pins[5].drive(1)
    assert call(world, "getGpio", {"pin": 5}).answer == {"pin": 5, "value": 1}


def test_a_reboot_comes_back_with_the_right_cause(world):
    board = world.board()
    online(world)
    assert call(world, "reboot").outcome is Outcome.ANSWERED
    world.run_until(lambda: board.boots == 2)
    assert board.reset_cause == 2
    online(world)


def test_a_day_of_keepalive_takes_less_than_a_second(world):
    world.board()
    online(world)
    world.is_tracing = False
    began = time.monotonic()
    world.run(24 * 3600)
    assert time.monotonic() - began < 2  # 0.8 s on an idle machine of two cores
    assert world.server.device("board").is_subscribed


def story(seed):
    with World(seed=seed) as world:
        board = world.board()
        world.network.weather = Weather(delay_ms=20, jitter_ms=50, segment_bytes=7)
        online(world)
        call(world, "setGpio", {"pin": 23, "value": 1})
        board.power_cut()
        world.run(3)
        board.power_restore()
        online(world)
        call(world, "reboot")
        world.run(100)
        return "\n".join(world.events)


def test_the_same_seed_gives_the_same_trace_byte_for_byte():
    assert story(7) == story(7)
    assert story(7) != story(8)


def test_two_boards_live_in_one_world_without_sharing_anything(world):
    one, two = world.board("esp32", name="one"), world.board("pico-w", name="two")
    online(world, "one")
    online(world, "two")
    call(world, "setGpio", {"pin": 2, "value": 1}, device="two")
    assert two.pins[2].level == 1
    assert one.pins[2].level == 0
    one.power_cut()
    assert call(world, "getGpio", {"pin": 2}, device="two").answer["value"] == 1


def test_a_power_cut_forgets_and_a_restored_board_starts_over(world):
    board = world.board()
    online(world)
    call(world, "setGpio", {"pin": 23, "value": 1})
    board.power_cut()
    assert board.state is State.OFF
    assert board.pins[23].level == 0
    world.run(1)
    board.power_restore()
    world.run_until(lambda: board.boots == 2)
    assert board.reset_cause == 1
    online(world)


def test_a_cut_inside_an_effect_stops_the_firmware_there(world, firmware):
    board = world.board(
        firmware=firmware(
            """
            from machine import Pin
            pin = Pin(2, Pin.OUT)
            try:
                for turn in range(10):
                    pin.toggle()
            except Exception:
                print("never: no firmware sees its own power go")
            finally:
                print("nor this")
            """
        )
    )
    board.cut_at({4: Cut.BEFORE})
    world.run(1)
    assert [change.level for change in board.pins[2].history] == [1, 0, 1, 0]
    assert board.state is State.OFF
    assert not board.log


SLEEPER = """
    import machine, time
    print("woke", machine.reset_cause(), time.time())
    machine.deepsleep(3600 * 1000)
    """


def test_thirty_days_of_hourly_wakes_take_seconds(world, firmware):
    board = world.board(firmware=firmware(SLEEPER))
    began = time.monotonic()
    world.run(30 * 24 * 3600)
    assert time.monotonic() - began < 10
    assert board.boots == pytest.approx(720, abs=2)
    assert board.reset_cause == 4


def test_a_watchdog_bites_in_virtual_time(world, firmware):
    board = world.board(
        "pico",
        firmware=firmware(
            """
            import machine, time
            print("cause", machine.reset_cause())
            if machine.reset_cause() == machine.PWRON_RESET:
                machine.WDT(timeout=8000)
                time.sleep(60)
            """
        ),
    )
    world.run_until(lambda: board.boots == 2)
    assert 8 < world.clock.now_ns / 1e9 < 9
    world.run(1)
    assert list(board.log)[:2] == ["cause 1", "cause 3"]


def test_light_sleep_passes_the_time(world, firmware):
    board = world.board(
        firmware=firmware(
            """
            import machine, time
            start = time.ticks_ms()
            machine.lightsleep(5000)
            print("slept", time.ticks_diff(time.ticks_ms(), start))
            """
        )
    )
    world.run(10)
    assert board.log[0] == "slept 5000"


def test_a_traceback_shows_the_firmware_s_frames_only(world, firmware):
    board = world.board(firmware=firmware("def f():\n    1/0\nf()\n"))
    world.run(1)
    text = "\n".join(board.log)
    assert 'File "main.py", line 3, in <module>' in text
    assert "importer" not in text
    assert board.state is State.HALTED


def test_files_survive_reboots_and_modules_do_not(world, firmware):
    board = world.board(
        firmware=firmware(
            """
            import json, os, machine
            import counter
            counter.value += 1
            try:
                with open("count") as file:
                    count = json.load(file)
            except OSError:
                count = 0
            with open("count", "w") as file:
                json.dump(count + 1, file)
            print(count, counter.value, sorted(os.listdir()))
            if count < 2:
                machine.reset()
            """
        )
    )
    board.frozen["counter.py"] = b"value = 0\n"
    world.run(10)
    assert [line[:3] for line in board.log] == ["0 1", "1 1", "2 1"]
    assert "'secrets.json'" in board.log[0]


def test_chance_and_identity_come_from_the_seed(firmware):
    main = """
        import os, random, machine
        print(os.urandom(4), random.randint(0, 1000000), machine.unique_id())
        """
    lines = []
    for seed in (1, 1, 2):
        with World(seed) as world:
            board = world.board(firmware=firmware(main))
            world.run(1)
            lines.append(board.log[0])
    assert lines[0] == lines[1] != lines[2]


def test_firmware_cannot_reach_this_machine(world, firmware):
    board = world.board(
        firmware=firmware(
            """
            for name in ("subprocess", "socket", "pathlib", "ctypes"):
                try:
                    __import__(name)
                    print("reached", name)
                except ImportError as error:
                    print(error)
            """
        )
    )
    world.run(1)
    assert not any("reached" in line for line in board.log)


@pytest.mark.parametrize(
    "weather",
    [
        Weather(segment_bytes=1),
        Weather(delay_ms=900),
        Weather(delay_ms=100, jitter_ms=400, segment_bytes=3),
    ],
)
def test_bad_weather_does_not_lose_a_command(world, weather):
    world.board()
    world.network.weather = weather
    online(world)
    assert call(world, "setGpio", {"pin": 23, "value": 1}).answer["value"] == 1


@pytest.mark.parametrize("way", ["upward", "downward"])
def test_a_half_open_link_is_noticed_and_replaced(world, way):
    board = world.board()
    online(world)
    world.network.weather = Weather(**{way: False})
    world.run_until(lambda: any("offline" in line for line in board.log), timeout_s=120)
    world.network.weather = Weather()
    world.run_until(lambda: world.server.device("board").is_subscribed, timeout_s=120)
    assert call(world, "getGpio", {"pin": 23}).answer["value"] == 0


def test_a_server_that_cannot_be_reached_is_told_and_tried_again(world):
    world.network.weather = Weather(reachable=False)
    board = world.board()
    world.run(20)
    assert any("no connection" in line for line in board.log)
    world.network.weather = Weather()
    online(world)


def test_connections_that_are_reset_are_opened_again(world):
    board = world.board()
    online(world)
    world.network.reset_connections()
    world.run(0.1)
    assert any("offline" in line for line in board.log)
    world.run_until(lambda: world.server.device("board").is_subscribed, timeout_s=60)
    assert call(world, "getGpio", {"pin": 23}).answer["value"] == 0


def test_a_server_that_falls_mute_is_left(world):
    board = world.board()
    online(world)
    world.server.faults.is_mute = True
    world.run_until(lambda: any("offline" in line for line in board.log), timeout_s=120)
    world.server.faults.is_mute = False
    world.run(60)
    assert call(world, "getGpio", {"pin": 23}).answer["value"] == 0


def test_a_brown_out_reads_as_a_power_on(world):
    board = world.board()
    online(world)
    board.brown_out()
    world.run_until(lambda: board.boots == 2)
    assert board.reset_cause == 1
    assert board.model.retained == b""


def test_a_name_that_is_not_found_is_told_and_tried_again(world):
    world.network.weather = Weather(resolves=False)
    board = world.board()
    world.run(5)
    assert any("name not found" in line for line in board.log)
    world.network.weather = Weather()
    online(world)


def test_an_access_point_that_is_away_is_told(world):
    board = world.board()
    board.model.radio.networks.clear()
    world.run(60)
    assert any("no such network" in line for line in board.log)


def test_a_server_that_was_restarted_keeps_persistent_commands_only(world):
    board = world.board()
    online(world)
    board.power_cut()
    world.run(100)
    kept = world.server.call("setGpio", {"pin": 23, "value": 1}, persistent=True, timeout_s=300)
    lost = world.server.call("setGpio", {"pin": 22, "value": 1}, timeout_s=300)
    world.server.restart()
    board.power_restore()
    world.run_until(lambda: kept.is_done, timeout_s=60)
    assert kept.status is Status.SUCCESSFUL
    assert board.pins[23].level == 1
    assert board.pins[22].level == 0
    assert not lost.is_done


def test_a_server_that_went_away_and_came_back_is_found_again(world):
    world.board()
    online(world)
    world.server.stop()
    world.run(30)
    assert not world.server.device("board").is_subscribed
    world.server.start()
    world.run_until(lambda: world.server.device("board").is_subscribed, timeout_s=60)


@pytest.mark.parametrize(
    "fault",
    [
        {"suback_delay_ms": 3000},
        {"duplicate_commands": True},
        {"close_after_packets": 12},
        {"drop_pubacks": True},
    ],
)
def test_a_faulty_server_gets_its_answer_all_the_same(world, fault):
    for name, value in fault.items():
        setattr(world.server.faults, name, value)
    world.board()
    made = world.server.call("getGpio", {"pin": 4}, timeout_s=60)
    world.run_until(lambda: made.is_done, timeout_s=60)
    assert made.answer == {"pin": 4, "value": 0}


def test_a_refused_login_is_told(world):
    world.server.faults.refuse_logins = True
    board = world.board()
    world.run(5)
    assert any("refused the token" in line for line in board.log)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_every_strategy_delivers_in_order(strategy):
    with World(limits=Limits(strategy=strategy)) as world:
        board = world.board()
        online(world)
        calls = [world.server.call("setGpio", {"pin": 23, "value": turn % 2}) for turn in range(6)]
        world.run_until(lambda: all(made.is_done for made in calls))
        assert [change.level for change in board.pins[23].history] == [1, 0, 1, 0, 1]


def test_a_wait_that_fails_shows_the_end_of_the_trace(world):
    world.board()
    with pytest.raises(WakecallError) as caught:
        world.run_until(lambda: False, timeout_s=1)
    assert caught.value.code is ExitCode.TIMEOUT
    assert "socket receive" in caught.value.hint


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(WakecallError) as caught:
        World(seed)
    assert caught.value.code is ExitCode.USAGE


def test_a_world_leaves_no_thread_behind():
    before = threading.active_count()
    for seed in range(3):
        with World(seed) as world:
            world.board()
            online(world)
    deadline = time.monotonic() + 5
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_bouncing_switch_is_seen_as_often_as_it_changes(world, firmware):
    board = world.board(
        firmware=firmware(
            """
            import time
            from machine import Pin
            pin, changes, last = Pin(4, Pin.IN), 0, 0
            while time.ticks_ms() < 2000:
                if pin.value() != last:
                    last = 1 - last
                    changes += 1
            print("changes", changes, "level", last)
            """
        )
    )
    world.run(1)
    board.bounce(4, 1, bounces=5)
    world.run(3)
    assert "changes 11 level 1" in board.log


def test_interrupts_come_at_their_virtual_time_also_while_the_firmware_sleeps(world, firmware):
    board = world.board(
        firmware=firmware(
            """
            import time
            from machine import Pin
            edges = []
            Pin(4, Pin.IN).irq(lambda pin: edges.append((time.ticks_ms(), pin.value())))
            start = time.ticks_ms()
            time.sleep(5)
            print(edges, time.ticks_diff(time.ticks_ms(), start))
            """
        )
    )
    world.run(1)
    board.pins[4].drive(1)
    world.run(1)
    board.pins[4].drive(0)
    world.run(10)
    assert board.log[0] == "[(1000, 1), (2000, 0)] 5000"
