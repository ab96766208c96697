"""A user with folders of their own, and esptool with short time-outs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

_SHORT_TIMEOUTS = """\
[esptool]
timeout = 0.3
connect_attempts = 2
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user without locks, cached files or drives."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAKECALL_")}
    (tmp_path / "esptool.cfg").write_text(_SHORT_TIMEOUTS)
    (tmp_path / "drives").mkdir()
    return kept | {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "WAKECALL_DRIVES": str(tmp_path / "drives"),
        "ESPTOOL_CFGFILE": str(tmp_path / "esptool.cfg"),
        "PYTHONUTF8": "1",
    }


@pytest.fixture
def own_folders(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give this process the same environment."""
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "WAKECALL_DRIVES"):
        monkeypatch.setenv(name, environment[name])
    return environment


@pytest.fixture
def wakecall(environment: dict[str, str]) -> Run:
    """Run ``wakecall`` with some words to its end; keywords are more of the environment."""

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return _run([sys.executable, "-m", "host_tools.cli.main", *words], environment | more)

    return run


@pytest.fixture
def esptool(environment: dict[str, str]) -> Run:
    """Run the genuine esptool as a process of its own."""

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return _run([sys.executable, "-m", "esptool", *words], environment | more)

    return run


def _run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        timeout=90,
        check=False,
    )
