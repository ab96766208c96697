from expect import raised

from wakecall.errors import CommandError, SchemaError
from wakecall.methods.gpio import Level, getGpio, setGpio
from wakecall.pins import Pins

BOARD = {
    "board": "esp32",
    "pins": {
        "first": 0,
        "last": 39,
        "absent": [20],
        "flash": [6],
        "radio": [23],
        "console": [1],
        "strapping": [0, 2],
        "input_only": [34],
        "names": {"LED": 4, "BLUE": "WL_GPIO0"},
    },
}


class FakeMachine:
    """A module ``machine`` whose pins remember; pin 15 is shorted to ground."""

    def __init__(self):
        levels = self.levels = {}

        class Pin:
            IN = 1
            OUT = 3

            def __init__(self, number, mode, value=None):
                self.number = number
                if value is not None:
                    self.value(value)

            def value(self, value=None):
                if value is not None:
                    levels[self.number] = 0 if self.number == 15 else value
                return levels.get(self.number, 0)

        self.Pin = Pin


class FakeAgent:
    def __init__(self, allow=()):
        self.machine = FakeMachine()
        self.pins = Pins(BOARD, allow, self.machine)


def test_a_pin_may_come_as_number_text_or_name():
    pins = FakeAgent().pins
    for wanted in (4, "4", 4.0, "LED"):
        assert pins.find(wanted, output=True) == 4
    assert pins.find("BLUE", output=True) == "WL_GPIO0"


def test_an_unsafe_pin_is_refused_with_its_reason():
    pins = FakeAgent().pins
    for wanted, reason in (
        (40, "40 does not exist on the board esp32"),
        (-1, "-1 does not exist"),
        (20, "20 does not exist"),
        (6, "6 carries the flash memory"),
        (23, "23 carries the radio"),
        (34, "34 is an input only"),
        ("GREEN", "must be a pin of the board esp32, not 'GREEN'"),
        (True, "must be a pin"),
        (None, "must be a pin"),
    ):
        error = raised(SchemaError, pins.find, wanted, True)
        assert error.code == "INVALID_ARGUMENT"
        assert reason in error.message


def test_a_strapping_pin_is_refused_unless_the_configuration_allows_it():
    error = raised(SchemaError, FakeAgent().pins.find, 2, True)
    assert error.code == "FAILED_PRECONDITION"
    assert "decides how the board boots" in error.message
    assert "pins.allow" in error.message
    assert FakeAgent(allow=[2]).pins.find(2, output=True) == 2


def test_no_configuration_allows_a_flash_pin():
    raised(SchemaError, FakeAgent(allow=[6]).pins.find, 6, True)


def test_reading_is_allowed_where_driving_is_not():
    pins = FakeAgent().pins
    assert pins.find(34, output=False) == 34
    assert pins.find(2, output=False) == 2
    raised(SchemaError, pins.find, 6, False)


def test_setGpio_tells_whether_it_changed_anything():
    agent = FakeAgent()
    assert setGpio(agent, pin=5, value=1) == {"pin": 5, "value": 1, "changed": True}
    assert setGpio(agent, pin=5, value=1) == {"pin": 5, "value": 1, "changed": False}
    assert setGpio(agent, pin=5, value=0) == {"pin": 5, "value": 0, "changed": True}
    assert getGpio(agent, pin=5) == {"pin": 5, "value": 0}


def test_setGpio_says_when_the_pin_does_not_follow():
    error = raised(CommandError, lambda: setGpio(FakeAgent(), pin=15, value=1))
    assert (error.code, error.effect) == ("FAILED_PRECONDITION", "done")
    assert "shorted" in error.message


def test_a_level_is_zero_or_one_in_any_spelling():
    for value in (1, "1", True, "true", 1.0):
        assert Level().check(value) == 1
    for value in (0, "0", False, "false"):
        assert Level().check(value) == 0
    assert raised(SchemaError, Level().check, 2).code == "OUT_OF_RANGE"
    for value in (None, "high", [1], {}):
        assert raised(SchemaError, Level().check, value).code == "INVALID_ARGUMENT"
