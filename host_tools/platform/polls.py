"""HTTP long polls: a device asks and waits (``thingsboard-rpc.md`` 2)."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from host_tools.mqtt import Reason
from host_tools.platform.actor import DeviceActor
from host_tools.rpc import Command, Delivery, SessionKind

Result = TypeVar("Result")


class PollEndedError(Exception):
    """The server ends a poll before its time.

    Args:
        reason: Why.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.name)
        self.reason = reason


class Poll(Generic[Result]):
    """Something that a device waits for, at most once."""

    def __init__(self) -> None:
        self._future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    @property
    def is_open(self) -> bool:
        """Whether the device still waits."""
        return not self._future.done()

    def give(self, result: Result) -> None:
        """End the poll with a result; a poll that is over ignores it."""
        if self.is_open:
            self._future.set_result(result)

    def close(self, reason: Reason) -> None:
        """End the poll from the server's side."""
        if self.is_open:
            self._future.set_exception(PollEndedError(reason))

    async def wait(self, timeout_s: float, gone: asyncio.Future[None]) -> Result:
        """Wait for the result.

        Args:
            timeout_s: How long; TimeoutError after it.
            gone: Done when the device has closed its connection; ConnectionError then.

        Raises PollEndedError when the server ended the poll.
        """
        await asyncio.wait(
            (self._future, gone), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        if self._future.done():
            return self._future.result()
        self._future.cancel()
        if gone.done():
            raise ConnectionError
        raise TimeoutError


class CommandPoll(Poll[Command]):
    """A poll for the next command; a session that is used up by one (5.4)."""

    def send(self, command: Command) -> Delivery | None:
        """Take a command; it counts as delivered unless the device has stopped to wait."""
        if not self.is_open:
            return None
        self.give(command)
        return Delivery.DELIVERED

    def forget(self) -> None:
        """Do nothing: a poll reports nothing later."""


async def next_command(
    actor: DeviceActor, timeout_s: float, gone: asyncio.Future[None], *, strict: bool
) -> Command:
    """Wait for the next command of a device that polls.

    Args:
        actor: The device.
        timeout_s: How long; TimeoutError after it.
        gone: Done when the device has closed its connection; ConnectionError then.
        strict: Leave the subscription behind when the poll ends, as ThingsBoard does: the next
            one-way call goes to nobody and is reported as sent (2).

    Raises PollEndedError when the server ended the poll.
    """
    poll = CommandPoll()
    actor.open_poll(poll)
    try:
        actor.subscribe(poll, SessionKind.SYNC)
        return await poll.wait(timeout_s, gone)
    finally:
        actor.close_poll(poll)
        if not strict:
            actor.unsubscribe(poll)
