"""Keeps the time of day: asks NTP, then the server (delivery.md 8)."""

import asyncio

from micropython import const

from wakecall.errors import CallError

_NTP_TIMEOUT_MS = const(2000)
#: A crystal of 20 ppm is a second off after fourteen hours.
_AGAIN_S = const(43200)
_RETRY_S = const(60)


async def keep_time(agent):
    """Set the clock whenever the agent is online and the time is unknown or old; runs for ever.

    A stock ThingsBoard does not answer ``getCurrentTime``; without it and NTP the time stays
    unknown, and commands that expire are not run.
    """
    is_told = False
    while True:
        await agent.online.wait()
        source, epoch_ms = await _ask(agent)
        if epoch_ms is None:
            if not is_told:
                agent.log("the time is unknown: %s" % source)
                is_told = True
            await asyncio.sleep(_RETRY_S)
            continue
        agent.port.set_epoch_ms(epoch_ms)
        agent.log("the time is %d ms, from %s" % (epoch_ms, source))
        agent.time_set()
        await asyncio.sleep(_AGAIN_S)


async def _ask(agent):
    """Return the source and its time, or the reason and None."""
    host = agent.configuration["ntp"]
    if host:
        try:
            epoch_ms = await agent.port.ask_ntp(host, _NTP_TIMEOUT_MS)
        except OSError:
            epoch_ms = None
        if epoch_ms is not None:
            return host, epoch_ms
    try:
        epoch_ms = await agent.call("getCurrentTime")
    except CallError as error:
        return error, None
    if isinstance(epoch_ms, int) and epoch_ms > 0:
        return "the server", epoch_ms
    return "the server's answer is no time", None
