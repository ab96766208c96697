"""The genuine LittleFS of MicroPython, on a memory that counts erases and tears in a power cut."""

import os

import vfs

_BLOCK_BYTES = 4096
_BLOCKS = 64
_MOUNT = "/flash"


class Memory:
    """A NOR flash in memory.

    Args:
        power: Its ``point`` is passed before, in the middle of and after each program and erase.
    """

    def __init__(self, power):
        self.content = bytearray(b"\xff" * (_BLOCKS * _BLOCK_BYTES))
        self.erases = [0] * _BLOCKS
        self._power = power

    def readblocks(self, number, buffer, offset=0):
        start = number * _BLOCK_BYTES + offset
        buffer[:] = self.content[start : start + len(buffer)]

    def writeblocks(self, number, buffer, offset=0):
        self._power.point()
        start = number * _BLOCK_BYTES + offset
        half = len(buffer) // 2
        self.content[start : start + half] = buffer[:half]
        self._power.point()
        self.content[start : start + len(buffer)] = buffer
        self._power.point()

    def ioctl(self, operation, argument):
        if operation == 4:
            return _BLOCKS
        if operation == 5:
            return _BLOCK_BYTES
        if operation == 6:
            self._erase(argument)
        return 0

    def _erase(self, number):
        self._power.point()
        start = number * _BLOCK_BYTES
        half = _BLOCK_BYTES // 2
        self.content[start : start + half] = b"\xff" * half
        self._power.point()
        self.content[start : start + _BLOCK_BYTES] = b"\xff" * _BLOCK_BYTES
        self.erases[number] += 1
        self._power.point()


class TornFlash:
    """Stands in for ``bench.Flash``; program sizes as MicroPython sets them for the chips."""

    program_bytes = 32  # ESP32; RP2 has 256 (reference/power-delivery.md 4.3)

    def __init__(self, power):
        self.writes = 0
        self.memory = Memory(power)
        sizes = self._sizes()
        vfs.VfsLfs2.mkfs(self.memory, **sizes)
        self.files = Files()
        self.mount()

    def mount(self):
        """Mount what is there, as at a boot."""
        try:
            vfs.umount(_MOUNT)
        except OSError:
            pass
        vfs.mount(vfs.VfsLfs2(self.memory, **self._sizes()), _MOUNT)

    def write(self, path, content):
        self.writes += 1
        folder = path.rpartition("/")[0]
        if folder and folder not in os.listdir(_MOUNT):
            os.mkdir(_MOUNT + "/" + folder)
        with open(_MOUNT + "/" + path, "wb") as file:
            file.write(content)

    def _sizes(self):
        return {"readsize": 32, "progsize": self.program_bytes, "lookahead": 32}


class Files:
    """What the tests read of ``Flash.files``."""

    def get(self, path):
        try:
            with open(_MOUNT + "/" + path, "rb") as file:
                return file.read()
        except OSError:
            return None
