"""Lays out a folder as the flash of a board: firmware, libraries, the user's methods, settings."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host_tools.board_facts import BoardFacts
from host_tools.errors import ExitCode, WakecallError

FIRMWARE_FOLDER = Path(__file__).resolve().parent.parent.parent / "firmware"

_NOT_FOR_BOARDS = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


@dataclass(frozen=True)
class Content:
    """What belongs onto a board.

    Args:
        firmware: The folder with ``boot.py``, ``main.py`` and packages; the project's by default.
        libraries: The folder that becomes ``lib/``; None leaves it out.
        app: A folder with the user's methods, which becomes ``app/``; None leaves it out.
        configuration: Becomes ``config.json``.
        secrets: Becomes ``secrets.json``, which only its owner can read.
    """

    firmware: Path = FIRMWARE_FOLDER
    libraries: Path | None = None
    app: Path | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a folder of methods that does not exist (NOT_FOUND)."""
        if self.app is not None and not self.app.is_dir():
            raise WakecallError(
                f"there is no folder {self.app}",
                code=ExitCode.NOT_FOUND,
                hint="name the folder that holds your methods, as Python files",
            )


def write(folder: Path, facts: BoardFacts, content: Content) -> None:
    """Bring a board's flash up to date; files that the firmware wrote itself stay.

    Args:
        folder: The flash; made when it does not exist.
        facts: The kind of board, for ``board.json``.
        content: What belongs onto it.

    """
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(content.firmware.iterdir()):
        if source.is_dir() and not source.name.startswith((".", "__")):
            _replace_folder(source, folder / source.name)
        elif source.suffix in (".py", ".mpy"):
            shutil.copyfile(source, folder / source.name)
    if content.libraries is not None:
        _replace_folder(content.libraries, folder / "lib")
    _replace_folder(content.app, folder / "app")
    for name, text in settings_files(facts, content.configuration, content.secrets).items():
        _write(folder / name, text, 0o600 if name == "secrets.json" else 0o644)


def settings_files(
    facts: BoardFacts, configuration: Mapping[str, Any], secrets: Mapping[str, Any]
) -> dict[str, bytes]:
    """Return the JSON files that the host writes onto a board, by name."""
    settings = {"board.json": facts.device_json(), "config.json": configuration}
    return {
        name: json.dumps(content, indent=2).encode()
        for name, content in {**settings, "secrets.json": secrets}.items()
    }


def _replace_folder(source: Path | None, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    if source is not None:
        shutil.copytree(source, target, ignore=_NOT_FOR_BOARDS)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
