"""Runs a script on the genuine MicroPython of this environment, with the firmware on its path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import FIRMWARE_PATH, require


def run_micropython(
    script: Path, *arguments: str, path: Sequence[str] = (), heap: str = "512k", timeout_s: int = 60
) -> str:
    """Run a script to its end and return what it printed; it has to succeed."""
    interpreter = shutil.which("micropython", path=str(Path(sys.executable).parent))
    require(interpreter, "no wheel of the MicroPython unix port for this machine")
    # The shims are for CPython.
    modules = [part for part in FIRMWARE_PATH if "shims" not in part]
    done = subprocess.run(
        [str(interpreter), "-X", f"heapsize={heap}", str(script), *arguments],
        env={**os.environ, "MICROPYPATH": ":".join([*path, *modules, ".frozen"])},
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout
