"""A live board on both interpreters: pins, memories, resets, sleep, watchdog, radio, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from host_tools.errors import ExitCode, WakecallError
from host_tools.sim import SimulatedBoard, State
from host_tools.sim.interpreters import AGENT_HEAP
from tests.sim.conftest import CONFIGURATION, SECRETS

REST = "import time\nwhile True: time.sleep(1)\n"


def test_pins_that_the_firmware_drives_are_seen_outside(make_board, runtime):
    board = make_board(
        """
        from machine import Pin
        pin = Pin(23, Pin.OUT, value=1)
        pin.off()
        pin.toggle()
        pin(0)
        print("done", pin.value(), pin())
        """,
        runtime=runtime,
    )
    board.wait_for_line("done 0 0")
    assert [change.level for change in board.pins[23].history] == [1, 0, 1, 0]
    assert board.pins[23].mode.name == "out"


def test_the_firmware_reads_what_drives_a_pin_from_outside(make_board, runtime):
    board = make_board(
        """
        import time
        from machine import Pin
        pin = Pin(4, Pin.IN, Pin.PULL_UP)
        print("pulled", pin.value())
        while pin.value(): time.sleep(0.001)
        print("low")
        while not pin.value(): time.sleep(0.001)
        print("high again")
        """,
        runtime=runtime,
    )
    board.wait_for_line("pulled 1")
    board.pins[4].drive(0)
    board.wait_for_line("low")
    board.pins[4].drive(None)
    board.wait_for_line("high again")


def test_a_wire_carries_a_level_from_pin_to_pin(make_board, runtime):
    board = make_board(
        """
        import time
        from machine import Pin
        out, inp = Pin(18, Pin.OUT, value=1), Pin(19, Pin.IN)
        while not inp.value(): time.sleep(0.001)
        out.off()
        print("through the wire", inp.value())
        """,
        runtime=runtime,
    )
    board.wait_until(lambda: board.pins[18].level == 1)
    board.pins[18].wire(board.pins[19])
    board.wait_for_line("through the wire 0")


def test_constants_and_refusals_are_those_of_the_port(make_board, runtime):
    code = """
        import machine
        from machine import Pin
        print(Pin.IN, Pin.OUT, Pin.OPEN_DRAIN, Pin.PULL_UP, hasattr(Pin, "high"))
        print(hasattr(machine, "wake_reason"), hasattr(machine.RTC, "memory"))
        for bad in (lambda: Pin(99), lambda: Pin(34, Pin.OUT), lambda: Pin("NOPE")):
            try:
                print("allowed", bad())
            except ValueError as error:
                print("refused:", error)
        print("done")
        """
    esp32 = make_board(code, "esp32", runtime=runtime)
    pico = make_board(code, "pico-w", runtime=runtime)
    esp32.wait_for_line("done")
    assert list(esp32.log)[:5] == [
        "1 3 7 2 False",
        "True True",
        "refused: invalid pin",
        "refused: pin can only be input",
        "refused: invalid pin",
    ]
    pico.wait_for_line("done")
    assert list(pico.log)[:5] == [
        "0 1 2 1 True",
        "False False",
        "refused: invalid pin",
        "refused: invalid pin",
        'refused: unknown named pin "NOPE"',
    ]


def test_signal_and_the_led_by_name_work(make_board, runtime):
    board = make_board(
        """
        from machine import Pin, Signal
        Signal(Pin("LED", Pin.OUT), invert=True).on()
        led = Pin("LED")
        led.on()
        Signal(led, invert=True).on()
        print("done")
        """,
        "pico-w",
        runtime=runtime,
    )
    board.wait_for_line("done")
    assert [change.level for change in board.pin("LED").history] == [1, 0]


@pytest.mark.parametrize(("kind", "cause"), [("esp32", 2), ("pico", 3)])
def test_machine_reset_restarts_with_the_port_s_cause(make_board, runtime, kind, cause):
    board = make_board(
        """
        import machine
        pin = machine.Pin(2, machine.Pin.OUT, value=1)
        print("cause", machine.reset_cause())
        if machine.reset_cause() == machine.PWRON_RESET:
            machine.reset()
            print("not reached")
        """,
        kind,
        runtime=runtime,
    )
    board.wait_until(lambda: board.boots == 2)
    board.wait_for_line(f"cause {cause}")
    assert list(board.log)[:2] == ["cause 1", f"cause {cause}"]
    # The pin fell back while the chip was in reset.
    assert [change.level for change in board.pins[2].history][:2] == [1, 0]


def test_a_soft_reset_keeps_the_pins(make_board, runtime):
    board = make_board(
        """
        import machine, sys
        print("cause", machine.reset_cause())
        if machine.reset_cause() == machine.PWRON_RESET:
            machine.Pin(2, machine.Pin.OUT, value=1)
            sys.exit()
        """,
        runtime=runtime,
    )
    board.wait_for_line("cause 5")
    assert [change.level for change in board.pins[2].history] == [1]


def test_rtc_memory_outlives_a_reset_but_not_the_power(make_board, runtime):
    board = make_board(
        """
        import machine
        memory = machine.RTC().memory
        print("memory", memory())
        if not memory():
            try:
                memory(bytes(2049))
            except ValueError as error:
                print(error)
            memory(b"kept \\x00\\xff")
            machine.reset()
        """,
        runtime=runtime,
    )
    board.wait_for_line(r"memory b'kept \x00\xff'")
    assert "buffer too long" in board.log
    board.power_cut()
    assert board.state is State.OFF
    board.log.clear()
    board.power_restore()
    board.wait_for_line("memory b''")
    assert board.log[0] == "memory b''"


def test_a_watchdog_that_is_not_fed_bites(make_board, runtime):
    board = make_board(
        """
        import machine, time
        print("cause", machine.reset_cause())
        watchdog = machine.WDT(timeout=300)
        for turn in range(4):
            time.sleep(0.1)
            watchdog.feed()
        print("fed four times")
        while True: pass
        """,
        runtime=runtime,
    )
    board.wait_for_line("fed four times")
    board.wait_for_line("cause 3")


def test_the_watchdog_refuses_what_the_chip_refuses(make_board, runtime):
    code = """
        import machine
        for timeout in (0, 8389):
            try:
                machine.WDT(timeout=timeout)
                print(timeout, "taken")
                break
            except ValueError as error:
                print(timeout, error)
        """
    esp32 = make_board(code, "esp32", runtime=runtime)
    pico = make_board(code.replace("(0, 8389)", "(8389, 1000)"), "pico", runtime=runtime)
    esp32.wait_for_line("8389 taken")
    assert "0 WDT timeout too short" in esp32.log
    pico.wait_for_line("1000 taken")
    assert "8389 timeout exceeds 8388" in pico.log


@pytest.mark.parametrize(("kind", "cause"), [("esp32", 4), ("pico-w", 3)])
def test_deep_sleep_wakes_into_a_new_start(make_board, runtime, kind, cause):
    board = make_board(
        """
        import machine
        print("cause", machine.reset_cause(), getattr(machine, "wake_reason", lambda: None)())
        if machine.reset_cause() == machine.PWRON_RESET:
            machine.deepsleep(200)
        """,
        kind,
        runtime=runtime,
    )
    board.wait_until(lambda: board.state is State.ASLEEP)
    began = time.monotonic()
    board.wait_for_line(f"cause {cause} {4 if kind == 'esp32' else None}")
    assert 0.15 < time.monotonic() - began < 5


def test_light_sleep_keeps_everything_but_the_radio(make_board, runtime):
    board = make_board(
        """
        import machine, time
        machine.Pin(2, machine.Pin.OUT, value=1)
        machine.lightsleep(20)
        print("woke", machine.wake_reason())
        """,
        runtime=runtime,
    )
    board.wait_for_line("woke 4")
    assert board.boots == 1
    assert board.pins[2].level == 1


def test_a_pico_refuses_to_sleep_too_long(make_board, runtime):
    board = make_board(
        """
        import machine
        try:
            machine.lightsleep(4294967)
        except ValueError as error:
            print(error)
        """,
        "pico",
        runtime=runtime,
    )
    board.wait_for_line("sleep too long")


JOIN = """
    import network, time
    station = network.WLAN(network.WLAN.IF_STA)
    station.active(True)
    station.connect({ssid!r}, {key!r})
    print("at once", station.status() == network.STAT_CONNECTING, station.isconnected())
    while station.status() == network.STAT_CONNECTING: time.sleep(0.005)
    print("status", station.status(), station.isconnected(), station.ifconfig()[0])
    """


@pytest.mark.parametrize(
    ("kind", "ssid", "key", "told"),
    [
        ("esp32", "wakecall-sim", "a key", "status 1010 True 127.0.0.1"),
        ("esp32", "wakecall-sim", "wrong", "status 202 False 0.0.0.0"),
        ("esp32", "elsewhere", "a key", "status 201 False 0.0.0.0"),
        ("pico-w", "wakecall-sim", "a key", "status 3 True 127.0.0.1"),
        ("pico-w", "wakecall-sim", "wrong", "status -3 False 0.0.0.0"),
        ("pico-w", "elsewhere", "a key", "status -2 False 0.0.0.0"),
    ],
)
def test_joining_a_network_takes_time_and_fails_as_the_port_says(
    make_board, runtime, kind, ssid, key, told
):
    board = make_board(JOIN.format(ssid=ssid, key=key), kind, runtime=runtime)
    board.wait_for_line(told)
    assert "at once True False" in board.log


def test_a_plain_pico_has_no_network_module(make_board, runtime):
    board = make_board(
        """
        try:
            import network
        except ImportError as error:
            print("none:", error)
        """,
        "pico",
        runtime=runtime,
    )
    board.wait_for_line("none: no module named 'network'")


def test_umqtt_simple_imports_and_meets_a_closed_port(make_board, runtime, tmp_path):
    from host_tools import device_libraries

    board = make_board(
        f"""
        import sys
        sys.path.append({str(device_libraries.folder())!r})
        from umqtt.simple import MQTTClient
        print("imported")
        """
        if runtime == "cpython"
        else """
        import usocket, ustruct, ubinascii
        print("imported")
        """,
        runtime=runtime,
    )
    board.wait_for_line("imported")


def test_a_traceback_shows_file_and_line_and_the_board_halts(make_board, runtime):
    board = make_board("def f():\n    1/0\nf()\n", runtime=runtime)
    board.wait_for_line("halted")
    text = "\n".join(board.log)
    assert 'File "main.py", line 3, in <module>' in text
    assert 'File "main.py", line 2, in f' in text
    assert "ZeroDivisionError" in text
    assert "launcher" not in text
    assert board.state is State.HALTED


def test_a_firmware_that_ends_halts_the_board(make_board, runtime):
    board = make_board("print('the end')\n", runtime=runtime)
    board.wait_for_line("halted: the firmware ended")
    assert board.log[0] == "the end"
    assert board.boots == 1


def test_an_armed_watchdog_bites_a_halted_board(make_board, runtime):
    board = make_board(
        """
        import machine
        print("cause", machine.reset_cause())
        if machine.reset_cause() == machine.PWRON_RESET:
            machine.WDT(timeout=300)
        """,
        runtime=runtime,
    )
    board.wait_for_line("cause 3")


def test_a_heap_that_is_full_is_told(make_board):
    board = make_board(
        "kept = []\nwhile True: kept.append(bytearray(1000))\n", runtime="micropython", heap="64k"
    )
    board.wait_for_line("MemoryError")
    board.wait_until(lambda: board.state is State.HALTED)


def test_an_interpreter_that_crashes_halts_the_board(make_board):
    board = make_board("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    board.wait_for_line("halted: the interpreter ended by itself, status -11")


def test_the_reset_button_starts_over(make_board, runtime):
    board = make_board("import machine\nmachine.RTC().memory(b'x')\nprint('up')\n" + REST)
    board.wait_for_line("up")
    board.reset()
    board.wait_until(lambda: board.boots == 2)
    assert board.reset_cause == 1


def test_a_runaway_firmware_is_ended(make_board, runtime):
    board = make_board("print('running')\nwhile True: pass\n", runtime=runtime)
    board.wait_for_line("running")
    pid = board.child_pid
    board.stop()
    assert not os.path.exists(f"/proc/{pid}")


def test_a_power_cut_takes_effect_at_once(make_board, runtime):
    board = make_board(
        """
        from machine import Pin
        pin = Pin(2, Pin.OUT)
        while True: pin.toggle()
        """,
        runtime=runtime,
    )
    board.wait_until(lambda: len(board.pins[2].history) > 10)
    board.power_cut()
    changes = len(board.pins[2].history)
    assert board.pins[2].level == 0
    assert board.pins[2].mode.name == "off"
    assert len(board.pins[2].history) == changes
    board.power_restore()
    board.wait_until(lambda: len(board.pins[2].history) > changes + 10)


def test_absolute_and_relative_paths_mean_the_board_s_flash(make_board):
    board = make_board(
        """
        with open("/made.txt", "w") as file: file.write("by the board")
        import os
        print(os.listdir("/") == os.listdir(), "done")
        """,
        runtime="micropython",
    )
    board.wait_for_line("True done")
    assert (board.folder / "made.txt").read_text() == "by the board"


def test_the_flash_holds_the_configuration_and_keeps_secrets_to_its_owner(make_board):
    board = make_board("print('up')\n")
    board.wait_for_line("up")
    assert (board.folder / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert '"board": "esp32"' in (board.folder / "board.json").read_text()
    assert "board under test" in (board.folder / "config.json").read_text()


def test_a_wait_that_fails_shows_the_end_of_the_log(make_board):
    board = make_board("print('the last line')\n" + REST)
    board.wait_for_line("the last line")
    with pytest.raises(WakecallError) as caught:
        board.wait_until(lambda: False, 0.05)
    assert caught.value.code is ExitCode.TIMEOUT
    assert "the last line" in caught.value.hint


def test_a_board_that_runs_cannot_be_started_again(make_board):
    board = make_board(REST)
    with pytest.raises(WakecallError) as caught:
        board.start()
    assert caught.value.code is ExitCode.BUSY


def test_a_pin_that_does_not_exist_is_told_with_those_that_do(make_board):
    board = make_board(REST)
    with pytest.raises(WakecallError) as caught:
        board.pin(24)
    assert caught.value.code is ExitCode.NOT_FOUND
    assert "0-19, 21-23, 25-27, 32-39" in caught.value.hint


@pytest.mark.parametrize("heap", ["", "lots", "0k", "-5"])
def test_a_heap_that_is_no_size_is_told(make_board, heap):
    with pytest.raises(WakecallError) as caught:
        make_board(REST, runtime="micropython", heap=heap)
    assert caught.value.code is ExitCode.USAGE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_kill_9_of_the_host_leaves_no_interpreter(tmp_path, runtime):
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware/main.py").write_text("while True: pass\n")
    host = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\nfrom pathlib import Path\n"
            "from host_tools.sim import SimulatedBoard\n"
            "root, runtime = Path(sys.argv[1]), sys.argv[2]\n"
            "board = SimulatedBoard(folder=root / 'flash', configuration={}, secrets={},"
            " runtime=runtime, firmware=root / 'firmware')\n"
            "board.start()\n"
            "board.wait_until(lambda: board.boots == 1)\n"
            "print(board.child_pid, flush=True)\ntime.sleep(99)",
            str(tmp_path),
            runtime,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with host:
        child = int(host.stdout.readline())
        os.kill(host.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{child}"):
        assert time.monotonic() < deadline, "the interpreter outlived its host"
        time.sleep(0.01)


def test_there_is_one_object_for_each_pin(make_board, runtime):
    board = make_board(
        """
        from machine import Pin
        first = Pin(4, Pin.OUT, value=1)
        print(Pin(4) is first, Pin(first) is first, Pin(5) is first, first.value())
        """,
        runtime=runtime,
    )
    board.wait_for_line("True True False 1")


def test_an_adc_reads_the_voltage_in_the_port_s_scale(make_board, runtime):
    code = """
        import time
        from machine import ADC, Pin
        adc = ADC(Pin({pin}))
        while not adc.read_u16(): time.sleep(0.005)
        print("read", adc.read_u16(), getattr(adc, "read_uv", lambda: None)())
        """
    esp32 = make_board(code.format(pin=34), "esp32", runtime=runtime)
    pico = make_board(code.format(pin=26), "pico", runtime=runtime)
    esp32.pins[34].volts = pico.pins[26].volts = 1.2255
    esp32.wait_for_line(f"read {1225500 * 65535 // 2450000} 1225000")
    pico.wait_for_line(f"read {1225500 * 65535 // 3300000} None")


def test_an_adc_is_refused_where_the_chip_has_none_or_the_radio_took_it(make_board, runtime):
    board = make_board(
        """
        import network
        from machine import ADC, Pin
        for pin in (23, 4):
            try:
                print(pin, ADC(Pin(pin)).read_u16())
            except ValueError as error:
                print(pin, error)
        network.WLAN(0).active(True)
        try:
            ADC(4).read_u16()
        except OSError as error:
            print("with Wi-Fi", error)
        """,
        runtime=runtime,
    )
    board.wait_for_line("with Wi-Fi")
    assert list(board.log)[:2] == ["23 invalid pin", "4 0"]


@pytest.mark.parametrize(
    ("kind", "frequency", "told"),
    [
        ("esp32", 0, "frequency must be from 1Hz to 40MHz"),
        ("pico", 5, "freq too small"),
        ("pico", 100_000_000, "freq too large"),
    ],
)
def test_pwm_is_seen_outside_and_refused_as_the_port_does(
    make_board, runtime, kind, frequency, told
):
    board = make_board(
        f"""
        import time
        from machine import PWM, Pin
        pwm = PWM(Pin(2), freq=1000, duty_u16=16384)
        try:
            pwm.freq({frequency})
        except ValueError as error:
            print(error)
        while True: time.sleep(1)
        """,
        kind,
        runtime=runtime,
    )
    board.wait_for_line(told)
    assert board.pins[2].pwm == (1000, 16384)


def test_a_stuck_pin_stays_where_it_is(make_board):
    board = make_board(
        """
        import time
        from machine import Pin
        pin = Pin(2, Pin.OUT, value=1)
        print("reads", pin.value())
        while pin.value(): time.sleep(0.001)
        print("stuck low")
        """
    )
    board.wait_for_line("reads 1")
    board.pins[2].stick(0)
    board.wait_for_line("stuck low")
    board.pins[2].stick(None)
    assert board.pins[2].level == 1


AGENT = {
    "configuration": {
        **CONFIGURATION,
        "server": {"host": "127.0.0.1", "port": 1, "tls": False},
    },
    "secrets": SECRETS,
    "runtime": "micropython",
}


@pytest.mark.usefixtures("needs_micropython")
def test_a_heap_that_is_too_small_for_the_agent_is_told_with_what_it_needs(tmp_path):
    with SimulatedBoard(folder=tmp_path, heap="96k", **AGENT) as board:
        board.wait_for_line(f"a heap of 96k is too small here, the agent needs {AGENT_HEAP}")


@pytest.mark.usefixtures("needs_micropython")
def test_the_heap_that_is_told_is_enough(tmp_path):
    with SimulatedBoard(folder=tmp_path, heap=AGENT_HEAP, **AGENT) as board:
        board.wait_for_line("offline")
        assert not any("MemoryError" in line for line in board.log)


BUTTON = """
    import asyncio
    from machine import Pin

    presses = []

    async def main():
        flag = asyncio.ThreadSafeFlag()

        def pressed(pin):
            presses.append(pin.value())
            flag.set()

        button = Pin(4, Pin.IN, Pin.PULL_UP)
        button.irq(pressed, Pin.IRQ_FALLING)
        print("waiting")
        await flag.wait()
        print("pressed", presses, button is Pin(4))
        button.irq(None)
        await asyncio.sleep(60)

    asyncio.run(main())
    """


def test_an_interrupt_wakes_a_task_that_awaits_it(make_board, runtime):
    board = make_board(BUTTON, runtime=runtime)
    board.wait_for_line("waiting")
    board.pins[4].drive(0)
    board.wait_for_line("pressed [0] True")


def test_an_interrupt_handler_that_raises_is_told_and_the_firmware_lives(make_board, runtime):
    board = make_board(
        """
        import asyncio
        from machine import Pin

        async def main():
            Pin(4, Pin.IN).irq(lambda pin: 1 / 0)
            print("waiting")
            while not Pin(4).value(): await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            print("alive")

        asyncio.run(main())
        """,
        runtime=runtime,
    )
    board.wait_for_line("waiting")
    board.pins[4].drive(1)
    board.wait_for_line("alive")
    assert any("ZeroDivisionError" in line for line in board.log)


@pytest.mark.parametrize(
    ("kind", "pin", "how", "reason"),
    [
        ("esp32", 33, "wake_on_ext0(Pin(33), True)", 2),
        ("esp32-c6", 4, "wake_on_ext1((Pin(4),), True)", 3),
        ("esp32-c3", 5, "wake_on_gpio((Pin(5),), True)", 7),
    ],
)
def test_a_pin_wakes_the_chip_from_deep_sleep(make_board, runtime, kind, pin, how, reason):
    board = make_board(
        f"""
        import esp32, machine
        from machine import Pin
        print("cause", machine.reset_cause(), machine.wake_reason())
        if machine.reset_cause() == machine.PWRON_RESET:
            esp32.{how}
            machine.deepsleep(3600000)
        """,
        kind,
        runtime=runtime,
    )
    board.wait_until(lambda: board.state is State.ASLEEP)
    board.pins[pin].drive(1)
    board.wait_for_line(f"cause 4 {reason}")


def test_a_pin_ends_a_light_sleep(make_board, runtime):
    board = make_board(
        """
        import esp32, machine
        from machine import Pin
        esp32.wake_on_ext0(Pin(4, Pin.IN, Pin.PULL_UP), False)
        print("sleeping")
        machine.lightsleep()
        print("woke", machine.wake_reason())
        """,
        runtime=runtime,
    )
    board.wait_for_line("sleeping")
    board.pins[4].drive(0)
    board.wait_for_line("woke 2")


def test_wake_pins_are_refused_as_the_chip_does(make_board, runtime):
    code = """
        import esp32, machine
        from machine import Pin
        print([name for name in ("wake_on_ext0", "wake_on_ext1") if hasattr(esp32, name)])
        try:
            esp32.wake_on_gpio((Pin({pin}),), True)
            machine.deepsleep(1000)
        except ValueError as error:
            print("refused:", error)
        """
    classic = make_board(code.format(pin=4), "esp32", runtime=runtime)
    newer = make_board(code.format(pin=10), "esp32-c3", runtime=runtime)
    classic.wait_for_line("refused: DEEPSLEEP with gpio pins not supported on this chip")
    newer.wait_for_line("refused: wake-up pin not supported")
    assert classic.log[0] == "['wake_on_ext0', 'wake_on_ext1']"
    assert newer.log[0] == "[]"
