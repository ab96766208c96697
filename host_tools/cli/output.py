"""What commands print: JSON in one line, tables for people, times of day."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TextIO

from host_tools.json_text import Json


def print_json(value: Json, stream: TextIO | None = None) -> None:
    """Print JSON in its own letters, or escaped where the stream cannot take them.

    Args:
        value: Any JSON value.
        stream: Standard output by default.
    """
    stream = stream or sys.stdout
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        line = json.dumps(value)
    print(line, file=stream, flush=True)


def print_line(text: str, stream: TextIO | None = None) -> None:
    """Print a line that may hold words of others: what is not printable is escaped.

    Args:
        text: One line.
        stream: Standard output by default.
    """
    stream = stream or sys.stdout
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    encoding = stream.encoding or "ascii"
    print(shown.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below their heads, each column as wide as it must be; the last one is free."""
    lines = [heads, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, [*widths, 0], strict=True)]
        print_line("  ".join(cells).rstrip())


def compact(value: Json) -> str:
    """Return a JSON value in one short line, for people."""
    return json.dumps(value, ensure_ascii=False)


def time_text(epoch_ms: int) -> str:
    """Return a moment in local time, to the second; a dash for 0, which means unknown."""
    if not epoch_ms:
        return "-"
    return datetime.fromtimestamp(epoch_ms / 1000).isoformat(" ", "seconds")
