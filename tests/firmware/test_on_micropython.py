"""The portable tests, which pytest runs on CPython, once more on a genuine MicroPython."""

from __future__ import annotations

import re

import pytest

from tests.conftest import PORTABLE
from tests.firmware.micropython import run_micropython

FILES = sorted(path.stem for path in PORTABLE.glob("test_*.py"))


@pytest.mark.parametrize("name", FILES)
def test_a_portable_file_passes_on_micropython(name: str) -> None:
    output = run_micropython(PORTABLE / "run_portable.py", name, timeout_s=200)
    declared = re.findall(r"^def (test_\w+)", (PORTABLE / f"{name}.py").read_text(), re.MULTILINE)
    assert sorted(re.findall(r"^passed (test_\w+)", output, re.MULTILINE)) == sorted(declared)
