"""How an ESP chip takes a download into its flash, plain or compressed.

The ROM erases at the beginning and writes each block before it answers. The stub erases as it
goes and answers first, so a failed write shows at the next request, and it counts down to the
announced size. Neither compares block numbers: a block that comes twice (its answer was lost) goes
behind the first one, which spoils the download, as on the chip. For the stub this is read from
its source (espressif/esp-flasher-stub, src/command_handler.c); for the ROM it is not verified.
"""

from __future__ import annotations

import zlib

from host_tools.sim.esp_rom_chip import SECTOR_BYTES, FlashMemory
from host_tools.sim.esp_rom_wire import Request, Status, checksum

_LEADING_WORDS_BYTES = 16


class Download:
    """One download that has begun.

    Args:
        memory: What it goes into.
        begin: The request that began it: size, blocks, block size, offset.
        compressed: Whether the blocks are a zlib stream.
        in_stub: Whether the stub takes it, not the ROM.
    """

    def __init__(
        self, memory: FlashMemory, begin: Request, *, compressed: bool, in_stub: bool
    ) -> None:
        size, self._blocks, self._block_bytes, self._offset = begin.words(4)
        self._memory = memory
        self._compressed = compressed
        self._in_stub = in_stub
        self._remaining = size
        self._inflater = zlib.decompressobj()
        self._erased_to = self._offset // SECTOR_BYTES * SECTOR_BYTES
        if not in_stub:
            self._erase_to(self._offset + size)

    @property
    def complete(self) -> bool:
        """Whether all that was announced has been written."""
        return self._remaining == 0

    def check(self, block: Request) -> Status:
        """Say whether a block came over the wire as it was sent.

        Args:
            block: The request that carries it.
        """
        if len(block.data) < _LEADING_WORDS_BYTES:
            return Status.BAD_MESSAGE
        payload = block.data[_LEADING_WORDS_BYTES:]
        (size,) = block.words(1)
        if size != len(payload) or size > self._block_bytes:
            return Status.BAD_MESSAGE
        if self._in_stub and self._compressed and self.complete:
            return Status.TOO_MUCH_DATA
        return Status.OK if checksum(payload) == block.checksum else Status.CHECKSUM

    def write(self, block: Request) -> Status:
        """Put a block that has been checked into the flash.

        Args:
            block: The request that carries it.
        """
        payload = block.data[_LEADING_WORDS_BYTES:]
        if self._compressed:
            try:
                payload = self._inflater.decompress(payload)
            except zlib.error:
                return Status.DEFLATE
        if self._in_stub:
            payload = payload[: self._remaining]  # the padding of the last block is not written
        try:
            if self._in_stub:
                self._erase_to(self._offset + len(payload))
            self._memory.program(self._offset, payload)
        except IndexError:
            return Status.FLASH_WRITE
        self._offset += len(payload)
        self._remaining -= min(len(payload), self._remaining)
        return Status.OK

    def _erase_to(self, end: int) -> None:
        if end > self._erased_to:
            self._memory.erase(self._erased_to, end - self._erased_to)
            self._erased_to = -(-end // SECTOR_BYTES) * SECTOR_BYTES
