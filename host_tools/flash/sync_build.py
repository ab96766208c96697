"""The files that belong onto a board: the agent and the libraries, compiled, and the owner's own.

``boot.py`` and ``main.py`` stay source files: MicroPython looks for them by these names.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path

from host_tools import byte_code, device_libraries
from host_tools.board_facts import BoardFacts
from host_tools.errors import ExitCode, WakecallError

FIRMWARE_FOLDER = Path(__file__).resolve().parent.parent.parent / "firmware"
IGNORE_FILE = ".wakecallignore"
MPY_VERSION = 6
"""What the compiler emits (reference/host-tools.md 4.8)."""

_SOURCE_ONLY = ("boot.py", "main.py")


def build(facts: BoardFacts, app: Path | None) -> dict[str, bytes]:
    """Return what shall be on a board, by path on the board; compiled, so errors show now.

    Args:
        facts: The board, for ``board.json``.
        app: The folder with the owner's methods, which becomes ``app/``; None for none.

    Raises:
        WakecallError: There is no such folder (NOT_FOUND), or a file does not compile
            (CONFIGURATION).
    """
    files = {"board.json": json.dumps(facts.device_json(), indent=2).encode()}
    sources = [(FIRMWARE_FOLDER, ""), (device_libraries.folder(), "lib/")]
    if app is not None:
        if not app.is_dir():
            raise WakecallError(
                f"there is no folder {app}",
                code=ExitCode.NOT_FOUND,
                hint="name the folder that holds your methods, as Python files",
            )
        sources.append((app, "app/"))
    for folder, prefix in sources:
        for path in _files(folder):
            name = prefix + path.relative_to(folder).as_posix()
            if path.suffix == ".py" and name not in _SOURCE_ONLY:
                files[name.removesuffix(".py") + ".mpy"] = byte_code.compile_source(path, name)
            else:
                files[name] = path.read_bytes()
    return files


def _files(folder: Path) -> Iterator[Path]:
    patterns = _ignored(folder)
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith((".", "__pycache__")) for part in inside.parts)
        if path.is_file() and not hidden and not _matches(inside, patterns):
            yield path


def _ignored(folder: Path) -> list[str]:
    try:
        lines = (folder / IGNORE_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ["*.pyc"]
    return ["*.pyc", *(line.strip() for line in lines if line.strip() and line[0] != "#")]


def _matches(inside: Path, patterns: list[str]) -> bool:
    """Say whether a pattern names a file, its name alone, or a folder above it."""
    names = [inside.as_posix(), inside.name, *(parent.as_posix() for parent in inside.parents)]
    return any(
        fnmatch.fnmatchcase(name, pattern.rstrip("/")) for pattern in patterns for name in names
    )
