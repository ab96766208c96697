"""One process at a time has a board: a lock by the board's stable id, over all our commands.

The lock belongs to the board, not to its port, whose name changes when the board is reset. It is an
advisory lock of the operating system, so it is free as soon as its holder is gone, also after
``kill -9``. The files are in ``$XDG_STATE_HOME/wakecall/boards`` (``~/.local/state`` without it).
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import quote

from host_tools.errors import ExitCode, WakecallError

_POLL_S = 0.05


def folder() -> Path:
    """Return the folder of the lock files; it need not exist."""
    base = os.environ.get("XDG_STATE_HOME", "")
    # The base directory specification: a relative value is to be ignored.
    root = Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state"
    return root / "wakecall" / "boards"


@contextlib.contextmanager
def hold(board_id: str, purpose: str, *, wait_s: float = 0.0) -> Iterator[None]:
    """Have a board for this process.

    Args:
        board_id: The board's stable id; for a port without one, the port.
        purpose: What for, one word that others are told.
        wait_s: How long to wait for another process that has it, in seconds.

    Raises:
        WakecallError: Another process has it (BUSY).
    """
    path = folder() / f"{quote(board_id, safe=' ')}.lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        _lock(file, board_id, time.monotonic() + wait_s)
        file.seek(0)
        file.truncate()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "user": _user(), "since": since, "purpose": purpose}
        json.dump(holder, file)
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()


def _lock(file: IO[str], board_id: str, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise WakecallError(
                    f"the board {board_id} is in use: {_holder(file)}",
                    code=ExitCode.BUSY,
                    hint="end that process, or wait for it with --wait 1m",
                ) from None
        time.sleep(_POLL_S)


def _holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        told = json.loads(file.read())
        return f"{told['purpose']}, pid {told['pid']}, user {told['user']}, since {told['since']}"
    except (ValueError, KeyError):
        return "by a process that has just begun"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return str(os.getuid())
