"""Children end with us, whatever they do and however we end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from host_tools import process


def wait_until(predicate, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not predicate():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def start():
    children = []

    def start(code, **settings):
        lines = []
        child = process.start([sys.executable, "-u", "-c", code], on_line=lines.append, **settings)
        children.append(child)
        return child, lines

    yield start
    for child in children:
        child.stop(grace_s=0)


def test_output_and_errors_are_told_line_by_line(start):
    child, lines = start("import sys; print('a'); print('b', file=sys.stderr); print('c', end='')")
    assert child.wait(10) == 0
    assert lines == ["a", "b", "c"]


def test_the_end_is_told_after_the_last_line(start):
    events = []
    ended = threading.Event()

    def on_end(child):
        events.append(child.exit_status)
        ended.set()

    process.start(
        [sys.executable, "-c", "print('last'); raise SystemExit(7)"],
        on_line=events.append,
        on_end=on_end,
    )
    assert ended.wait(10)
    assert events == ["last", 7]


def test_a_line_without_end_is_told_in_pieces(start):
    child, lines = start("print('x' * 200000)")
    child.wait(10)
    assert "".join(lines) == "x" * 200000
    assert len(lines) > 1


def test_a_child_that_ignores_sigterm_is_killed(start):
    child, lines = start(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf')\nwhile True: time.sleep(1)"
    )
    wait_until(lambda: lines == ["deaf"])
    assert child.stop(grace_s=0.1) == -signal.SIGKILL


def test_a_grandchild_is_ended_too(start):
    child, lines = start(
        "import subprocess, sys, time\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']).pid)\n"
        "time.sleep(99)"
    )
    wait_until(lambda: lines)
    grandchild = int(lines[0])
    assert is_alive(grandchild)
    child.stop(grace_s=1)
    wait_until(lambda: not is_alive(grandchild))


def test_a_child_outlives_the_thread_that_asked_for_it(start):
    started = []
    thread = threading.Thread(target=lambda: started.append(start("import time; time.sleep(99)")))
    thread.start()
    thread.join()
    child, _ = started[0]
    assert child.wait(0.3) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_ends_us_leaves_no_child(number):
    host = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\nfrom host_tools import process\n"
            "child = process.start([sys.executable, '-c', 'while True: pass'], on_line=print)\n"
            "print(child.pid, flush=True)\ntime.sleep(99)",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with host:
        child = int(host.stdout.readline())
        assert is_alive(child)
        os.kill(host.pid, number)
        host.wait(10)
    wait_until(lambda: not is_alive(child))
