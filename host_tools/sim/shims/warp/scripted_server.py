"""A server in the interpreter's own memory, for a board whose time is warped.

It takes the place of ``asyncio.open_connection`` and speaks as much of ThingsBoard's MQTT as the
agent needs; ``server_script.json`` on the flash says which commands it sends and when. What it gets
is printed. Its packets are small: lengths have one or two bytes.
"""

import asyncio
import json
import time

_COMMANDS = b"v1/devices/me/rpc/request/"
_ANSWERS = b"v1/devices/me/rpc/response/"
_ATTRIBUTES = b"v1/devices/me/attributes/request/"


class _Connection:
    """Reader and writer of the board's end, and the server behind them."""

    def __init__(self):
        self._to_board = b""
        self._to_server = b""
        self._arrived = asyncio.Event()
        self._is_open = True
        self._packet_id = 0
        #: The socket below, as asyncio's streams have it; this one has none but itself.
        self.s = self

    def setsockopt(self, *_):
        pass

    async def readinto(self, buffer):
        content = await self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    async def read(self, size):
        while not self._to_board and self._is_open:
            await self._arrived.wait()
            self._arrived.clear()
        content, self._to_board = self._to_board[:size], self._to_board[size:]
        return content

    async def drain(self):
        pass

    def write(self, content):
        self._to_server += content
        while len(self._to_server) >= 2:
            length, size = self._to_server[1], 2
            if length & 0x80:
                length, size = length & 0x7F | self._to_server[2] << 7, 3
            if len(self._to_server) < size + length:
                return
            packet = self._to_server[size : size + length]
            first, self._to_server = self._to_server[0], self._to_server[size + length :]
            self._take(first & 0xF0, packet)

    def close(self):
        self._is_open = False
        self._arrived.set()

    async def wait_closed(self):
        pass

    def send_command(self, request_id, method, params):
        payload = json.dumps({"method": method, "params": params}).encode()
        self._publish(_COMMANDS + b"%d" % request_id, payload)

    def _take(self, kind, packet):
        if kind == 0x10:
            self._send(b"\x20\x02\x00\x00")
        elif kind == 0x80:
            self._send(b"\x90\x03" + packet[:2] + b"\x01")
        elif kind == 0xC0:
            self._send(b"\xd0\x00")
        elif kind == 0x30:
            length = packet[0] << 8 | packet[1]
            self._send(b"\x40\x02" + packet[2 + length : 4 + length])
            self._take_publish(bytes(packet[2 : 2 + length]), bytes(packet[4 + length :]))

    def _take_publish(self, topic, payload):
        if topic.startswith(_ANSWERS):
            print("server: answer", topic[len(_ANSWERS) :].decode(), payload.decode())
        elif topic.startswith(_COMMANDS):
            answer = json.dumps(int(time.time() * 1000)).encode()
            self._publish(_ANSWERS + topic[len(_COMMANDS) :], answer)
        elif topic.startswith(_ATTRIBUTES):
            number = topic[len(_ATTRIBUTES) :]
            self._publish(b"v1/devices/me/attributes/response/" + number, b"{}")

    def _publish(self, topic, payload):
        self._packet_id = self._packet_id % 65535 + 1
        head = bytes([len(topic) >> 8, len(topic) & 0xFF]) + topic
        body = head + bytes([self._packet_id >> 8, self._packet_id & 0xFF]) + payload
        length = len(body)
        size = bytes([length]) if length < 128 else bytes([length & 0x7F | 0x80, length >> 7])
        self._send(b"\x32" + size + body)

    def _send(self, content):
        self._to_board += content
        self._arrived.set()


_connections = []
_script = None


async def _play():
    start = time.time()
    for request_id, (after_s, method, params) in enumerate(_script):
        # In steps: on a chip one sleep may be no longer than 2^29 ms (host-tools.md 4.5).
        while (left_s := start + after_s - time.time()) > 0:
            await asyncio.sleep(min(left_s, 3600))
        _connections[-1].send_command(request_id, method, params)


async def open_connection(host, port, **_):
    connection = _Connection()
    if not _connections:
        _connections.append(connection)
        connection.player = asyncio.create_task(_play())
    _connections.append(connection)
    return connection, connection


def install(path):
    """Be the network from now on, if there is a script."""
    global _script
    try:
        with open(path) as file:
            _script = json.load(file)
    except OSError:
        return
    asyncio.open_connection = open_connection
