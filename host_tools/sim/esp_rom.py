"""An ESP32, ESP32-S3 or ESP32-C3 as a flash tool sees it: ROM loader, stub loader, boot.

Pure: bytes and modem lines in, bytes out. ``esp_rom_port`` puts it behind a socket, a pty or an
RFC 2217 server, where the genuine esptool takes it for a chip. It is strict: what the chip would
not understand is answered as the chip answers, and noted in ``unexpected``; every request is
counted in ``requests``. After a reset it runs what is in its flash: nothing unless a boot loader's
image stands at the chip's offset. The protocol is that of reference/host-tools.md 4.6.

Not modelled: the stub's own code (the upload is checked and thrown away), flash encryption, secure
boot, USB-Serial/JTAG and USB-OTG.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

from host_tools.sim.esp_rom_chip import CHIPS, FlashMemory, Registers
from host_tools.sim.esp_rom_faults import Fault, FaultKind
from host_tools.sim.esp_rom_loader import Loader
from host_tools.sim.esp_rom_wire import Operation, Request, SlipDecoder, parse_request

_IMAGE_MAGIC = 0xE9


class Program(Protocol):
    """What the chip runs once it has booted from its flash, such as a MicroPython REPL."""

    def start(self) -> bytes:
        """Return what it prints at the start."""

    def receive(self, data: bytes) -> bytes:
        """Take in bytes of the serial line and return what it answers at once."""

    def poll(self) -> bytes:
        """Return what it has to say now, asked or not."""

    def stop(self) -> None:
        """End: the chip is reset."""


class Mode(Enum):
    """What runs on the chip."""

    HELD = "held in reset"
    DOWNLOAD = "ROM loader or stub"
    PROGRAM = "the program in flash"
    NOTHING = "no program in flash: the chip resets over and over"


class EspRom:
    """One chip on a serial line.

    Args:
        chip: ``esp32``, ``esp32s3`` or ``esp32c3``.
        flash_bytes: The size of its flash, a power of two.
        mac: Its address, six bytes.
        faults: What goes wrong.
        download: Whether it is switched on in download mode, as with the BOOT button held.
        program: Makes what runs after a boot, from the flash; None for one that stays silent.
    """

    def __init__(
        self,
        chip: str = "esp32",
        *,
        flash_bytes: int = 4 * 1024 * 1024,
        mac: bytes = bytes.fromhex("2211334455aa"),
        faults: Sequence[Fault] = (),
        download: bool = True,
        program: Callable[[FlashMemory], Program] | None = None,
    ) -> None:
        self.chip = CHIPS[chip]
        self.flash = FlashMemory(flash_bytes)
        self.faults = list(faults)
        self.requests: Counter[int] = Counter()
        self.unexpected: list[str] = []
        self.resets = 0
        self._mac = mac
        self._make_program = program
        self._program: Program | None = None
        self._decoder = SlipDecoder()
        self._lines = (False, False)
        self.reset(download=download)

    @property
    def in_stub(self) -> bool:
        """Whether the stub runs, not the ROM's own loader."""
        return self.mode is Mode.DOWNLOAD and self._loader.in_stub

    def reset(self, *, download: bool) -> bytes:
        """Reset the chip and return what it prints.

        Args:
            download: Whether IO0 is low, which means download mode.
        """
        self.resets += 1
        self.stop()
        self._decoder.reset()
        self._loader = Loader(
            self.chip, self.flash, Registers(self.chip, self._mac, len(self.flash.content))
        )
        kind = "0x3 (DOWNLOAD_BOOT)" if download else "0x13 (SPI_FAST_FLASH_BOOT)"
        log = f"{self.chip.banner}\r\n\r\nrst:0x1 (POWERON_RESET),boot:{kind}\r\n".encode()
        if download:
            self.mode = Mode.DOWNLOAD
            return log + b"waiting for download\r\n"
        return log + self._boot()

    def set_lines(self, *, dtr: bool, rts: bool) -> bytes:
        """Follow the modem lines, which reset the chip and choose its mode; return what it prints.

        RTS alone pulls EN, DTR alone pulls IO0, both together pull neither. EN has a capacitor:
        while both are set after a reset the chip counts as held, until the next change tells
        whether IO0 was meant (esptool's own RFC 2217 server waits in the same way).

        Args:
            dtr: Whether DTR is set.
            rts: Whether RTS is set.
        """
        if (dtr, rts) == self._lines:
            return b""
        self._lines = (dtr, rts)
        if rts and not dtr:
            self.stop()
            self.mode = Mode.HELD
        elif self.mode is Mode.HELD and not rts:
            return self.reset(download=dtr)
        return b""

    def receive(self, data: bytes) -> bytes:
        """Take in bytes of the serial line and return the chip's answer.

        Args:
            data: As they came.
        """
        if self.mode is Mode.PROGRAM and self._program is not None:
            return self._program.receive(data)
        if self.mode is not Mode.DOWNLOAD:
            return b""
        answer = b""
        for frame in self._decoder.feed(data):
            answer += self._take(frame)
        if self._decoder.strays:
            self._unexpected(f"bytes outside of frames: {bytes(self._decoder.strays[:16])!r}")
            self._decoder.strays.clear()
        return answer

    def poll(self) -> bytes:
        """Return what the program says by itself."""
        return self._program.poll() if self._program is not None else b""

    def stop(self) -> None:
        """End the program that runs, as a reset does; a double is done with after this."""
        program, self._program = self._program, None
        if program is not None:
            program.stop()

    def _boot(self) -> bytes:
        if self.flash.content[self.chip.boot_offset] != _IMAGE_MAGIC:
            self.mode = Mode.NOTHING
            word = int.from_bytes(self.flash.read(self.chip.boot_offset, 4), "little")
            return f"invalid header: {word:#010x}\r\n".encode()
        self.mode = Mode.PROGRAM
        self._program = self._make_program(self.flash) if self._make_program else None
        return self._program.start() if self._program else b""

    def _take(self, frame: bytes) -> bytes:
        if self.mode is not Mode.DOWNLOAD:
            return b""  # a fault has reset the chip in the middle of what came
        if self._loader.reading:
            return self._loader.acknowledge(frame)
        try:
            request = parse_request(frame)
        except ValueError as error:
            self._unexpected(str(error))
            return b""
        self.requests[request.operation] += 1
        return self._answer(request)

    def _answer(self, request: Request) -> bytes:
        kind = self._fault_at(request.operation)
        if kind is FaultKind.RESET:
            return self.reset(download=False)
        if kind is FaultKind.DROPPED_REQUEST:
            return b""
        if kind is FaultKind.WRONG_CHECKSUM:
            request = Request(request.operation, request.data, request.checksum ^ 1)
        if kind is FaultKind.WRONG_MD5:
            return self._loader.answer_md5(request, flipped=True)
        answer = self._loader.answer(request)
        if self._loader.complaint:
            self._unexpected(self._loader.complaint)
        return b"" if kind is FaultKind.DROPPED_ANSWER else answer

    def _fault_at(self, operation: int) -> FaultKind | None:
        number = self.requests[operation]
        return next((f.kind for f in self.faults if f.strikes(operation, number)), None)

    def _unexpected(self, what: str) -> None:
        self.unexpected.append(what)


__all__ = ["EspRom", "Fault", "FaultKind", "Mode", "Operation", "Program"]
