"""The portable tests, which pytest runs on CPython, once more on a genuine MicroPython."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import FIRMWARE_PATH, require

PORTABLE = Path(__file__).parent / "portable"
FILES = sorted(path.stem for path in PORTABLE.glob("test_*.py"))


@pytest.mark.parametrize("name", FILES)
def test_a_portable_file_passes_on_micropython(name: str) -> None:
    interpreter = shutil.which("micropython", path=str(Path(os.sys.executable).parent))
    require(interpreter, "no wheel of the MicroPython unix port for this machine")
    path = [part for part in FIRMWARE_PATH if "shims" not in part]
    done = subprocess.run(
        [interpreter, "-X", "heapsize=512k", str(PORTABLE / "run_portable.py"), name],
        env={**os.environ, "MICROPYPATH": ":".join([*path, ".frozen"])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    declared = re.findall(r"^def (test_\w+)", (PORTABLE / f"{name}.py").read_text(), re.MULTILINE)
    assert sorted(re.findall(r"^passed (test_\w+)", done.stdout, re.MULTILINE)) == sorted(declared)
