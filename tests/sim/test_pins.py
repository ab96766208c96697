"""The pin graph by itself: what drives, what pulls, what is wired, and what wins."""

from __future__ import annotations

import threading

import pytest

from host_tools import board_facts
from host_tools.sim.constants import PORTS
from host_tools.sim.pins import Pins


@pytest.fixture(params=["esp32", "pico"])
def kind(request):
    return request.param


@pytest.fixture
def pins(kind):
    facts = board_facts.load(kind)
    return Pins(facts, lambda: 0, lambda _: None, threading.RLock())


@pytest.fixture
def names(kind):
    return PORTS[board_facts.load(kind).port].pin


def test_low_wins_when_two_drive_against_each_other(pins, names):
    pins.configure(4, names["OUT"], None, 1)
    pins[4].drive(0)
    assert pins[4].level == 0
    pins[4].drive(1)
    assert pins[4].level == 1
    pins.configure(5, names["OUT"], None, 0)
    pins[4].wire(pins[5])
    assert (pins[4].level, pins[5].level) == (0, 0)


def test_an_open_drain_output_pulls_down_and_lets_go(pins, names):
    pins.configure(4, names["OPEN_DRAIN"], names["PULL_UP"], 1)
    assert pins[4].level == 1
    pins.write(4, 0)
    assert pins[4].level == 0
    pins.write(4, 1)
    pins[4].drive(0)
    assert pins.read(4) == 0


def test_what_drives_wins_over_a_pull(pins, names):
    pins.configure(4, names["IN"], names["PULL_UP"], None)
    assert pins.read(4) == 1
    pins[4].drive(0)
    assert pins.read(4) == 0
    pins[4].drive(None)
    assert pins.read(4) == 1


def test_a_pull_down_wins_over_a_pull_up_on_the_same_wire(pins, names):
    pins.configure(4, names["IN"], names["PULL_UP"], None)
    pins.configure(5, names["IN"], names["PULL_DOWN"], None)
    pins[4].wire(pins[5])
    assert pins.read(4) == 0


def test_wires_carry_over_several_pins_until_one_is_taken_away(pins):
    pins[4].wire(pins[5])
    pins[5].wire(pins[6])
    pins[4].drive(1)
    assert pins[6].level == 1
    pins[4].unwire(pins[5])
    assert (pins[4].level, pins[5].level, pins[6].level) == (1, 0, 0)


def test_a_reset_forgets_what_the_firmware_did_and_not_what_is_outside(pins, names):
    pins.configure(4, names["OUT"], None, 1)
    pins[5].drive(1)
    pins.forget()
    assert (pins[4].level, pins[5].level) == (0, 1)
    assert [change.level for change in pins[4].history] == [1, 0]


def test_the_state_after_a_reset_is_the_port_s(pins, kind):
    pins[4].drive(1)
    # A pad of the ESP32 cannot be read before it is configured; one of the RP2 can.
    assert pins.read(4) == (0 if kind == "esp32" else 1)
    assert pins[4].pull == (0 if kind == "esp32" else -1)


def test_interrupts_are_noted_for_the_edges_that_were_asked_for(pins, names):
    pins.set_interrupt(4, names["IRQ_RISING"])
    for level in (1, 0, 1):
        pins[4].drive(level)
    assert pins.take_interrupts() == [4, 4]
    assert pins.take_interrupts() == []
    for turn in range(40):
        pins[4].drive(turn % 2)
    assert len(pins.take_interrupts()) == 8  # the scheduler's depth
