"""The agent: keeps the link open, runs commands in order, calls the server."""

import asyncio

from micropython import const

from wakecall.calls import Calls
from wakecall.clock import keep_time
from wakecall.errors import CallError, CommandError, LinkError, RefusedError
from wakecall.faults import describe, traceback_text
from wakecall.patience import Patience
from wakecall.retained import RetainedStates
from wakecall.uplink import Uplink

_RADIO_TIMEOUT_MS = const(15000)
_CALL_TIMEOUT_MS = const(10000)
#: How long answers may wait for their confirmation before the board leaves all the same.
_SETTLE_TIMEOUT_MS = const(5000)
#: The same when commands had to be left to the server: it waits 10 s for a PUBACK (delivery.md 6).
_LEAVE_TIMEOUT_MS = const(8000)
_SETTLE_POLL_S = 0.01
#: The client attribute in which the server remembers the board's journal.
_EPOCH_KEY = "journalEpoch"
#: The client attribute by which senders see that this agent understands ``_id`` and ``_exp``.
_ABILITIES = {"name": "wakecall", "identity": True}


class Agent:
    """One device.

    Args:
        port: The board's port.
        configuration: The content of ``config.json``, every key present.
        secrets: The content of ``secrets.json``.
        registry: The methods.
        pins: The board's pins.
        journal: The opened journal.
        boots: The boot record, begun.
        delivery: The life of commands.
        link: The link to the server.
        log: Called with one line of text for what an owner wants to know.
    """

    def __init__(
        self, port, configuration, secrets, registry, pins, journal, boots, delivery, link, log
    ):
        self.port = port
        self.configuration = configuration
        self.registry = registry
        self.pins = pins
        self.log = log
        self.journal = journal
        self.boots = boots
        self.delivery = delivery
        #: The name of the link whose command began to run last.
        self.caller = ""
        #: A configuration that was set by command and has to prove itself, or None.
        self.trial = None
        #: How often a connection was opened.
        self.connections = 0
        self._secrets = secrets
        self._retained = RetainedStates(port)
        self._link = link
        self._connection = None
        #: Set while there is a link to the server.
        self.online = asyncio.Event()
        self._calls = Calls(port.random_below(0x3FFFFFFF))
        self._uplink = Uplink(self, link)
        self._attention = asyncio.Event()
        self._tasks = []
        self._leave = None

    async def run(self):
        """Serve for ever; returns only when the board leaves (see ``leave_then``)."""
        self.delivery.is_careful = self.boots.was_unclean
        self._retained.restore(self)
        if self.trial is not None:
            await self.trial.run(self)
        self.delivery.recover()
        self._start(keep_time(self))
        patience = Patience(self.port)
        while self._leave is None:
            self._pump()
            try:
                await self._connect()
                patience.reached()
                await self._link.serve()
            except LinkError as error:
                if not self._must_return():
                    self.log("offline: %s" % error)
                was_refused = isinstance(error, RefusedError)
            returns_at_once = self._must_return()
            await self._disconnect()
            if not returns_at_once:
                await asyncio.sleep(patience.pause_ms(was_refused) / 1000)
        self.journal.settle()
        self.boots.end()
        self._leave()

    async def call(self, method, params=None, timeout_ms=_CALL_TIMEOUT_MS):
        """Call a method of the server and return its answer, any JSON value.

        Args:
            method: Its name, for example ``getCurrentTime``.
            params: Any JSON value.
            timeout_ms: How long to wait for the answer.

        Raises:
            CallError: No answer: no link, no time, or nobody there who knows the method.
        """
        if not self.online.is_set():
            raise CallError("UNAVAILABLE", "%s: there is no link to the server" % method)
        done = asyncio.Event()
        call_id, payload, call = self._calls.start(method, params, done.set)
        self._link.ask(call_id, payload)
        try:
            await asyncio.wait_for(done.wait(), timeout_ms / 1000)
        except asyncio.TimeoutError:
            raise CallError("DEADLINE_EXCEEDED", "%s: no answer in %d ms" % (method, timeout_ms))
        finally:
            self._calls.forget(call_id)
        return call.result()

    async def attributes(self, values, timeout_ms=_CALL_TIMEOUT_MS):
        """Publish client attributes and wait until the server has them.

        Args:
            values: Name to any JSON value.
            timeout_ms: How long to wait.

        Raises:
            CallError: They cannot be sent; there is no link, or no confirmation in time.
        """
        await self._uplink.publish("attributes", values, timeout_ms)

    async def telemetry(self, values, timeout_ms=_CALL_TIMEOUT_MS):
        """Publish telemetry as ``attributes``; also a list, or with times of its own.

        ``{"ts": milliseconds since 1970, "values": {...}}`` gives the values a time.
        """
        await self._uplink.publish("telemetry", values, timeout_ms)

    async def claim(self, secret="", duration_ms=None, timeout_ms=_CALL_TIMEOUT_MS):
        """Let a customer of the server claim the device (reference/thingsboard-rpc.md 1.8).

        Args:
            secret: What the customer has to know.
            duration_ms: For how long; None leaves that to the server.
            timeout_ms: How long to wait for the server to confirm; errors as ``attributes``.
        """
        values = {"secretKey": secret}
        if duration_ms is not None:
            values["durationMs"] = duration_ms
        await self._uplink.publish("claim", values, timeout_ms)

    def leave_then(self, action):
        """Once the running command's answer is confirmed, disconnect in order and do something.

        Args:
            action: Called without arguments; for example the port's ``reset``.
        """
        self._leave = action

    async def probe(self):
        """Find out whether the server can be reached and takes the token; nothing is subscribed.

        Raises:
            LinkError: It cannot, or does not.
        """
        await self._join_network()
        try:
            await self._link.open(None)
        finally:
            await self._link.close()

    # What the link brings

    def command_arrived(self, link, packet_id, request_id, payload, payload_length):
        """Take a command from a link."""
        if self._calls.is_open(request_id):
            # A general broker hands our own call back as a command; ThingsBoard does not.
            if packet_id is not None:
                link.acknowledge(packet_id)
            return
        self.delivery.arrived(self._connection, packet_id, request_id, payload, payload_length)

    def call_answered(self, call_id, payload):
        """Take the server's answer to a call."""
        self._calls.answered(call_id, payload)

    def fenced(self, link, client, shared):
        """Take note that all pending commands have arrived.

        Args:
            link: The link.
            client: The client attributes that were asked for.
            shared: The shared attributes, or None when the server did not tell.
        """
        announced = client.get(_EPOCH_KEY)
        if shared is not None:
            self.attributes_changed(link, shared, are_all=True)
        self.delivery.fenced(self._connection, announced)
        if announced != self.journal.epoch:
            self._start(self._announce())
        self._pump()

    @property
    def shared_keys(self):
        """The shared attributes that somebody wants, comma-separated; empty for none."""
        return ",".join([key for handler in self.registry.handlers for key in handler.keys])

    def attributes_changed(self, link, values, are_all=False):
        """Hand shared attributes to their handlers.

        Args:
            link: The link.
            values: Name to value; as a change it names deleted ones under ``deleted``.
            are_all: Whether what is missing does not exist, for those of ``shared_keys``.
        """
        for handler in self.registry.handlers:
            handler.take(self, values, are_all)

    def burst_ended(self, link):
        """Run what has arrived."""
        self._pump()
        connection = self._connection
        if connection.is_fenced and self.delivery.is_idle and not self.delivery.owes(connection):
            # One whole cycle went well: no command here crashes the board.
            self.delivery.is_careful = False

    # Connection

    def _must_return(self):
        """Whether to connect again without a pause: commands were left to the server."""
        leaves = self._connection is not None and self._connection.is_leaving
        return leaves or self._leave is not None

    async def _connect(self):
        await self._join_network()
        self._connection = self.delivery.connected(self._link)
        await self._link.open(self)
        self.connections += 1
        self.log("connected to %s as %s" % (self._link.address, self.configuration["device"]))
        self._start(self._attend(self._connection))
        self._link.fence(_EPOCH_KEY, self.shared_keys)
        self.online.set()

    async def _join_network(self):
        wifi = self.configuration["wifi"]
        await self.port.connect_radio(wifi["ssid"], self._secrets["wifi_key"], _RADIO_TIMEOUT_MS)

    async def _disconnect(self):
        connection = self._connection
        self._connection = None
        self.online.clear()
        await self._link.close()
        if connection is not None:
            self.delivery.lost(connection)
        self._attention.set()
        self._calls.link_lost()
        self._uplink.link_lost()

    async def _attend(self, connection):
        """Do in time what no arriving packet triggers, until the connection is lost."""
        while not connection.is_lost:
            next_ms = self.delivery.next_check_ms(connection)
            self._pump()
            if self._must_return():
                limit_ms = _LEAVE_TIMEOUT_MS if self._leave is None else _SETTLE_TIMEOUT_MS
                await self._settle(connection, limit_ms)
                await self._link.close()
                return
            self._attention.clear()
            if next_ms is None:
                await self._attention.wait()
                continue
            left_ms = max(next_ms - self.port.now_ms(), 0)
            try:
                await asyncio.wait_for(self._attention.wait(), left_ms / 1000)
            except asyncio.TimeoutError:
                pass

    async def _settle(self, connection, limit_ms):
        deadline_ms = self.port.now_ms() + limit_ms
        while self.delivery.owes(connection) or not (self.delivery.is_idle or self._leave):
            if connection.is_lost or self.port.now_ms() >= deadline_ms:
                return
            await asyncio.sleep(_SETTLE_POLL_S)

    def time_set(self):
        """Take note that the time is known: commands with an expiry waited for it."""
        self._pump()

    async def _announce(self):
        try:
            await self.attributes({_EPOCH_KEY: self.journal.epoch, "agent": _ABILITIES})
        except CallError as error:
            self.log("not announced: %s" % error)

    def _start(self, coroutine):
        # CPython forgets a task that nobody holds.
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(coroutine))

    # Commands

    def _pump(self):
        """Run commands in order, until one has to be awaited."""
        while self._leave is None:
            command = self.delivery.next()
            if command is None:
                break
            if command.connection is not None:
                self.caller = command.connection.link.name
            if command.slot is not None and self._connection is not None:
                # Its PUBACK leaves before the run, however long that takes (delivery.md 5).
                self._link.flush()
            try:
                result = command.method.run(self, command.arguments, command.hook)
            except (Exception, SystemExit) as error:
                self.delivery.failed(command, self._as_command_error(error))
                continue
            if hasattr(result, "send"):  # a coroutine, on both interpreters
                self._start(self._await(command, result))
            else:
                self._ran(command, result)
        connection = self._connection
        if connection is not None and (connection.unacknowledged or self._must_return()):
            self._attention.set()

    async def _await(self, command, coroutine):
        limit_ms = self.configuration["time_limit_ms"]
        try:
            result = await asyncio.wait_for(coroutine, limit_ms / 1000)
        except asyncio.TimeoutError:
            told = "%s ran longer than %d ms" % (command.method.name, limit_ms)
            self.delivery.failed(command, CommandError("DEADLINE_EXCEEDED", told, "unknown"))
        except (Exception, SystemExit) as error:
            self.delivery.failed(command, self._as_command_error(error))
        else:
            self._ran(command, result)
        self._pump()

    def _ran(self, command, result):
        if result is None and self._leave is not None and command.method.complete is not None:
            # Its hook answers after the restart.
            return
        if command.hook is not None and result is None:
            # The hook is certain that the effect never happened.
            command.hook = None
            self.delivery.again(command)
            return
        if command.method.retain is not None:
            # Before the PUBACK: a cut in between brings the command again.
            self._retained.keep(self, command)
        self.delivery.ran(command, result)

    def _as_command_error(self, error):
        if isinstance(error, CommandError):
            return error
        self.log(traceback_text(error))
        return CommandError("INTERNAL", describe(error), "unknown")
