"""What an ESP chip does in download mode, request by request: first its ROM, then the stub."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable

from host_tools.sim.esp_rom_chip import SECTOR_BYTES, Chip, FlashMemory, Registers
from host_tools.sim.esp_rom_wire import (
    STUB_STATUS,
    Operation,
    Request,
    Status,
    checksum,
    response,
    slip_frame,
)
from host_tools.sim.esp_rom_writer import Download

_SYNC_DATA = b"\x07\x07\x12\x20" + 32 * b"\x55"
_SYNC_ANSWERS = 8
_ROM_SYNC_VALUE = 0x20120707
_SLOW_READ_BYTES = 64
_LEADING_WORDS_BYTES = 16

_SIZES = {
    Operation.MEM_BEGIN: (16,),
    Operation.MEM_END: (8,),
    Operation.SYNC: (36,),
    Operation.READ_REG: (4,),
    Operation.WRITE_REG: (16, 32),
    Operation.SPI_SET_PARAMS: (24,),
    Operation.READ_FLASH_SLOW: (8,),
    Operation.CHANGE_BAUDRATE: (8,),
    Operation.FLASH_END: (4,),
    Operation.FLASH_DEFL_END: (4,),
    Operation.SPI_FLASH_MD5: (16,),
    Operation.GET_SECURITY_INFO: (0,),
    Operation.ERASE_FLASH: (0,),
    Operation.ERASE_REGION: (8,),
    Operation.READ_FLASH: (16,),
}
"""How long the data of a request may be, where ROM and stub agree."""

_STUB_ONLY = (Operation.ERASE_FLASH, Operation.ERASE_REGION, Operation.READ_FLASH)


class Loader:
    """The loader of one chip from one reset to the next.

    Args:
        chip: Which chip.
        memory: Its flash.
        registers: Its registers.
    """

    def __init__(self, chip: Chip, memory: FlashMemory, registers: Registers) -> None:
        self.in_stub = False
        self.complaint = ""
        """What was wrong with the last request; empty when the chip understood it."""
        self._chip = chip
        self._memory = memory
        self._registers = registers
        self._download: Download | None = None
        self._late_failure = Status.OK
        self._upload_address = self._upload_remaining = 0
        self._uploaded: list[range] = []
        self._pages: list[bytes] = []
        self._read_digest = b""
        self._handlers: dict[Operation, Callable[[Request], bytes]] = {
            Operation.SYNC: self._sync,
            Operation.READ_REG: lambda request: self._reply(
                request, value=self._registers.read(request.words(1)[0])
            ),
            Operation.WRITE_REG: self._write_register,
            Operation.GET_SECURITY_INFO: self._security_info,
            Operation.SPI_ATTACH: self._reply,
            Operation.SPI_SET_PARAMS: self._reply,
            Operation.CHANGE_BAUDRATE: self._reply,  # the line is not modelled at its bit rate
            Operation.MEM_BEGIN: self._upload_begin,
            Operation.MEM_DATA: self._upload_data,
            Operation.MEM_END: self._upload_end,
            Operation.FLASH_BEGIN: lambda request: self._begin(request, compressed=False),
            Operation.FLASH_DEFL_BEGIN: lambda request: self._begin(request, compressed=True),
            Operation.FLASH_DATA: self._data,
            Operation.FLASH_DEFL_DATA: self._data,
            Operation.FLASH_END: self._end,
            Operation.FLASH_DEFL_END: self._end,
            Operation.SPI_FLASH_MD5: self.answer_md5,
            Operation.READ_FLASH_SLOW: self._read_slowly,
            Operation.ERASE_FLASH: self._erase_all,
            Operation.ERASE_REGION: self._erase_region,
            Operation.READ_FLASH: self._read,
        }

    @property
    def reading(self) -> bool:
        """Whether the tool owes the stub an acknowledgement of a page, not a request."""
        return bool(self._read_digest)

    def answer(self, request: Request) -> bytes:
        """Carry out a request and return the frames that answer it.

        Args:
            request: The request.
        """
        self.complaint = ""
        if self._late_failure is not Status.OK:
            late, self._late_failure = self._late_failure, Status.OK
            return self._reply(request, status=late)
        operation = Operation._value2member_map_.get(request.operation)
        if not isinstance(operation, Operation) or (operation in _STUB_ONLY and not self.in_stub):
            return self._refuse(request, "this loader does not know it")
        if len(request.data) not in self._sizes(operation, request):
            return self._refuse(request, f"{len(request.data)} bytes of data")
        try:
            return self._handlers[operation](request)
        except IndexError as error:
            return self._refuse(request, str(error), Status.FAILED)

    def acknowledge(self, frame: bytes) -> bytes:
        """Take the acknowledgement of a page that was read, and return what follows it.

        Args:
            frame: The number of bytes that have arrived, as a word.
        """
        if len(frame) != 4:
            self._pages, self._read_digest = [], b""
            return b""
        if self._pages:
            return slip_frame(self._pages.pop(0))
        digest, self._read_digest = self._read_digest, b""
        return slip_frame(digest)

    def answer_md5(self, request: Request, *, flipped: bool = False) -> bytes:
        """Answer with the MD5 of a range: as text from the ROM, as bytes from the stub.

        Args:
            request: The range's offset and size, and two words of zero.
            flipped: Whether a bit of it reads wrong.
        """
        content = bytearray(self._memory.read(*request.words(2)))
        if flipped and content:
            content[-1] ^= 1
        digest = hashlib.md5(content, usedforsecurity=False)
        in_stub = self.in_stub
        return self._reply(
            request, data=digest.digest() if in_stub else digest.hexdigest().encode()
        )

    def _sizes(self, operation: Operation, request: Request) -> tuple[int, ...]:
        if operation in (Operation.FLASH_BEGIN, Operation.FLASH_DEFL_BEGIN):
            # The classic ESP32's ROM knows no word for encryption.
            plain = not self.in_stub and self._chip.magic is not None
            return (16,) if plain else (20,)
        if operation is Operation.SPI_ATTACH:
            return (4,) if self.in_stub else (8,)
        return _SIZES.get(operation, (len(request.data),))

    def _reply(
        self, request: Request, *, value: int = 0, data: bytes = b"", status: Status = Status.OK
    ) -> bytes:
        if self.in_stub:
            told = STUB_STATUS[status].to_bytes(2, "big")
        else:
            told = bytes([status is not Status.OK, status, 0, 0])
        return response(request.operation, value, data, told)

    def _refuse(self, request: Request, why: str, status: Status = Status.BAD_MESSAGE) -> bytes:
        self.complaint = f"{request.name}: {why}"
        return self._reply(request, status=status)

    def _sync(self, request: Request) -> bytes:
        if request.data != _SYNC_DATA:
            return self._refuse(request, "other data than that of SYNC")
        return self._reply(request, value=0 if self.in_stub else _ROM_SYNC_VALUE) * _SYNC_ANSWERS

    def _write_register(self, request: Request) -> bytes:
        for address, value, mask, _delay_us in struct.iter_unpack("<4I", request.data):
            self._registers.write(address, value, mask)
        return self._reply(request)

    def _security_info(self, request: Request) -> bytes:
        if self._chip.magic is not None:
            # The classic ESP32 has no such request; a tool asks to find that out.
            return self._reply(request, status=Status.BAD_MESSAGE)
        return self._reply(request, data=struct.pack("<IB7xII", 0, 0, self._chip.chip_id, 0))

    def _upload_begin(self, request: Request) -> bytes:
        self._upload_remaining, _, _, self._upload_address = request.words(4)
        return self._reply(request)

    def _upload_data(self, request: Request) -> bytes:
        payload = request.data[_LEADING_WORDS_BYTES:]
        if len(request.data) < _LEADING_WORDS_BYTES or len(payload) != request.words(1)[0]:
            return self._refuse(request, "not as long as it says")
        if len(payload) > self._upload_remaining:
            return self._refuse(request, "more data than was announced")
        if checksum(payload) != request.checksum:
            return self._reply(request, status=Status.CHECKSUM)
        self._uploaded.append(range(self._upload_address, self._upload_address + len(payload)))
        self._upload_address += len(payload)
        self._upload_remaining -= len(payload)
        return self._reply(request)

    def _upload_end(self, request: Request) -> bytes:
        _, entry = request.words(2)
        if self._upload_remaining or not any(entry in uploaded for uploaded in self._uploaded):
            return self._refuse(request, f"nothing was uploaded to {entry:#x}", Status.FAILED)
        reply = self._reply(request)
        self.in_stub = True
        return reply + slip_frame(b"OHAI")

    def _begin(self, request: Request, *, compressed: bool) -> bytes:
        self._download = Download(
            self._memory, request, compressed=compressed, in_stub=self.in_stub
        )
        return self._reply(request)

    def _data(self, request: Request) -> bytes:
        if self._download is None:
            return self._refuse(request, "no download has begun", Status.FAILED)
        status = self._download.check(request)
        if status is Status.BAD_MESSAGE:
            return self._refuse(request, "not as long as it says")
        if status is Status.OK:
            written = self._download.write(request)
            if self.in_stub:
                self._late_failure = written
            else:
                status = written
        return self._reply(request, status=status)

    def _end(self, request: Request) -> bytes:
        download, self._download = self._download, None
        if download is None:
            return self._refuse(request, "no download has begun", Status.FAILED)
        # Only the stub compares: the ROM was told a rounded size.
        incomplete = self.in_stub and not download.complete
        return self._reply(request, status=Status.BAD_MESSAGE if incomplete else Status.OK)

    def _read_slowly(self, request: Request) -> bytes:
        offset, size = request.words(2)
        if size > _SLOW_READ_BYTES:
            return self._refuse(request, f"{size} bytes at once")
        return self._reply(request, data=self._memory.read(offset, size).ljust(64, b"\0"))

    def _erase_all(self, request: Request) -> bytes:
        self._memory.erase(0, len(self._memory.content))
        return self._reply(request)

    def _erase_region(self, request: Request) -> bytes:
        offset, size = request.words(2)
        if offset % SECTOR_BYTES or size % SECTOR_BYTES:
            return self._refuse(request, "not whole sectors")
        self._memory.erase(offset, size)
        return self._reply(request)

    def _read(self, request: Request) -> bytes:
        offset, size, page_bytes, _ = request.words(4)
        content = self._memory.read(offset, size)
        self._pages = [content[at : at + page_bytes] for at in range(0, size, page_bytes)]
        self._read_digest = hashlib.md5(content, usedforsecurity=False).digest()
        return self._reply(request) + slip_frame(self._pages.pop(0))
