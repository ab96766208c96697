"""The MQTT link: one connection to a ThingsBoard server, with a deadline for every wait.

Three tasks serve a connection: one reads, one writes what was gathered, one watches the deadlines.
A broken link is told by ``serve``; what is above decides when to open it again.
"""

import asyncio
import gc
import json

from micropython import const

from wakecall.errors import LinkError, RefusedError
from wakecall.faults import describe
from wakecall.links import topics
from wakecall.links.connect import address, connect, trouble
from wakecall.links.packet_reader import PacketReader, publish_parts
from wakecall.links.packet_writer import PacketWriter
from wakecall.links.replies import Replies

_CONNACK = const(0x20)
_PUBLISH = const(0x30)
_PUBACK = const(0x40)
_SUBACK = const(0x90)
_PINGRESP = const(0xD0)

_READ_BYTES = const(1024)
_REPLY_TIMEOUT_MS = const(5000)
#: How much later than its time a reply may be read.
_GRACE_MS = const(50)
_CLOSE_TIMEOUT_S = const(1)
_SUBSCRIPTION_REFUSED = const(0x80)
#: CONNACK codes that mean the credentials (reference/thingsboard-rpc.md 1.1); the rest may pass.
_CREDENTIALS_REFUSED = (2, 4, 5)

#: A server that has said nothing for so long after the subscription has nothing more to say.
_QUIET_MS = const(2000)


