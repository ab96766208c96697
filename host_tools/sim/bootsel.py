"""A Raspberry Pi Pico in BOOTSEL mode: a drive that takes UF2 files and vanishes.

``BootRom`` is the pure part: blocks in, flash content out, by the rules of the ROM
(reference/host-tools.md 4.7). ``BootselDrive`` is a folder with INFO_UF2.TXT that any program can
copy a file to, watched by a thread.

What a plain folder cannot model: a write that fails because the drive has gone, since a file that
is open stays writable on this system. ``BootselDrive.open`` is for that: a file of this process
that behaves as one on the real drive, with EIO from the moment the drive vanishes. A folder also
keeps what was copied until the drive vanishes, the real drive never does; FAT is not modelled.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from host_tools import uf2

FLASH_START = 0x10000000
_SECTOR_BYTES = 4096
_POLL_S = 0.01


@dataclass(frozen=True)
class BootRomKind:
    """What differs between the ROMs.

    Args:
        label: The drive's name.
        info: What INFO_UF2.TXT says.
        families: Whose blocks are taken.
        family_restarts: Whether a block of another family restarts the transfer.
    """

    label: str
    info: str
    families: frozenset[int]
    family_restarts: bool


KINDS = {
    "rp2040": BootRomKind(
        "RPI-RP2",
        "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n",
        frozenset({0xE48BFF56}),
        False,
    ),
    "rp2350": BootRomKind(
        "RP2350",
        "UF2 Bootloader v1.0\r\nModel: Raspberry Pi RP2350\r\nBoard-ID: RP2350\r\n",
        frozenset({0xE48BFF57, 0xE48BFF58, 0xE48BFF59, 0xE48BFF5A}),
        True,
    ),
}


class BootRom:
    """The ROM of one chip from one start to the next.

    Args:
        chip: ``rp2040`` or ``rp2350``.
        flash_bytes: The size of the flash.
    """

    def __init__(self, chip: str = "rp2040", *, flash_bytes: int = 2 * 1024 * 1024) -> None:
        self.kind = KINDS[chip]
        self.flash = bytearray(b"\xff" * flash_bytes)
        self.ignored_blocks = 0
        self.done = False
        """Whether all blocks are in, so that the chip restarts with what it got."""
        self._transfer: tuple[int, int] | None = None
        self._missing: set[int] = set()
        self._erased: set[int] = set()

    def take(self, content: bytes) -> None:
        """Take in 512 bytes that were written to the drive.

        Args:
            content: What was written, a block or not.
        """
        block = uf2.parse_block(content)
        if block is None or not self._accepts(block):
            self.ignored_blocks += 1
            return
        transfer = (block.total, block.family if self.kind.family_restarts else 0)
        if transfer != self._transfer:
            self._transfer = transfer
            self._missing = set(range(block.total))
            self._erased = set()
        if block.number in self._missing:
            self._missing.discard(block.number)
            self._program(block)
            self.done = not self._missing

    def _accepts(self, block: uf2.Block) -> bool:
        offset = block.address - FLASH_START
        return (
            bool(block.flags & uf2.FAMILY_PRESENT)
            and not block.flags & uf2.NOT_MAIN_FLASH
            and block.family in self.kind.families
            and len(block.payload) == uf2.PAYLOAD_BYTES
            and offset % uf2.PAYLOAD_BYTES == 0
            and 0 <= offset <= len(self.flash) - uf2.PAYLOAD_BYTES
        )

    def _program(self, block: uf2.Block) -> None:
        offset = block.address - FLASH_START
        sector = offset // _SECTOR_BYTES * _SECTOR_BYTES
        if sector not in self._erased:
            self._erased.add(sector)
            self.flash[sector : sector + _SECTOR_BYTES] = b"\xff" * _SECTOR_BYTES
        self.flash[offset : offset + len(block.payload)] = block.payload


class BootselDrive:
    """The drive of a board in BOOTSEL mode, for as long as the context lasts or until it vanishes.

    Args:
        folder: Where drives are mounted; the drive is a folder in it.
        chip: ``rp2040`` or ``rp2350``.
        on_boot: Called when the board has restarted with the new firmware.
        name: The folder's name, when two drives of one kind are mounted; the label by default.
    """

    def __init__(
        self,
        folder: Path,
        chip: str = "rp2040",
        *,
        on_boot: Callable[[BootRom], None] = lambda _: None,
        name: str = "",
    ) -> None:
        self.rom = BootRom(chip)
        self.path = folder / (name or self.rom.kind.label)
        self._on_boot = on_boot
        self._taken_bytes: dict[Path, int] = {}
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="BOOTSEL drive", daemon=True)

    def __enter__(self) -> BootselDrive:
        self.path.mkdir(parents=True)
        (self.path / "INDEX.HTM").write_text("<html></html>\r\n", encoding="ascii", newline="")
        (self.path / "INFO_UF2.TXT").write_text(self.rom.kind.info, encoding="ascii", newline="")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def mounted(self) -> bool:
        """Whether the drive is there."""
        return self.path.is_dir()

    def open(self, path: Path) -> io.RawIOBase:
        """Return a file on the drive that fails as a real one does once the drive has gone.

        Args:
            path: A path in the drive.
        """
        if not self.mounted or path.parent != self.path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return _DriveFile(self)

    def take(self, content: bytes) -> None:
        """Take in 512 bytes; the drive vanishes with the last block.

        Args:
            content: What was written.
        """
        with self._lock:
            if self.mounted:
                self.rom.take(content)
                if self.rom.done:
                    self._vanish()
                    self._on_boot(self.rom)

    def _vanish(self) -> None:
        # Renamed first: a folder in which somebody is writing cannot be removed at once.
        gone = self.path.with_name(f".{self.path.name}.gone")
        self.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _watch(self) -> None:
        while not self._stop.wait(_POLL_S):
            with contextlib.suppress(FileNotFoundError):  # it vanishes while we look
                for file in sorted(self.path.iterdir()):
                    if file.name not in ("INDEX.HTM", "INFO_UF2.TXT"):
                        self._take_new_blocks(file)

    def _take_new_blocks(self, file: Path) -> None:
        with file.open("rb") as stream:
            stream.seek(self._taken_bytes.get(file, 0))
            while self.mounted and len(content := stream.read(uf2.BLOCK_BYTES)) == uf2.BLOCK_BYTES:
                self._taken_bytes[file] = stream.tell()
                self.take(content)


class _DriveFile(io.RawIOBase):
    """A file on the drive: 512 bytes at a time reach the ROM, then everything is EIO."""

    def __init__(self, drive: BootselDrive) -> None:
        self._drive = drive
        self._waiting = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._check()
        content = bytes(data)  # type: ignore[call-overload]  # any buffer, as io has it
        self._waiting += content
        while len(self._waiting) >= uf2.BLOCK_BYTES:
            block, self._waiting = (
                self._waiting[: uf2.BLOCK_BYTES],
                self._waiting[uf2.BLOCK_BYTES :],
            )
            self._drive.take(block)
        return len(content)

    def flush(self) -> None:
        if not self.closed:
            self._check()

    def fileno(self) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _check(self) -> None:
        if not self._drive.mounted:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
