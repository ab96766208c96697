"""asyncio streams over the virtual network: the standard StreamReader and StreamWriter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from host_tools.sim.effects import Effects, Gone
from host_tools.sim.virtual.network import End, Network


class Transport(asyncio.Transport):
    """What carries a stream's bytes to a connection's end.

    Args:
        end: The board's end of the connection.
        protocol: What gets the bytes.
        effects: Where sending and receiving happen.
        poke: Called when something was made ready in the board's loop.
    """

    def __init__(
        self,
        end: End,
        protocol: asyncio.StreamReaderProtocol,
        effects: Effects,
        poke: Callable[[], None],
    ) -> None:
        super().__init__()
        self._end = end
        self._protocol = protocol
        self._effects = effects
        self._poke = poke
        end.on_close = self._closed
        end.receive_with(self._received)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; into nothing when the connection is broken."""
        content = bytes(data)
        if content and self._end.is_open:
            self._effects.happen(
                "socket send", f"{len(content)} bytes", lambda: self._end.send(content)
            )

    def is_closing(self) -> bool:
        """Tell whether the connection is closed, by either end."""
        return not self._end.is_open

    def close(self) -> None:
        """Close in order."""
        if self._end.is_open:
            self._end.close()
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """Close with a reset."""
        self._end.close(reset=True)

    def get_write_buffer_size(self) -> int:
        """Return 0: the network takes everything at once."""
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401
        """Return the default: there is nothing below."""
        return default

    def _received(self, content: bytes) -> None:
        try:
            self._effects.happen(
                "socket receive",
                f"{len(content)} bytes",
                lambda: self._protocol.data_received(content),
            )
        except Gone:
            return
        self._poke()

    def _closed(self, was_reset: bool) -> None:
        error = ConnectionResetError(104, "ECONNRESET") if was_reset else None
        if error is None:
            self._protocol.eof_received()
        self._protocol.connection_lost(error)
        self._poke()


async def open_connection(
    network: Network, effects: Effects, poke: Callable[[], None], host: str, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, End]:
    """Do what ``asyncio.open_connection`` does, in the virtual network.

    Raises:
        OSError: Nobody is there.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[End | OSError] = loop.create_future()

    def done(result: End | OSError) -> None:
        if not answer.done():
            answer.set_result(result)
            poke()

    network.connect(host, port, done)
    end = await answer
    if isinstance(end, OSError):
        raise end
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport = Transport(end, protocol, effects, poke)
    protocol.connection_made(transport)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop), end