class MqttLink:
    """A link over MQTT 3.1.1 in ThingsBoard's topics.

    Args:
        port: The board's port.
        server: ``host``, ``port``, ``tls`` and ``profile`` of the configuration.
        token: The device's access token.
        client_id: A text that is unique among the server's clients.
        keepalive_s: Seconds of silence after which the server is asked whether it is there.
        payload_limit: The largest payload in bytes that is taken.
    """

    #: How rights and statistics call it.
    name = "mqtt"
    #: What this link can promise (delivery.md 11); the delivery rules ask these, not its name.
    acknowledges = True
    pushes = True
    fences = True

    def __init__(self, port, server, token, client_id, keepalive_s, payload_limit):
        self._port = port
        self._server = server
        self._token = token
        self._client_id = client_id
        self._keepalive_ms = keepalive_s * 1000
        # A PUBLISH carries its topic and packet id beside the payload.
        self._packet_limit = payload_limit + 2 + len(topics.COMMANDS) + 11 + 2
        #: Made once, while there is room for it in one piece.
        self._arriving = bytearray(_READ_BYTES)
        self._receiver = None
        self._writer = None
        self._tasks = []

    @property
    def address(self):
        """The server as ``host:port``."""
        return address(self._server)

    async def open(self, receiver):
        """Connect and subscribe.

        Args:
            receiver: Gets ``command_arrived``, ``call_answered``, ``attributes_changed`` and
                ``fenced`` for what the server sends, and ``burst_ended`` after each read; has
                ``shared_keys``. None only tries the connection: what comes will come again.

        Raises:
            RefusedError: The server does not accept the token.
            LinkError: It cannot be reached, or does not answer in time.
        """
        self._receiver = receiver
        self._fault = None
        self._broken = asyncio.Event()
        self._outgoing = asyncio.Event()
        self._deadlines_changed = asyncio.Event()
        self._replies = Replies()
        self._is_late = False
        self._is_reading = False
        #: When the watching task looks by itself; it is woken for what is due earlier only.
        self._next_look_ms = self._port.now_ms() + self._keepalive_ms
        self._is_fencing = False
        self._incoming = PacketReader(self._packet_limit)
        self._packets = PacketWriter(
            self._send,
            self._client_id.encode(),
            self._token.encode(),
            b"",
            self._keepalive_ms // 1000,
        )
        reader, self._writer = await connect(self._port, self._server)
        self._heard_ms = self._sent_ms = self._port.now_ms()
        self._tasks = [
            asyncio.create_task(self._read(reader)),
            asyncio.create_task(self._write()),
            asyncio.create_task(self._watch()),
        ]
        is_broker = self._server["profile"] == "broker"
        self._packets.connect_packet(is_clean=not is_broker)
        await self._reply(_CONNACK, 0)
        if receiver is None:
            return
        # ThingsBoard's subscriptions end with their connection, whatever CONNACK says
        # (thingsboard-rpc.md 0.3); a general broker keeps them with the session.
        filters = () if is_broker and self._has_session else topics.SUBSCRIPTIONS
        # A session does not know whether the owner's files have changed since.
        for topic in ((topics.ATTRIBUTES,) if receiver.shared_keys else ()) + filters:
            packet_id = self._packets.subscribe_packet(topic, self._in_flight())
            await self._reply(_SUBACK, packet_id)

    def fence(self, client_keys, shared_keys):
        """Find out when all pending commands have arrived; ``fenced`` of the receiver is told.

        An attribute request is answered after them (delivery.md 11); where no answer comes, the
        silence that follows them tells it.

        Args:
            client_keys: Names of client attributes, comma-separated, whose values the receiver
                gets.
            shared_keys: Those of shared ones; may be empty.
        """
        self._is_fencing = True
        if self._server["profile"] == "thingsboard":
            keys = {"clientKeys": client_keys}
            if shared_keys:
                keys["sharedKeys"] = shared_keys
            self._publish(topics.ATTRIBUTES_ASKED, json.dumps(keys).encode(), None)
        self._deadlines_changed.set()

    async def serve(self):
        """Wait until the link breaks.

        Raises:
            LinkError: Always, with the reason.
        """
        await self._broken.wait()
        raise self._fault

    async def close(self):
        """Send DISCONNECT if the link still stands, and free everything; never fails."""
        if self._writer is None:
            return
        writer = self._writer
        self._writer = None
        for task in self._tasks:
            task.cancel()
        is_sound = self._fault is None
        self._break(LinkError("closed"))
        if is_sound:
            self._packets.disconnect_packet()
            try:
                writer.write(self._packets.take())
                await asyncio.wait_for(writer.drain(), _CLOSE_TIMEOUT_S)
            except (OSError, asyncio.TimeoutError):
                pass
        try:
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), _CLOSE_TIMEOUT_S)
        except (OSError, asyncio.TimeoutError):
            pass

    def acknowledge(self, packet_id):
        """Acknowledge a command; leaves with everything else that is said before the next wait."""
        self._packets.acknowledge_packet(packet_id)
        self._wake_writer()

    def answer(self, request_id, payload, on_confirmed):
        """Send an answer.

        Args:
            request_id: The command's request id as text.
            payload: Bytes of JSON.
            on_confirmed: Called without arguments once the server has it.
        """
        self._publish(topics.ANSWERS + request_id.encode(), payload, on_confirmed)

    def ask(self, call_id, payload):
        """Send a call to the server; its answer comes to ``call_answered`` of the receiver."""
        self._publish(topics.COMMANDS + call_id.encode(), payload, None)

    def publish(self, kind, payload, on_confirmed):
        """Send ``attributes``, ``telemetry`` or a ``claim``: bytes of JSON; else as ``answer``."""
        self._publish(topics.PUBLISHED[kind], payload, on_confirmed)

    def flush(self):
        """Hand what was gathered to the network now, before something that takes long."""
        if self._packets.has_gathered:
            self._send(self._packets.take())

    def _send(self, data):
        if self._writer is not None:
            self._writer.write(data)
            self._sent_ms = self._port.now_ms()
            if getattr(self._writer, "out_buf", None):
                # MicroPython: what the network did not take at once is for the writing task.
                self._outgoing.set()

    def _publish(self, topic, payload, on_confirmed):
        packet_id = self._packets.publish_packet(topic, payload, self._in_flight())
        self._expect(_PUBACK, packet_id, on_confirmed)

    def _expect(self, packet_type, packet_id, on_reply):
        deadline_ms = self._port.now_ms() + _REPLY_TIMEOUT_MS
        if deadline_ms < self._next_look_ms:
            self._deadlines_changed.set()
        self._replies.expect(packet_type, packet_id, deadline_ms, on_reply)
        self._wake_writer()

    def _wake_writer(self):
        # What is said while bytes are read leaves right behind them, without another task's turn.
        if not self._is_reading:
            self._outgoing.set()

    async def _reply(self, packet_type, packet_id):
        arrived = asyncio.Event()
        self._expect(packet_type, packet_id, arrived.set)
        while not arrived.is_set():
            # A broken link sets every event that somebody waits for.
            await arrived.wait()
        if self._fault is not None:
            raise self._fault

    def _in_flight(self):
        return self._replies.packet_ids

    def _break(self, error):
        if self._fault is not None:
            return
        self._fault = error
        self._broken.set()
        # Only those who wait in open() are told; an answer was not confirmed by this.
        self._replies.give_up((_CONNACK, _SUBACK))

    # The three tasks

    async def _read(self, reader):
        try:
            while True:
                data = await self._arrived(reader)
                if data is None:  # MicroPython: nothing there after all
                    continue
                if not data:
                    raise LinkError("%s closed the connection" % self.address)
                self._heard_ms = self._port.now_ms()
                self._is_late = False
                self._is_reading = True
                for first_byte, body, length in self._incoming.feed(data):
                    self._handle(first_byte, body, length)
                if self._receiver is not None:
                    self._receiver.burst_ended(self)
                self._is_reading = False
                self.flush()
        except LinkError as error:
            self._break(error)
        except OSError as error:
            self._break(trouble(self._server, error))
        except MemoryError:
            gc.collect()
            self._break(LinkError("out of memory while reading"))
        except Exception as error:  # a fault of ours: it must not leave the link deaf
            self._break(LinkError("fault while reading: %s" % describe(error)))

    async def _arrived(self, reader):
        """Return the next bytes, none at the end of the stream, or None."""
        if not hasattr(reader, "readinto"):  # CPython's
            return await reader.read(_READ_BYTES)
        try:
            count = await reader.readinto(self._arriving)
        except ValueError as error:
            raise trouble(self._server, error)
        return memoryview(self._arriving)[:count] if count else count

    async def _write(self):
        try:
            while True:
                await self._outgoing.wait()
                self.flush()
                self._outgoing.clear()
                await self._writer.drain()
        except (OSError, ValueError) as error:
            self._break(trouble(self._server, error))

    async def _watch(self):
        while self._fault is None:
            now_ms = self._port.now_ms()
            wait_ms = self._check_deadlines(now_ms)
            self._next_look_ms = now_ms + wait_ms
            try:
                await asyncio.wait_for(self._deadlines_changed.wait(), wait_ms / 1000)
            except asyncio.TimeoutError:
                pass
            self._deadlines_changed.clear()

    def _check_deadlines(self, now_ms):
        """Act on what is due and return the milliseconds until the next look."""
        quiet_ms = now_ms - min(self._heard_ms, self._sent_ms)
        if quiet_ms >= self._keepalive_ms:
            if not self._replies.has(_PINGRESP):
                self._packets.ping()
                self._expect(_PINGRESP, 0, None)
            # While a PINGRESP is awaited, its deadline is the next look.
            quiet_ms = 0
        left_ms = self._keepalive_ms - quiet_ms
        if self._is_fencing:
            left_ms = min(left_ms, self._check_silence(now_ms))
        deadline_ms = self._replies.deadline_ms
        if deadline_ms is None:
            return left_ms
        if deadline_ms > now_ms:
            return min(left_ms, deadline_ms - now_ms)
        if self._is_late:
            self._break(LinkError("%s does not answer" % self.address))
        # Behind a handler that blocked, the reply may be there and not read yet.
        self._is_late = True
        return _GRACE_MS

    def _check_silence(self, now_ms):
        silent_ms = now_ms - self._heard_ms
        if silent_ms < _QUIET_MS:
            return _QUIET_MS - silent_ms
        self._is_fencing = False
        self._receiver.fenced(self, {}, None)
        return self._keepalive_ms

    # What comes in

    def _handle(self, first_byte, body, length):
        packet_type = first_byte & 0xF0
        if packet_type == _PUBLISH:
            if self._receiver is not None:
                self._handle_publish(first_byte, body, length)
        elif packet_type == _CONNACK and len(body) == 2:
            self._has_session = bool(body[0] & 1)
            self._handle_connack(body[1])
        elif packet_type == _PINGRESP:
            self._replies.arrived(_PINGRESP, 0)
        elif packet_type == _PUBACK and len(body) == 2:
            self._replies.arrived(_PUBACK, body[0] << 8 | body[1])
        elif packet_type == _SUBACK and len(body) == 3:
            if body[2] == _SUBSCRIPTION_REFUSED:
                raise LinkError("%s refused a subscription" % self.address)
            self._replies.arrived(_SUBACK, body[0] << 8 | body[1])
        else:
            raise LinkError(
                "%s sent packet 0x%02x of %d bytes" % (self.address, first_byte, length)
            )

    def _handle_connack(self, code):
        if code in _CREDENTIALS_REFUSED:
            raise RefusedError("%s refused the token (code %d)" % (self.address, code))
        if code:
            raise LinkError("%s refused the connection (code %d)" % (self.address, code))
        self._replies.arrived(_CONNACK, 0)

    def _handle_publish(self, first_byte, body, length):
        missing = length - len(body)
        topic, packet_id, payload = publish_parts(first_byte, body)
        payload_length = len(payload) + missing
        if topic.startswith(topics.COMMANDS):
            request_id = topics.last_level(topic, topics.COMMANDS)
            self._receiver.command_arrived(self, packet_id, request_id, payload, payload_length)
            return
        if packet_id is not None:
            self.acknowledge(packet_id)
        if payload_length != len(payload):
            return
        if topic.startswith(topics.ANSWERS):
            self._receiver.call_answered(topics.last_level(topic, topics.ANSWERS), payload)
        elif topic == topics.ATTRIBUTES:
            self._receiver.attributes_changed(self, topics.read_object(payload))
        elif topic == topics.ATTRIBUTES_ANSWER and self._is_fencing:
            self._is_fencing = False
            content = topics.read_object(payload)
            self._receiver.fenced(
                self, topics.section(content, "client"), topics.section(content, "shared")
            )
