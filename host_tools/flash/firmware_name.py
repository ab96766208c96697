"""The names of MicroPython's published firmware files (reference/host-tools.md 4.8).

``<BOARD>[-<VARIANT>]-<YYYYMMDD>-v<X.Y.Z>[-preview.<N>.g<hash>].<ext>``
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(
    r"(?P<board>[A-Z0-9][A-Z0-9_]*)(?:-(?P<variant>[A-Z0-9][A-Z0-9_]*))?"
    r"-(?P<date>\d{8})"
    r"-v(?P<version>\d+\.\d+\.\d+)(?:-preview\.(?P<preview>\d+)\.g[0-9a-f]{10})?"
    r"\.(?P<extension>bin|uf2)"
)


@dataclass(frozen=True)
class FirmwareName:
    """What a file's name says about it.

    Args:
        board: MicroPython's name of the board.
        variant: The variant; empty for the standard one.
        date: YYYYMMDD.
        version: Three numbers.
        preview: The number of the preview; None for a release.
        extension: ``bin`` or ``uf2``.
    """

    board: str
    variant: str
    date: str
    version: tuple[int, int, int]
    preview: int | None
    extension: str

    @property
    def build(self) -> str:
        """What ``sys.implementation._build`` says on a board that runs it."""
        return f"{self.board}-{self.variant}" if self.variant else self.board

    @property
    def version_text(self) -> str:
        """The version as people write it."""
        return ".".join(map(str, self.version)) + ("" if self.preview is None else "-preview")

    @property
    def age(self) -> tuple[tuple[int, int, int], bool, int, str]:
        """What orders names of one build from the oldest to the newest."""
        return self.version, self.preview is None, self.preview or 0, self.date


def parse(name: str) -> FirmwareName | None:
    """Return what a name says, or None when it does not follow the scheme.

    Args:
        name: A file's name without its folder.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    major, minor, micro = map(int, match["version"].split("."))
    return FirmwareName(
        board=match["board"],
        variant=match["variant"] or "",
        date=match["date"],
        version=(major, minor, micro),
        preview=None if match["preview"] is None else int(match["preview"]),
        extension=match["extension"],
    )
