"""What `make` says on a machine that is not ready, and which targets it lists."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_make_alone_lists_the_targets() -> None:
    done = make(ROOT)
    listed = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("make ")}
    assert done.returncode == 0
    assert {"setup", "demo", "test", "lint", "clean"} <= listed


def test_a_python_that_is_too_old_is_told_in_one_line(clone: Path) -> None:
    old = clone / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)
    done = make(clone, "test", f"PYTHON={old}")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer, this is Python 3.9.2" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_that_is_missing_is_told(clone: Path) -> None:
    done = make(clone, "demo", "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "no-such-python not found: install Python 3.11 or newer" in done.stderr


def test_a_missing_network_is_told_and_nothing_counts_as_installed(clone: Path) -> None:
    done = make(
        clone,
        "test",
        f"PYTHON={sys.executable}",
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(clone),
        PIP_RETRIES="0",
    )
    assert done.returncode != 0
    assert "the packages of requirements.lock were not installed" in done.stderr
    assert not (clone / ".venv" / ".installed").exists()
