"""Faults of a chip that is flashed: which one, at which request, how often."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from host_tools.sim.esp_rom_wire import Operation


class FaultKind(Enum):
    """What goes wrong."""

    DROPPED_ANSWER = "the request is carried out, its answer gets lost"
    DROPPED_REQUEST = "the request gets lost"
    WRONG_CHECKSUM = "the request arrives with a flipped bit, so its check sum is wrong"
    WRONG_MD5 = "the flash reads back other bytes than were written"
    RESET = "the chip is reset when the request arrives, as by a dip of its supply"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Args:
        kind: What goes wrong.
        operation: At which request.
        first: At which of these requests since power on, counted from 1.
        times: At how many in a row.
    """

    kind: FaultKind
    operation: Operation
    first: int = 1
    times: int = 1

    def strikes(self, operation: int, number: int) -> bool:
        """Say whether it happens at a request.

        Args:
            operation: That of the request.
            number: Which of these requests it is, counted from 1.
        """
        return operation == self.operation and self.first <= number < self.first + self.times
