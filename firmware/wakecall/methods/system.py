"""Methods about the board itself: restart, what it can do, how it fares."""

from wakecall.errors import CallError, CommandError
from wakecall.registry import method
from wakecall.schema import Boolean, Text


@method(effect="reboot", help="Restart the board after its answer was confirmed")
def reboot(agent):
    agent.leave_then(agent.port.reset)
    return {"rebooting": True}


@method(effect="read", help="Name the methods that you may call")
def listMethods(agent):
    names = agent.registry.names()
    return [name for name in names if agent.delivery.may_call(agent.caller, name)]


@method({"method": Text(64)}, effect="read", help="Tell the params and effect class of a method")
def describeMethod(agent, method):
    return agent.registry.find(method).describe()


@method(
    {"publish": Boolean(default=False, help="send the numbers as telemetry, too")},
    effect="read",
    help="Count commands, restarts and writes since the start of the board",
)
def getStats(agent, publish):
    stats = dict(agent.delivery.counts)
    stats["connections"] = agent.connections
    stats["boots"] = agent.boots.count
    stats["journalWrites"] = agent.journal.writes
    stats["journalEpoch"] = agent.journal.epoch
    stats["usedMemory"], stats["freeMemory"] = agent.port.memory()
    stats["resetCause"] = agent.port.reset_cause()
    return _published(agent, stats) if publish else stats


async def _published(agent, values):
    try:
        await agent.telemetry(values)
    except CallError as error:
        raise CommandError(error.code, "getStats: %s" % error, "unknown")
    return values
