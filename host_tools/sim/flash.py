"""The flash of a virtual board: the genuine LittleFS on a block device that can lose its power.

The block device counts programs and erases and tears the one during which the power goes. What
LittleFS does with that is not modelled but its own C code, with the parameters of MicroPython
(reference/power-delivery.md 4.3). A device that lost its power refuses everything, and the file
system raises ``Gone`` instead of an error that the firmware could handle.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, TypeVar

from littlefs import LFSConfig, LFSFileFlag, LFSFilesystem, LittleFSError, lfs

from host_tools.board_facts import FileSystem
from host_tools.sim.effects import Cut, Effects, Gone

if TYPE_CHECKING:
    from littlefs.lfs import LFSStat

T = TypeVar("T")

_IO_ERROR = -5
_BLOCK_CYCLES = 100  # MicroPython's ports
_LOOKAHEAD_BYTES = 32
_READ_BYTES = 32
_READ, _WRITE, _CREATE, _TRUNCATE, _APPEND = 1, 2, 0x100, 0x400, 0x800  # lfs.h
_FLAGS = {
    "r": _READ,
    "w": _WRITE | _CREATE | _TRUNCATE,
    "a": _WRITE | _CREATE | _APPEND,
    "r+": _READ | _WRITE,
    "w+": _READ | _WRITE | _CREATE | _TRUNCATE,
    "a+": _READ | _WRITE | _CREATE | _APPEND,
}
"""What each mode means to littlefs, as in MicroPython's extmod/vfs_lfsx_file.c."""


class BlockDevice:
    """NOR flash: what LittleFS programs and erases lands here, or lands in part.

    Args:
        facts: Sizes of its blocks.
        blocks: How many there are.
    """

    def __init__(self, facts: FileSystem, blocks: int = 64) -> None:
        self.facts = facts
        self.blocks = blocks
        self.image = bytearray(b"\xff" * (facts.erase_bytes * blocks))
        self.programs = 0
        self.erases = 0


class _Access:
    """A block device during one boot; the interface is that of littlefs-python's contexts."""

    def __init__(self, device: BlockDevice, effects: Effects | None) -> None:
        self._device = device
        self._effects = effects
        self.is_gone = False

    def read(self, cfg: LFSConfig, block: int, off: int, size: int) -> bytearray:
        start = block * cfg.block_size + off
        return self._device.image[start : start + size]

    def prog(self, cfg: LFSConfig, block: int, off: int, data: bytes) -> int:
        start = block * cfg.block_size + off
        self._device.programs += 0 if self.is_gone else 1
        return self._change("flash program", block, start, bytes(data))

    def erase(self, cfg: LFSConfig, block: int) -> int:
        self._device.erases += 0 if self.is_gone else 1
        start = block * cfg.block_size
        return self._change("flash erase", block, start, b"\xff" * cfg.block_size)

    def sync(self, cfg: LFSConfig) -> int:
        return _IO_ERROR if self.is_gone else 0

    def _change(self, kind: str, block: int, start: int, content: bytes) -> int:
        image = self._device.image

        def act() -> None:
            image[start : start + len(content)] = content

        def tear(cut: Cut, chance: random.Random) -> None:
            half = len(content) // 2
            image[start : start + half] = content[:half]
            if cut is Cut.RANDOM:
                end = start + len(content)
                image[start + half : end] = chance.randbytes(len(content) - half)

        if self.is_gone:
            return _IO_ERROR
        if self._effects is None:
            act()
            return 0
        try:
            self._effects.happen(kind, f"block {block}", act, tear)
        except Gone:
            # Called from C, which no exception may cross.
            self.is_gone = True
            return _IO_ERROR
        return 0


