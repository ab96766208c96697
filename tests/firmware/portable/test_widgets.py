from bench import Bench, PowerCutError

from wakecall.methods import widgets
from wakecall.registry import Registry


class Pins:
    """One pin, and how often it was driven; driving it takes the power away if told so."""

    def __init__(self):
        self.level = 0
        self.writes = 0
        self.cuts = False

    def read(self, pin):
        return self.level

    def write(self, pin, value):
        self.level = value
        self.writes += 1
        if self.cuts:
            raise PowerCutError


class Agent:
    def __init__(self):
        self.pins = Pins()


def bound(**bindings):
    registry = Registry()
    widgets.bind(registry, widgets.BINDINGS.check(bindings, AnyPin()))
    board = Bench(*[registry.find(name) for name in registry.names()])
    board.agent = Agent()
    board.connect()
    return board


class AnyPin:
    """A board on which every pin is safe."""

    def find(self, wanted, output):
        return wanted


def interrupt(board, value):
    board.agent.pins.cuts = True
    board.send(1, "setState", value)
    try:
        board.run()
    except PowerCutError:
        pass
    board.agent.pins.cuts = False
    board.reboot()
    board.connect()
    board.send(1, "setState", value)
    board.run()


def test_a_toggle_that_power_interrupted_is_not_repeated():
    board = bound(state=5)
    interrupt(board, None)
    assert board.error() == ("ABORTED", "unknown")
    assert board.agent.pins.writes == 1


def test_an_absolute_state_that_power_interrupted_is_set_again():
    board = bound(state=5)
    interrupt(board, True)
    assert board.link.last is True
    assert board.agent.pins.writes == 2
    assert board.agent.pins.level == 1


def test_only_what_is_bound_becomes_a_method():
    assert sorted(bound().registry.names()) == ["checkStatus"]
    assert sorted(bound(value={}).registry.names()) == ["checkStatus", "getValue", "setValue"]
    assert "setGpioStatus" in bound(gpio={"1": 2}).registry.names()
    assert "rpcCommand" in bound(command={"pin": 2}).registry.names()
