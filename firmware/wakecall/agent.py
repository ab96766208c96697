"""The agent: keeps the link open, runs commands in order, calls the server."""

import asyncio

from micropython import const

from wakecall.calls import Calls
from wakecall.delivery import Delivery
from wakecall.errors import CallError, CommandError, LinkError, RefusedError
from wakecall.faults import describe, traceback_text
from wakecall.pins import Pins

_RADIO_TIMEOUT_MS = const(15000)
_CALL_TIMEOUT_MS = const(10000)
#: How long answers may wait for their confirmation before the board leaves all the same.
_SETTLE_TIMEOUT_MS = const(5000)
_SETTLE_POLL_S = 0.01
_FIRST_RETRY_MS = const(500)
_LONGEST_RETRY_MS = const(30000)
#: A refused token does not mend itself: ask seldom.
_REFUSED_RETRY_MS = const(60000)


class Agent:
    """One device.

    Args:
        port: The board's port.
        board: The content of ``board.json``.
        configuration: The content of ``config.json``, every key present.
        secrets: The content of ``secrets.json``.
        registry: The methods.
        link: The link to the server.
        log: Called with one line of text for what an owner wants to know.
    """

    def __init__(self, port, board, configuration, secrets, registry, link, log):
        self.port = port
        self.configuration = configuration
        self.registry = registry
        self.log = log
        self.pins = Pins(board, configuration["pins"]["allow"], port.machine)
        self._secrets = secrets
        self._link = link
        self._is_online = False
        self._delivery = Delivery(registry, self.pins)
        self._calls = Calls(port.random_below(0x3FFFFFFF))
        self._work_there = asyncio.Event()
        self._leave = None
        self._asking_time = None

    async def run(self):
        """Serve for ever; returns only when the board leaves (see ``leave_then``)."""
        worker = asyncio.create_task(self._work())
        checker = asyncio.create_task(self._check())
        retry_ms = _FIRST_RETRY_MS
        while self._leave is None:
            try:
                await self._connect()
                retry_ms = _FIRST_RETRY_MS
                await self._link.serve()
            except LinkError as error:
                self.log("offline: %s" % error)
                if isinstance(error, RefusedError):
                    retry_ms = _REFUSED_RETRY_MS
            await self._disconnect()
            if self._leave is None:
                # Jitter, so that boards that lost one server do not return all at once.
                await asyncio.sleep((retry_ms // 2 + self.port.random_below(retry_ms)) / 1000)
                retry_ms = min(retry_ms * 2, _LONGEST_RETRY_MS)
        checker.cancel()
        await worker

    async def call(self, method, params=None, timeout_ms=_CALL_TIMEOUT_MS):
        """Call a method of the server and return its answer, any JSON value.

        Args:
            method: Its name, for example ``getCurrentTime``.
            params: Any JSON value.
            timeout_ms: How long to wait for the answer.

        Raises:
            CallError: No answer: no link, no time, or nobody there who knows the method.
        """
        if not self._is_online:
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

    def leave_then(self, action):
        """Once the running command's answer is confirmed, disconnect in order and do something.

        Args:
            action: Called without arguments; for example the port's ``reset``.
        """
        self._leave = action

    # What the link brings

    def command_arrived(self, link, packet_id, request_id, payload, payload_length):
        """Take a command from a link."""
        if self._calls.is_open(request_id):
            # A general broker hands our own call back as a command; ThingsBoard does not.
            if packet_id is not None:
                link.acknowledge(packet_id)
            return
        now_ms = self.port.now_ms()
        self._delivery.arrived(now_ms, link, packet_id, request_id, payload, payload_length)
        self._work_there.set()

    def call_answered(self, call_id, payload):
        """Take the server's answer to a call."""
        self._calls.answered(call_id, payload)

    # Connection

    async def _connect(self):
        wifi = self.configuration["wifi"]
        await self.port.connect_radio(wifi["ssid"], self._secrets["wifi_key"], _RADIO_TIMEOUT_MS)
        await self._link.open(self)
        self._is_online = True
        self.log("connected to %s as %s" % (self._link.address, self.configuration["device"]))
        if self.port.epoch_ms() is None:
            self._asking_time = asyncio.create_task(self._ask_time())

    async def _disconnect(self):
        self._is_online = False
        await self._link.close()
        self._delivery.link_lost(self._link)
        self._calls.link_lost()

    async def _ask_time(self):
        try:
            epoch_ms = await self.call("getCurrentTime")
        except CallError as error:
            self.log("the time is unknown: %s" % error)
            return
        if isinstance(epoch_ms, int):
            self.port.set_epoch_ms(epoch_ms)
            self.log("the time is %d ms" % epoch_ms)

    # Commands

    async def _work(self):
        while self._leave is None:
            command = self._delivery.next()
            if command is None:
                await self._work_there.wait()
                self._work_there.clear()
                continue
            try:
                self._delivery.ran(command, await self._run(command))
            except CommandError as error:
                self._delivery.failed(command, error)
        await self._settle()
        await self._disconnect()
        self._leave()

    async def _run(self, command):
        """Run a handler and return what it returned, or raise ``CommandError``."""
        try:
            result = command.method.run(self, command.arguments)
            if hasattr(result, "send"):  # a coroutine, on both interpreters
                result = await self._in_time(result, command.method)
            return result
        except CommandError:
            raise
        except (Exception, SystemExit) as error:
            self.log(traceback_text(error))
            raise CommandError("INTERNAL", describe(error), "unknown")

    async def _in_time(self, coroutine, method):
        limit_ms = self.configuration["time_limit_ms"]
        try:
            return await asyncio.wait_for(coroutine, limit_ms / 1000)
        except asyncio.TimeoutError:
            raise CommandError(
                "DEADLINE_EXCEEDED", "%s ran longer than %d ms" % (method.name, limit_ms), "unknown"
            )

    async def _settle(self):
        deadline_ms = self.port.now_ms() + _SETTLE_TIMEOUT_MS
        while not self._delivery.is_settled and self.port.now_ms() < deadline_ms:
            await asyncio.sleep(_SETTLE_POLL_S)

    async def _check(self):
        """Acknowledge in time what waits behind a slow command."""
        while True:
            next_ms = self._delivery.next_check_ms(self.port.now_ms())
            if next_ms is None:
                await asyncio.sleep(1)
            else:
                await asyncio.sleep(max(next_ms - self.port.now_ms(), 0) / 1000)
