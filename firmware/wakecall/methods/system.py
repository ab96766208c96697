"""Methods about the board itself: ``reboot``, ``listMethods``, ``describeMethod``."""

from wakecall.registry import method
from wakecall.schema import Text


@method(effect="reboot", help="Restart the board after its answer was confirmed")
def reboot(agent):
    agent.leave_then(agent.port.reset)
    return {"rebooting": True}


@method(effect="read", help="Name all methods of this board")
def listMethods(agent):
    return agent.registry.names()


@method({"method": Text(64)}, effect="read", help="Tell the params and effect class of a method")
def describeMethod(agent, method):
    return agent.registry.find(method).describe()
