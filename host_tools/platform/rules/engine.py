"""Brings messages to the rules, and the answers of rules to the devices that wait for them."""

from __future__ import annotations

import asyncio
import functools
import logging
import uuid
from collections.abc import Callable

from host_tools.json_text import Json
from host_tools.platform.directory import DeviceDirectory
from host_tools.platform.events import Event
from host_tools.platform.rules.loader import Generator, Rule, RuleSet
from host_tools.platform.rules.message import TO_SERVER_RPC_REQUEST, Message, Nodes
from host_tools.platform.rules.worker import Worker
from host_tools.platform.settings import Settings

log = logging.getLogger(__name__)

Reply = Callable[[bytes], None]

TIMEOUT_ANSWER = b'{"error":"timeout"}'
SERVICE_ID = "wakecall"


class RuleEngine:
    """Runs the rules of a platform.

    Args:
        settings: For timeouts.
        devices: Names and types, for the metadata.
        rule_set: The rules.
    """

    def __init__(self, settings: Settings, devices: DeviceDirectory, rule_set: RuleSet) -> None:
        self._settings = settings
        self._devices = devices
        self._rule_set = rule_set
        self._calls: dict[str, tuple[Reply, asyncio.TimerHandle]] = {}
        self._workers: dict[str, Worker] = {}
        self._generators: list[asyncio.Task[None]] = []
        self._nodes: Nodes | None = None

    def start(self, nodes: Nodes) -> None:
        """Begin to run; ``nodes`` is what the rules act with."""
        self._nodes = nodes
        limit_s = self._settings.rule_timeout_ms / 1_000
        names = [rule.name for rule in self._rule_set.rules]
        names += [generator.name for generator in self._rule_set.generators]
        self._workers = {name: Worker(name, limit_s) for name in names}
        for generator in self._rule_set.generators:
            self._generators.append(asyncio.create_task(self._generate(generator)))

    def stop(self) -> None:
        """Run nothing any more."""
        for task in self._generators:
            task.cancel()
        for worker in self._workers.values():
            worker.stop()
        for _, timer in self._calls.values():
            timer.cancel()
        self._calls.clear()

    def client_call(
        self, device_id: str, method: str, params: Json, request_id: int, reply: Reply
    ) -> None:
        """Take a call of a device; ``reply`` is called once, at the latest after the timeout."""
        session_id = str(uuid.uuid4())
        wait_s = self._settings.client_rpc_timeout_ms / 1_000
        timer = asyncio.get_running_loop().call_later(
            wait_s, self.reply, session_id, TIMEOUT_ANSWER
        )
        self._calls[session_id] = (reply, timer)
        metadata = self._about(device_id) | {
            "requestId": str(request_id),
            "serviceId": SERVICE_ID,
            "sessionId": session_id,
        }
        data = {"method": method, "params": params}
        self.dispatch(Message(TO_SERVER_RPC_REQUEST, device_id, data, metadata))

    def reply(self, session_id: str, answer: bytes) -> bool:
        """Answer the call of a session; False when it is not open any more."""
        reply, timer = self._calls.pop(session_id, (None, None))
        if reply is None or timer is None:
            return False
        timer.cancel()
        reply(answer)
        return True

    def event(self, event: Event) -> None:
        """Take something that happened; messages about persistent calls have no metadata (6.1)."""
        if any(event.type in rule.types for rule in self._rule_set.rules):
            about = {} if event.type.startswith("RPC_") else self._about(event.device_id)
            self.dispatch(Message(event.type, event.device_id, event.data, about))

    def dispatch(self, message: Message) -> None:
        """Give a message to every rule that wants it."""
        for rule in self._rule_set.rules:
            if message.type in rule.types:
                self._workers[rule.name].put(functools.partial(self._run, rule, message))

    def _run(self, rule: Rule, message: Message) -> None:
        assert self._nodes is not None
        rule.function(message, self._nodes)

    async def _generate(self, generator: Generator) -> None:
        loop = asyncio.get_running_loop()

        def make() -> None:
            assert self._nodes is not None
            message = generator.function(self._nodes)
            if isinstance(message, Message):
                loop.call_soon_threadsafe(self.dispatch, message)

        made = 0
        while not generator.count or made < generator.count:
            self._workers[generator.name].put(make)
            made += 1
            await asyncio.sleep(generator.period_s)

    def _about(self, device_id: str) -> dict[str, str]:
        device = self._devices.by_id(device_id)
        if device is None:
            return {}
        return {"deviceName": device.name, "deviceType": device.type}
