"""Addresses to listen on, and the sockets that do."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from host_tools.errors import ExitCode, WakecallError

BACKLOG = 1_024


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port; port 0 means a free one."""

    host: str = "127.0.0.1"
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def listen(address: Address, purpose: str) -> socket.socket:
    """Open a listening socket; a port in use is told before anything is changed on disk."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(address, purpose, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _cannot_listen(address, purpose, error) from error
    return listener


def _cannot_listen(address: Address, purpose: str, error: OSError) -> WakecallError:
    if error.errno == errno.EADDRINUSE:
        return WakecallError(
            f"{purpose} address {address} is in use",
            code=ExitCode.BUSY,
            hint=f"Choose another with --{purpose.lower()}; port 0 takes a free one.",
        )
    return WakecallError(
        f"{purpose} address {address} cannot be used: {error.strerror}",
        code=ExitCode.CONFIGURATION,
        hint=f"Give an address of this machine with --{purpose.lower()} HOST:PORT.",
    )


def bound_address(wanted: Address, listener: socket.socket) -> Address:
    return Address(wanted.host, listener.getsockname()[1])