class Flash:
    """The file system of a board, mounted for one boot.

    Args:
        device: What it lies on; a device without a file system is formatted first.
        effects: Where programs and erases happen; None lets them always succeed.
    """

    def __init__(self, device: BlockDevice, effects: Effects | None = None) -> None:
        self._access = _Access(device, effects)
        facts = device.facts
        self._config = LFSConfig(
            context=self._access,
            block_size=facts.erase_bytes,
            block_count=device.blocks,
            read_size=_READ_BYTES,
            prog_size=facts.program_bytes,
            cache_size=facts.cache_bytes,
            lookahead_size=_LOOKAHEAD_BYTES,
            block_cycles=_BLOCK_CYCLES,
        )
        self.fs = LFSFilesystem()
        try:
            lfs.mount(self.fs, self._config)
        except LittleFSError:
            self.do(lambda: lfs.format(self.fs, self._config))
            self.do(lambda: lfs.mount(self.fs, self._config))

    def leave(self) -> None:
        """End the boot: from now on everything raises ``Gone``, and nothing is written any more."""
        self._access.is_gone = True

    def open(self, path: str, mode: str) -> FlashFile:
        """Open a file.

        Args:
            path: Its path.
            mode: One of ``r``, ``w``, ``a``, ``r+``, ``w+``, ``a+``.

        Raises:
            OSError: As MicroPython raises it.
            ValueError: The mode is none of these.
        """
        if mode not in _FLAGS:
            raise ValueError(f"invalid mode: {mode!r}")
        return FlashFile(
            self, self.do(lambda: lfs.file_open(self.fs, path, LFSFileFlag(_FLAGS[mode])))
        )

    def read(self, path: str) -> bytes:
        """Return the content of a file; errors as ``open``."""
        with self.open(path, "r") as file:
            return file.read()

    def write(self, path: str, content: bytes) -> None:
        """Replace a file, or make it; errors as ``open``."""
        with self.open(path, "w") as file:
            file.write(content)

    def names(self, path: str) -> list[str]:
        """Return the names in a folder; errors as ``open``."""
        folder = self.do(lambda: lfs.dir_open(self.fs, path))
        found = []
        while (entry := self.do(lambda: lfs.dir_read(self.fs, folder))) is not None:
            if entry.name not in (".", ".."):
                found.append(entry.name)
        self.do(lambda: lfs.dir_close(self.fs, folder))
        return found

    def stat(self, path: str) -> LFSStat:
        """Return type and size of a file or folder; errors as ``open``."""
        return self.do(lambda: lfs.stat(self.fs, path))

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder; errors as ``open``."""
        self.do(lambda: lfs.remove(self.fs, path))

    def rename(self, old: str, new: str) -> None:
        """Rename in one step, also over an existing file; errors as ``open``."""
        self.do(lambda: lfs.rename(self.fs, old, new))

    def make_folder(self, path: str) -> None:
        """Make a folder; errors as ``open``."""
        self.do(lambda: lfs.mkdir(self.fs, path))

    def used_blocks(self) -> int:
        """Return how many blocks are in use."""
        return self.do(lambda: lfs.fs_size(self.fs))

    def do(self, operation: Callable[[], T]) -> T:
        """Carry out an operation of littlefs, and tell how it failed."""
        if self._access.is_gone:
            raise Gone
        try:
            result = operation()
        except LittleFSError as error:
            if self._access.is_gone:
                raise Gone from None
            raise OSError(-error.code, str(error)) from None
        if self._access.is_gone:
            raise Gone
        return result


class FlashFile:
    """An open file of bytes; what was written is kept after ``flush`` or ``close`` only.

    Args:
        flash: The file system.
        handle: What littlefs calls it.
    """

    def __init__(self, flash: Flash, handle: lfs.LFSFile) -> None:
        self._flash = flash
        self._handle: lfs.LFSFile | None = handle

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes, or all that is left."""
        if size is None or size < 0:
            size = self._do(lfs.file_size) - self._do(lfs.file_tell)
        return self._do(lfs.file_read, size)

    def write(self, content: bytes) -> int:
        """Write bytes and return how many."""
        return self._do(lfs.file_write, bytes(content))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place and return it."""
        return self._do(lfs.file_seek, offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._do(lfs.file_tell)

    def flush(self) -> None:
        """Keep what was written, also if the power goes now."""
        self._do(lfs.file_sync)

    def close(self) -> None:
        """Keep what was written and close; a second time does nothing."""
        if self._handle is not None:
            try:
                self._do(lfs.file_close)
            finally:
                self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # As MicroPython: also after an exception the file is closed, and so kept as far as it got.
        self.close()

    def __del__(self) -> None:
        # As MicroPython's finaliser; littlefs must forget the file before its memory goes.
        with contextlib.suppress(OSError, Gone):
            self.close()

    def _do(self, operation: Callable[..., T], *arguments: object) -> T:
        if self._handle is None:
            raise ValueError("I/O operation on closed file")
        handle = self._handle
        return self._flash.do(lambda: operation(self._flash.fs, handle, *arguments))
