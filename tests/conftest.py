"""What all tests share: the firmware on the path, and parts that may be missing on a machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from host_tools import device_libraries

ROOT = Path(__file__).parent.parent
PORTABLE = ROOT / "tests/firmware/portable"
FIRMWARE_PATH = [
    str(ROOT / "firmware"),
    str(ROOT / "host_tools/sim/shims/cpython"),
    str(device_libraries.folder()),
    str(PORTABLE),
]
sys.path[:0] = FIRMWARE_PATH
# These folders hold what goes onto a board, and nothing else.
sys.dont_write_bytecode = True


def require(available: object, reason: str) -> None:
    """Skip the test when an optional part is missing; in CI every part has to be there."""
    if available:
        return
    if os.environ.get("CI"):
        pytest.fail(f"missing in CI: {reason}")
    pytest.skip(reason)
