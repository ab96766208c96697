"""A board that answers for days must not fill up: the heap after 10,000 commands is that before."""

from __future__ import annotations

from pathlib import Path

from host_tools.sim import SimulatedBoard
from tests.firmware.brokers import Caller, Mosquitto

COMMANDS = 10_000
IN_FLIGHT = 20
# The counts of getStats grow by digits; what is kept for each command would show as 100 times this.
SLACK_BYTES = 4_096


def used_memory(caller: Caller, number: int) -> int:
    stats = caller.call(number, "getStats")
    assert isinstance(stats, dict)
    return int(stats["usedMemory"])


def test_ten_thousand_commands_leave_the_heap_as_it_was(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        board = SimulatedBoard(
            folder=tmp_path / "flash",
            configuration={
                "device": "long-lived",
                "server": {"host": "127.0.0.1", "port": broker.port},
            },
            secrets={"token": "x"},
            runtime="micropython",
            compiled=True,
        )
        with board, Caller(broker.port) as caller:
            board.wait_for_line("connected to", 20)
            board.wait_for_line("the time is unknown", 20)  # nothing is under way any more
            payload = b'{"method":"listMethods"}'
            number = 0
            used = []
            for commands in (500, COMMANDS):
                for _ in range(commands // IN_FLIGHT):
                    for offset in range(IN_FLIGHT):
                        caller.send(number + offset, payload)
                    for offset in range(IN_FLIGHT):
                        caller.answer(number + offset)
                    number += IN_FLIGHT
                used.append(used_memory(caller, number))
                number += 1
            assert used[1] - used[0] < SLACK_BYTES, used
