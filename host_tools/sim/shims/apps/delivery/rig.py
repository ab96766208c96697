"""The methods of the delivery scenarios that are not built in: a pulse, and one to be finished."""

from machine import Pin

from wakecall import Integer, method


@method({"pin": Integer(0, 39)}, effect="once", help="Raise a pin and lower it")
def pulse(agent, pin):
    line = Pin(pin, Pin.OUT, value=1)
    line.value(0)
    return {"pulsed": pin}


def _complete(agent):
    # Finishing twice must be like finishing once.
    if agent.port.read_file("finished") is None:
        agent.port.write_file("finished", b"yes")
    return {"finished": True}


@method(effect="resume", complete=_complete, help="Write a file and restart the board")
def refit(agent):
    agent.leave_then(agent.port.reset)
    return _complete(agent)
