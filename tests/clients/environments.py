"""Virtual environments for clients that cannot live in ours: their packages contradict each other.

Each client has two files here: ``NAME.in`` names it, ``NAME.lock`` pins it and all that it needs by
hash. After a change of the first, write the second anew::

    uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header --no-annotate NAME.in -o NAME.lock

An environment is made once per lock file, below ``build/clients`` in the repository.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, require

HERE = Path(__file__).parent
NAMES = sorted(file.name.removesuffix(".in") for file in HERE.glob("*.in"))
_INSTALL_TIMEOUT_S = 100
_WRONG_CONTENT = "DO NOT MATCH THE HASHES"


def programs(name: str) -> Path:
    """Return the folder with the interpreter and the commands of a client's environment.

    Without a network the test is skipped, in CI it fails; content that is not the locked one fails
    everywhere.

    Args:
        name: The name of the client's lock file, without its ending.
    """
    lock = HERE / f"{name}.lock"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = ROOT / "build" / "clients" / f"{name}-{digest}"
    complete = folder / "complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # One worker makes it, the others wait.
    with folder.with_name(f"{folder.name}.busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, lock)
            complete.touch()
    return folder / "bin"


def _make(folder: Path, lock: Path) -> None:
    # Our own pip fills it: a second one takes seconds, and a client could install things with it.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin/python"]
    quietly = ["--quiet", "--disable-pip-version-check", "--retries", "1"]
    wheels_only = ["--only-binary", ":all:"]  # building a package would run code of strangers
    try:
        done = subprocess.run(
            [*pip, "install", *quietly, *wheels_only, "--require-hashes", "-r", lock],
            capture_output=True,
            text=True,
            timeout=_INSTALL_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        require(None, f"{lock.name} was not installed within {_INSTALL_TIMEOUT_S} s")
        return
    if _WRONG_CONTENT in done.stderr:
        pytest.fail(done.stderr)
    said = done.stderr.strip().splitlines() or ["pip says nothing"]
    require(done.returncode == 0, f"{lock.name} cannot be installed: {said[-1]}")


def variables(home: Path, **more: str) -> dict[str, str]:
    """Return the environment variables of a client: a home of its own, and no way to the outside.

    Some clients report their use to their maker, look for newer versions, or install packages.

    Args:
        home: An empty folder.
        more: More variables.
    """
    nowhere = "http://127.0.0.1:9"  # the discard port: nothing listens there
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1,localhost",
        "DO_NOT_TRACK": "1",
        "PIP_NO_INDEX": "1",
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        **more,
    }
