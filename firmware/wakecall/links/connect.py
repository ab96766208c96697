"""Opens a stream to a server within a deadline; what goes wrong becomes a ``LinkError``."""

import asyncio

from micropython import const

from wakecall.errors import LinkError

_OPEN_TIMEOUT_S = const(8)


async def connect(port, server):
    """Return reader and writer of a stream.

    Args:
        port: The board's port.
        server: ``host``, ``port`` and ``tls`` of the configuration.

    Raises:
        LinkError: There is no connection in time, or the certificate is not to be trusted.
    """
    try:
        tls = port.tls_context() if server["tls"] else None
        opening = port.open_stream(server["host"], server["port"], tls)
        return await asyncio.wait_for(opening, _OPEN_TIMEOUT_S)
    except asyncio.TimeoutError:
        raise LinkError("%s: no connection in %d s" % (address(server), _OPEN_TIMEOUT_S))
    except (OSError, ValueError) as error:
        raise trouble(server, error)


def address(server):
    """Return a server as ``host:port``."""
    return "%s:%d" % (server["host"], server["port"])


def trouble(server, error):
    """Return the ``LinkError`` for an error of the network."""
    # MicroPython's TLS tells of a wrong certificate by a ValueError of several lines.
    return LinkError("%s: %s" % (address(server), " ".join(str(error).split())))
