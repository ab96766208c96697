"""The simulated boards that run on this machine: where each keeps its flash, and how it is reached.

A board's folder is ``$XDG_STATE_HOME/wakecall/sim/NAME`` (``~/.local/state`` without the
variable), for its owner only: ``flash/`` is kept from run to run; ``control.json`` says while it
runs how another terminal reaches it; ``lock`` is held by the process that runs it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from host_tools.errors import ExitCode, WakecallError
from host_tools.sim.control import ControlClient


def folder(name: str) -> Path:
    """Return the folder of a board; it need not exist.

    Args:
        name: The device's name.

    Raises:
        WakecallError: The name is empty or cannot be a folder's (USAGE).
    """
    if name in ("", ".", ".."):
        raise WakecallError(f"{name!r} is no name for a board", code=ExitCode.USAGE)
    base = os.environ.get("XDG_STATE_HOME", "")
    # The base directory specification: a relative value is to be ignored.
    root = Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state"
    return root / "wakecall" / "sim" / quote(name, safe=" ")


@contextlib.contextmanager
def claim(name: str) -> Iterator[Path]:
    """Hold a board's folder for this process, and return it.

    Args:
        name: The device's name.

    Raises:
        WakecallError: Another process runs the board (BUSY).
    """
    home = folder(name)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WakecallError(
                f"a simulated board {name!r} runs already",
                code=ExitCode.BUSY,
                hint="end it with Ctrl-C where it runs, or choose another name",
            ) from None
        try:
            yield home
        finally:
            (home / "control.json").unlink(missing_ok=True)


def publish(home: Path, port: int, token: str) -> None:
    """Write down how other terminals reach the board, for its owner only.

    Args:
        home: What ``claim`` returned.
        port: The board's control port.
        token: What admits to it.
    """
    descriptor = os.open(home / "control.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"port": port, "token": token}, file)


def visit(name: str) -> ControlClient:
    """Return a connection to a board that runs in another process.

    Args:
        name: The device's name.

    Raises:
        WakecallError: No such board runs (NOT_FOUND).
    """
    try:
        control = json.loads((folder(name) / "control.json").read_text(encoding="utf-8"))
        return ControlClient(control["port"], control["token"])
    except (OSError, ValueError, KeyError, WakecallError):
        raise WakecallError(
            f"no simulated board {name!r} runs here",
            code=ExitCode.NOT_FOUND,
            hint=_running_hint(name),
        ) from None


def _running_hint(name: str) -> str:
    running = sorted(path.parent.name for path in folder(name).parent.glob("*/control.json"))
    return f"running: {', '.join(running)}" if running else f"start it with: wakecall sim {name}"
