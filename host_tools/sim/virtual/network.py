"""The network of a virtual world: byte streams between boards and servers, and what goes wrong.

A server is a function that is given each new connection. Bytes travel with the delay and in the
pieces that ``Weather`` says; everything random comes from one seed, so a run can be repeated.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from host_tools.sim.virtual.clock import NS_PER_MS, Clock

Receiver = Callable[[bytes], None]


@dataclass(frozen=True)
class Weather:
    """What the network does to connections, until it is changed.

    What does not arrive is kept and arrives, in order, when the weather lets it: TCP sends again.

    Args:
        delay_ms: How long bytes travel.
        jitter_ms: At most how much longer, at random.
        segment_bytes: Bytes arrive in pieces of random size up to this; 0 leaves them whole.
        upward: Whether what the board sends arrives; if not, the link is half-open.
        downward: Whether what the server sends arrives.
        reachable: Whether new connections come about; if not, they time out.
        resolves: Whether names are found.
    """

    delay_ms: int = 1
    jitter_ms: int = 0
    segment_bytes: int = 0
    upward: bool = True
    downward: bool = True
    reachable: bool = True
    resolves: bool = True


class End:
    """One end of a connection.

    Set ``on_bytes`` and ``on_close``; what came before is delivered then.
    """

    def __init__(self, network: Network, upward: bool) -> None:
        self._network = network
        self._upward = upward
        self.peer: End = self
        self.is_open = True
        self._on_bytes: Receiver | None = None
        self._early: list[bytes] = []
        self.on_close: Callable[[bool], None] = lambda was_reset: None
        self._arrival_ns = 0

    def receive_with(self, on_bytes: Receiver) -> None:
        """Say who gets the bytes, beginning with those that came already."""
        self._on_bytes = on_bytes
        early, self._early = self._early, []
        for piece in early:
            on_bytes(piece)

    def send(self, content: bytes) -> None:
        """Send bytes to the other end; into nothing when it is gone."""
        if not self.is_open:
            return
        for piece in self._network.pieces(content):
            self._travel(lambda piece=piece: self.peer._arrived(piece))  # type: ignore[misc]

    def close(self, *, reset: bool = False) -> None:
        """Close both directions.

        Args:
            reset: Tell the other end by a reset, not by an orderly end.
        """
        if self.is_open:
            self.is_open = False
            self._travel(lambda: self.peer._closed(reset))

    def vanish(self) -> None:
        """Be gone without a word, as a board without power."""
        self.is_open = False

    def _travel(self, arrive: Callable[[], None]) -> None:
        self._arrival_ns = self._network.travel(self._upward, self._arrival_ns, arrive)

    def _arrived(self, piece: bytes) -> None:
        if not self.is_open:
            return
        if self._on_bytes is None:
            self._early.append(piece)
        else:
            self._on_bytes(piece)

    def _closed(self, was_reset: bool) -> None:
        if self.is_open:
            self.is_open = False
            self.on_close(was_reset)


class Network:
    """All connections of a world.

    Args:
        clock: The world's clock.
        seed: For everything random.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._weather = Weather()
        self._held: list[tuple[bool, Callable[[], None]]] = []
        self._servers: dict[tuple[str, int], Callable[[End], None]] = {}
        self._connections: list[End] = []

    @property
    def weather(self) -> Weather:
        """What the network does now; set it to change that."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._weather = weather
        held, self._held = self._held, []
        for upward, arrive in held:
            self.travel(upward, 0, arrive)

    def serve(self, host: str, port: int, on_connection: Callable[[End], None]) -> None:
        """Let a function have each connection to an address."""
        self._servers[host, port] = on_connection

    def stop_serving(self, host: str, port: int) -> None:
        """Refuse connections to an address from now on; those there are stay."""
        self._servers.pop((host, port), None)

    def connect(self, host: str, port: int, done: Callable[[End | OSError], None]) -> None:
        """Begin a connection.

        Args:
            host: Name or address of a server.
            port: Its port.
            done: Called with the board's end, or with why there is none; never when the weather
                swallows the attempt.
        """
        if not self.weather.resolves:
            self.travel(True, 0, lambda: done(OSError(-2, "name not found")))
        elif (host, port) not in self._servers:
            self.travel(True, 0, lambda: done(ConnectionRefusedError(111, "ECONNREFUSED")))
        elif self.weather.reachable:
            self.travel(True, 0, lambda: self._connected(host, port, done))

    def reset_connections(self) -> None:
        """Break all connections with a reset at both ends."""
        for end in self._connections:
            for side in (end, end.peer):
                side._closed(True)
        self._connections.clear()

    def pieces(self, content: bytes) -> list[bytes]:
        """Cut bytes into the pieces in which they arrive."""
        if not self.weather.segment_bytes:
            return [content]
        found = []
        while content:
            size = self._random.randint(1, self.weather.segment_bytes)
            found.append(content[:size])
            content = content[size:]
        return found

    def travel(self, upward: bool, not_before_ns: int, arrive: Callable[[], None]) -> int:
        """Let something arrive after its time, in order; return when."""
        weather = self.weather
        delay_ms = weather.delay_ms
        if weather.jitter_ms:
            delay_ms += self._random.randint(0, weather.jitter_ms)
        at_ns = max(self._clock.now_ns + delay_ms * NS_PER_MS, not_before_ns)
        if weather.upward if upward else weather.downward:
            self._clock.call_at(at_ns, arrive)
        else:
            self._held.append((upward, arrive))
        return at_ns

    def _connected(self, host: str, port: int, done: Callable[[End | OSError], None]) -> None:
        board, server = End(self, upward=True), End(self, upward=False)
        board.peer, server.peer = server, board
        self._connections = [end for end in self._connections if end.is_open] + [board]
        serve = self._servers.get((host, port))
        if serve is None:
            done(ConnectionRefusedError(111, "ECONNREFUSED"))
            return
        serve(server)
        done(board)
