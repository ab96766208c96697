"""Prints the erases of 10,000 once commands on genuine LittleFS, as JSON."""

import json
import sys

import bench
from torn_flash import TornFlash

from wakecall.registry import method
from wakecall.schema import Kind

_COMMANDS = 10_000


@method(Kind(default=None))
def pulse(agent, value):
    return {"pulsed": True}


def main(program_bytes, slot_bytes):
    TornFlash.program_bytes = program_bytes
    bench.Flash = TornFlash
    board = bench.Bench(pulse, slots=16, slot_bytes=slot_bytes)
    board.connect()
    before = sum(board.port.flash.memory.erases)
    for number in range(_COMMANDS):
        # 60 bytes of params, the most that a slot of the ESP32 holds itself (delivery.md 10).
        board.send(
            number, "pulse", {"pin": 23, "duration_ms": 250, "mode": "slow", "note": "0123456"}
        )
        board.run()
        board.link.confirm()
        board.connect_quietly()
    erases = board.port.flash.memory.erases
    told = {"commands": _COMMANDS, "erases": sum(erases) - before, "most": max(erases)}
    print(json.dumps(told))


main(int(sys.argv[1]), int(sys.argv[2]))
