"""``socket`` under its older name, with the stream methods that MicroPython's sockets have."""

from socket import *  # noqa: F403
from socket import socket as _Socket  # noqa: N812


class socket(_Socket):  # noqa: N801
    """A socket that is also a stream: ``read``, ``readline``, ``readinto``, ``write``."""

    def read(self, size=-1):
        """Read ``size`` bytes, fewer at the end; None when it would have to block and must not."""
        parts = []
        left = size
        while left:
            try:
                part = self.recv(left if left > 0 else 4096)
            except BlockingIOError:
                return b"".join(parts) or None
            if not part:
                break
            parts.append(part)
            left -= len(part) if left > 0 else 0
        return b"".join(parts)

    def readline(self):
        line = b""
        while not line.endswith(b"\n"):
            byte = self.read(1)
            if not byte:
                break
            line += byte
        return line

    def readinto(self, buffer, size=None):
        content = self.read(len(buffer) if size is None else size)
        if content is None:
            return None
        buffer[: len(content)] = content
        return len(content)

    def write(self, content, size=None):
        content = content if size is None else content[:size]
        self.sendall(content)
        return len(content)

    def accept(self):
        other, address = super().accept()
        return socket(other.family, other.type, other.proto, other.detach()), address
