"""MQTT packets on their way out: umqtt.simple's encoding, into memory instead of a socket.

umqtt writes each field of a packet to its socket by itself, each a TCP segment, and waits in
``publish`` and ``subscribe`` for the server. Here the socket is a buffer, so that a burst leaves as
one write, and the acknowledgement that umqtt waits for is handed to it at once; the true one is
awaited by the link (reference/environment.md 2 and 4). The buffer is made once: one that grew would
not find room in a heap that days of commands have left in splinters.
"""

import struct
import sys

from micropython import const
from umqtt.simple import MQTTClient

_CONNECT = const(0x10)
_PUBACK = const(0x40)
_SUBACK = const(0x90)
_LARGEST_PACKET_ID = const(65535)
#: What leaves at once: the content of one TCP segment.
_GATHERED_BYTES = const(1400)
_IS_MICROPYTHON = sys.implementation.name == "micropython"


class PacketWriter(MQTTClient):
    """Encodes packets and gathers them until ``take``, or until there is no more room.

    Args:
        send: Called with bytes when there is no more room for them.
        client_id: Bytes, unique among the clients of the server.
        user: Bytes; on ThingsBoard the device's access token.
        password: Bytes, may be empty.
        keepalive_s: The keepalive that CONNECT announces, in seconds.
    """

    def __init__(self, send, client_id, user, password, keepalive_s):
        super().__init__(client_id, "", user=user, password=password, keepalive=keepalive_s)
        self.set_callback(_no_callback)
        self.sock = self
        self._send = send
        self._gathered = bytearray(_GATHERED_BYTES)
        self._used = 0
        self._awaited_type = _PUBACK
        self._acknowledgement = b""

    @property
    def has_gathered(self):
        """Whether there is something to take."""
        return self._used > 0

    def take(self):
        """Return everything that was gathered since the last time; to be sent before more is."""
        taken = memoryview(self._gathered)[: self._used]
        self._used = 0
        # CPython's asyncio may keep what it is given, MicroPython's copies it.
        return taken if _IS_MICROPYTHON else bytes(taken)

    def connect_packet(self, is_clean):
        """Gather CONNECT of MQTT 3.1.1 (umqtt's own also opens the connection).

        Args:
            is_clean: Whether the server is to forget the last session.
        """
        flags = 0xC2 if is_clean else 0xC0
        fields = (self.client_id, self.user, self.pswd)
        length = 10
        for field in fields:
            length += 2 + len(field)
        self.write(bytes([_CONNECT]))
        self.write(_variable_length(length))
        self.write(b"\x00\x04MQTT\x04")
        self.write(struct.pack("!BH", flags, self.keepalive))
        for field in fields:
            self._send_str(field)

    def publish_packet(self, topic, payload, in_flight):
        """Gather a PUBLISH with QoS 1 and return its packet id.

        Args:
            topic: Bytes.
            payload: Bytes.
            in_flight: Packet ids that wait for their acknowledgement and must not be used.
        """
        self._next_packet_id(in_flight)
        self._awaited_type = _PUBACK
        self.publish(topic, payload, qos=1)
        return self.pid

    def subscribe_packet(self, topic, in_flight):
        """Gather a SUBSCRIBE that asks for QoS 1 and return its packet id."""
        self._next_packet_id(in_flight)
        self._awaited_type = _SUBACK
        self.subscribe(topic, qos=1)
        return self.pid

    def acknowledge_packet(self, packet_id):
        """Gather the PUBACK of a packet."""
        self.write(struct.pack("!BBH", _PUBACK, 2, packet_id))

    def disconnect_packet(self):
        """Gather DISCONNECT (umqtt's own also closes the socket)."""
        self.write(b"\xe0\x00")

    def _next_packet_id(self, in_flight):
        # umqtt counts on past 65,535 and never looks at what is in flight.
        while self.pid >= _LARGEST_PACKET_ID or self.pid + 1 in in_flight:
            self.pid = 0 if self.pid >= _LARGEST_PACKET_ID else self.pid + 1

    # What umqtt calls on its socket, and its wait for the acknowledgement.

    def write(self, data, length=None):
        """Gather bytes, as ``write`` of a MicroPython socket."""
        if length is not None:
            data = memoryview(data)[:length]
        if self._used + len(data) > _GATHERED_BYTES:
            self._send(self.take())
        if len(data) > _GATHERED_BYTES:
            self._send(data)
            return
        end = self._used + len(data)
        self._gathered[self._used : end] = data
        self._used = end

    def read(self, length):
        """Return bytes of the acknowledgement that umqtt waits for."""
        part = self._acknowledgement[:length]
        self._acknowledgement = self._acknowledgement[length:]
        return part

    def wait_msg(self):
        """Hand umqtt the acknowledgement of the packet that it has just written."""
        if self._awaited_type == _SUBACK:
            self._acknowledgement = struct.pack("!BHB", 3, self.pid, 1)
        else:
            self._acknowledgement = struct.pack("!BH", 2, self.pid)
        return self._awaited_type


def _variable_length(length):
    encoded = bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return encoded


def _no_callback(topic, payload):
    """Umqtt asks for a callback before SUBSCRIBE; here the link reads what comes."""
