"""uvicorn inside our own event loop, without its signal handlers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from host_tools.platform.rest.bodies import App

GRACE_S = 2
"""How long open requests get to end when the platform stops."""

KEEP_ALIVE_S = 75


class HttpServer:
    """Serves an ASGI application on a listening socket.

    Args:
        app: The application.
        listener: Bound and listening; closed by ``stop``.
    """

    def __init__(self, app: App, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # A caller's word about where it comes from must not get around the login limit.
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = _EmbeddedServer(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when requests are served."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        started = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait((self._task, started), return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """End open requests, at most after the grace time."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _EmbeddedServer(uvicorn.Server):
    """A uvicorn server that leaves signals to us and tells when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
