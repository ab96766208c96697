"""A platform from start to end: data folder, database, MQTT and HTTP in one event loop."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from contextlib import AsyncExitStack
from types import TracebackType

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from host_tools.platform.accounts import administrators
from host_tools.platform.accounts.accounts import Accounts
from host_tools.platform.accounts.tokens import Tokens
from host_tools.platform.addresses import Address, bound_address, listen
from host_tools.platform.folder import DataFolder
from host_tools.platform.mqtt.listener import Connection as MqttConnection
from host_tools.platform.rest.app import build
from host_tools.platform.rest.server import HttpServer
from host_tools.platform.rules.loader import load as load_rules
from host_tools.platform.rules.nodes import PlatformNodes
from host_tools.platform.services import Services
from host_tools.platform.settings import Settings
from host_tools.platform.storage import users
from host_tools.platform.storage.database import Database
from host_tools.platform.storage.migrations import NewerDatabaseError


class Platform:
    """A running platform, for ``async with``.

    Args:
        settings: Where it keeps its data and where it listens.

    Entering raises WakecallError: BUSY for a port or data folder that is in use, CONFIGURATION
    for a folder or address that cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self.http = settings.http
        """Where REST is served; the real port once it runs."""
        self.mqtt = settings.mqtt
        """Where MQTT is served; the real port once it runs."""
        self.mqtts: Address | None = None
        """Where MQTT over TLS is served, if it is."""
        self.administrator_password: str | None = None
        """The password of the administrators, where it is known."""
        self.password_is_new = False
        """Whether the password was made at random just now."""

    async def __aenter__(self) -> Platform:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def url(self) -> str:
        """The base of the REST API."""
        return f"http://{self.http}"

    async def _start(self, stack: AsyncExitStack) -> None:
        rule_set = load_rules(self._settings.rules)
        http_socket = listen(self._settings.http, "HTTP")
        stack.callback(http_socket.close)
        mqtt_socket = listen(self._settings.mqtt, "MQTT")
        stack.callback(mqtt_socket.close)
        secure = self._listen_tls(stack)
        self.http = bound_address(self._settings.http, http_socket)
        self.mqtt = bound_address(self._settings.mqtt, mqtt_socket)
        folder = stack.enter_context(DataFolder(self._settings.data))
        database = await self._open(folder, stack)
        tenant_id = await self._tenant(folder, database)
        tokens = Tokens(folder.signing_key(), tenant_id, self._settings.now_ms)
        accounts = Accounts(database, tokens, self._settings.now_ms)
        services = Services(self._settings, database, accounts, tenant_id, rule_set)
        loop = asyncio.get_running_loop()
        services.rules.start(PlatformNodes(services, services.rules, loop))
        services.start()
        cleaning = asyncio.create_task(services.clean_up())
        stack.callback(cleaning.cancel)
        http = HttpServer(build(services), http_socket)
        await http.start()
        stack.push_async_callback(http.stop)
        await _serve_mqtt(services, mqtt_socket, stack)
        if secure is not None:
            await _serve_mqtt(services, secure[0], stack, secure[1])
        stack.push_async_callback(services.stop)

    def _listen_tls(self, stack: AsyncExitStack) -> tuple[socket.socket, ssl.SSLContext] | None:
        tls = self._settings.tls
        if tls is None:
            return None
        context = tls.context()
        listener = listen(tls.address, "MQTTS")
        stack.callback(listener.close)
        self.mqtts = bound_address(tls.address, listener)
        return listener, context

    async def _open(self, folder: DataFolder, stack: AsyncExitStack) -> Database:
        database = Database(folder.database)
        try:
            database.open()
        except NewerDatabaseError as error:
            raise folder.unusable("a later version of Wakecall has written it") from error
        except DatabaseError as error:
            raise folder.unusable(str(error.orig)) from error
        stack.push_async_callback(database.close)
        os.chmod(folder.database, 0o600)
        return database

    async def _tenant(self, folder: DataFolder, database: Database) -> str:
        """Return the tenant's id; found the tenant and its administrators the first time."""
        tenant_id = database.read(_tenant_id)
        if tenant_id is None:
            password = self._settings.administrator_password
            if password is None:
                password = administrators.new_password()
                folder.keep_password(password)
                self.password_is_new = True
            now_ms = self._settings.now_ms()
            await database.write(lambda c: administrators.found(c, password, now_ms))
            tenant_id = database.read(_tenant_id)
        assert tenant_id is not None
        candidate = folder.password() or self._settings.administrator_password
        if candidate and administrators.password_matches(database, candidate):
            self.administrator_password = candidate
        return tenant_id


def _tenant_id(connection: Connection) -> str | None:
    return users.fact(connection, administrators.TENANT_ID)


async def _serve_mqtt(
    services: Services,
    listener: socket.socket,
    stack: AsyncExitStack,
    context: ssl.SSLContext | None = None,
) -> None:
    connections: set[MqttConnection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: MqttConnection(services, connections),
        sock=listener,
        ssl=context,
        ssl_handshake_timeout=services.settings.login_timeout_ms / 1_000 if context else None,
    )

    async def stop() -> None:
        server.close()
        for connection in list(connections):
            connection.close()

    stack.push_async_callback(stop)
