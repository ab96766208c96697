"""The files that the firmware of a virtual board sees: its flash, over what is frozen in.

The firmware itself, the libraries and the user's methods never change, so they are frozen: they
take no place on the flash and no time to read. Everything written goes to the flash.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from host_tools.sim.flash import Flash, FlashFile


def frozen_from(folder: Path, below: str = "") -> dict[str, bytes]:
    """Return the Python files of a folder, by the path that they get on the board.

    Args:
        folder: Where they are.
        below: A folder on the board, such as ``lib/``; empty for the root.
    """
    return {
        below + path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.py"))
    }


class Files:
    """Flash and frozen files as one tree.

    Args:
        flash: The file system of this boot.
        frozen: Path to content of what is frozen in.
    """

    def __init__(self, flash: Flash, frozen: Mapping[str, bytes]) -> None:
        self._flash = flash
        self._frozen = frozen
        self._frozen_folders = {
            name[: place + 1]
            for name in frozen
            for place, character in enumerate(name)
            if character == "/"
        }

    def search_frozen(self, path: str) -> bytes | None:
        """Return a frozen file's content for ``import``, or None; empty bytes for ``folder/``."""
        return b"" if path in self._frozen_folders else self._frozen.get(path)

    def search_flash(self, path: str) -> bytes | None:
        """Return the content of a file on the flash, likewise."""
        try:
            if path.endswith("/"):
                found = self._flash.stat(path.rstrip("/"))
                return b"" if found.type == found.TYPE_DIR else None
            return self._flash.read(path)
        except OSError:
            return None

    def open(self, path: str, mode: str = "r", *_: object, **__: object) -> File:
        """Do what the builtin ``open`` does on MicroPython.

        Raises:
            OSError: As MicroPython raises it.
            ValueError: The mode is none.
        """
        flags = mode.replace("b", "").replace("t", "")
        path = _plain(path)
        if flags == "r" and path in self._frozen:
            return File(_Frozen(self._frozen[path]), "b" in mode)
        return File(self._flash.open(path, flags), "b" in mode)

    def listdir(self, path: str = "") -> list[str]:
        """Do what ``os.listdir`` does; errors as ``open``."""
        folder = _plain(path).rstrip("/")
        prefix = f"{folder}/" if folder else ""
        frozen = {
            name[len(prefix) :].partition("/")[0]
            for name in self._frozen
            if name.startswith(prefix)
        }
        try:
            return sorted({*frozen, *self._flash.names(folder or "/")})
        except OSError:
            if not frozen:
                raise
            return sorted(frozen)

    def stat(self, path: str) -> tuple[int, ...]:
        """Do what ``os.stat`` does; errors as ``open``."""
        plain = _plain(path)
        if plain in self._frozen:
            return (0x8000, 0, 0, 0, 0, 0, len(self._frozen[plain]), 0, 0, 0)
        if not plain or f"{plain}/" in self._frozen_folders:
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        found = self._flash.stat(plain)
        kind = 0x4000 if found.type == found.TYPE_DIR else 0x8000
        return (kind, 0, 0, 0, 0, 0, found.size, 0, 0, 0)

    def remove(self, path: str) -> None:
        """Do what ``os.remove`` and ``os.rmdir`` do; errors as ``open``."""
        self._flash.remove(self._changeable(path))

    def rename(self, old: str, new: str) -> None:
        """Do what ``os.rename`` does; errors as ``open``."""
        self._flash.rename(self._changeable(old), self._changeable(new))

    def mkdir(self, path: str) -> None:
        """Do what ``os.mkdir`` does; errors as ``open``."""
        self._flash.make_folder(self._changeable(path))

    def _changeable(self, path: str) -> str:
        plain = _plain(path)
        if plain in self._frozen:
            raise OSError(errno.EROFS, "frozen into the firmware")
        return plain


class _Frozen:
    """A frozen file, open for reading."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def read(self, size: int = -1) -> bytes:
        end = len(self._content) if size is None or size < 0 else self._place + size
        part = self._content[self._place : end]
        self._place += len(part)
        return part

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = offset + (0, self._place, len(self._content))[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def write(self, content: bytes) -> int:
        raise OSError(errno.EBADF, "not open for writing")

    def flush(self) -> None:
        """Nothing was written."""

    def close(self) -> None:
        """Nothing is open."""


class File:
    """An open file as MicroPython has it, of bytes or of text.

    Args:
        file: The file of bytes below.
        is_binary: Whether it gives bytes.
    """

    def __init__(self, file: FlashFile | _Frozen, is_binary: bool) -> None:
        self._file = file
        self._is_binary = is_binary
        self.seek, self.tell = file.seek, file.tell
        self.flush, self.close = file.flush, file.close

    def read(self, size: int = -1) -> bytes | str:
        """Read at most ``size`` bytes, or all that is left."""
        return self._given(self._file.read(size))

    def readline(self) -> bytes | str:
        """Read up to the end of a line."""
        line = b""
        while not line.endswith(b"\n") and (byte := self._file.read(1)):
            line += byte
        return self._given(line)

    def readinto(self, buffer: bytearray) -> int:
        """Fill a buffer and return how far."""
        content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def write(self, content: bytes | str) -> int:
        """Write bytes or text and return how many."""
        return self._file.write(content.encode() if isinstance(content, str) else content)

    def __iter__(self) -> Iterator[bytes | str]:
        while line := self.readline():
            yield line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _given(self, content: bytes) -> bytes | str:
        return content if self._is_binary else content.decode()


def _plain(path: str) -> str:
    """Return a path without a leading ``/`` or ``./``: the working directory is the root."""
    return path.removeprefix("./").strip("/")
