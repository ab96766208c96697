"""A server, an own configuration folder, and the command as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scripted_server import Reply, ScriptedServer

Wakecall = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that accepts every login and has one device, ``pump``."""
    server = ScriptedServer()
    server.reply("POST /api/auth/login", Reply(200, {"token": "t", "refreshToken": "r"}))
    server.reply("GET /api/tenant/device", Reply(200, {"id": {"id": "d1"}, "name": "pump"}))
    yield server
    server.close()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user who has no profile yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAKECALL_")}
    return kept | {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHONUTF8": "1"}


@pytest.fixture
def wakecall(environment: dict[str, str]) -> Wakecall:
    """Run ``wakecall`` with some words to its end; keywords are more of the environment."""

    def run(*words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "host_tools.cli.main", *words],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment | more,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def logged_in(environment: dict[str, str], server: ScriptedServer) -> ScriptedServer:
    """Return the server, with the credentials for it in the environment."""
    environment |= {
        "WAKECALL_URL": server.url,
        "WAKECALL_USER": "tenant@thingsboard.org",
        "WAKECALL_PASSWORD": "secret",
    }
    return server
