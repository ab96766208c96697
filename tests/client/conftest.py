"""A scripted server and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from host_tools.client import Client
from host_tools.profile import Profile
from tests.scripted_server import Reply, ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that accepts every login and knows nothing else."""
    server = ScriptedServer()
    server.reply("POST /api/auth/login", Reply(200, {"token": "first", "refreshToken": "fresh"}))
    yield server
    server.close()


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[Client]:
    with Client(
        Profile(url=server.url, user="tenant@thingsboard.org", password="secret")
    ) as client:
        yield client
