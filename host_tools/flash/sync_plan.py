"""What a sync has to do: pure, from what is wanted and what the board says it has.

The board keeps a manifest of the files that we have written, with their SHA-256. A file that is in
it and no longer wanted is deleted, unless somebody has changed it since; nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from host_tools.errors import ExitCode, WakecallError

_LAST = ("boot.py", "main.py")
"""Written after all that they import."""

Hashes = Mapping[str, str]
"""Paths on the board to the SHA-256 of what is there, hexadecimal; without those that are not."""


@dataclass(frozen=True)
class Plan:
    """The steps of a sync, in their order.

    Args:
        first_manifest: What is written before all else, so that nothing new is ever without an
            owner; None when the manifest on the board says it already.
        writes: Paths to write, each as a whole or not at all.
        deletes: Paths to delete.
        last_manifest: What is written at the end; None when nothing was deleted.
        kept: Paths that were ours, are not wanted, and stay because somebody has changed them.
    """

    first_manifest: dict[str, str] | None
    writes: tuple[str, ...]
    deletes: tuple[str, ...]
    last_manifest: dict[str, str] | None
    kept: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be written or deleted."""
        return self.first_manifest is None and self.last_manifest is None and not self.writes


def paths_to_ask(wanted: Hashes, manifest: Hashes) -> list[str]:
    """Return the paths whose hashes the plan needs.

    Args:
        wanted: What shall be on the board.
        manifest: What the manifest on the board says.
    """
    return sorted({*wanted, *manifest, *map(shadow, wanted)} - {""})


def shadow(path: str) -> str:
    """Return the source file that MicroPython would import in place of a compiled one, or "".

    Args:
        path: A path on the board.
    """
    return path.removesuffix(".mpy") + ".py" if path.endswith(".mpy") else ""


def make(wanted: Hashes, manifest: Hashes, there: Hashes) -> Plan:
    """Return the steps.

    Args:
        wanted: What shall be on the board.
        manifest: What the manifest on the board says; empty for a board without one.
        there: The answer to ``paths_to_ask``.

    Raises:
        WakecallError: A source file that is not ours hides a file of ours (CONFIGURATION).
    """
    writes = [path for path in wanted if there.get(path) != wanted[path]]
    old = [path for path in manifest if path not in wanted and path in there]
    deletes = [path for path in old if there[path] == manifest[path]]
    kept = [path for path in old if there[path] != manifest[path]]
    for path in sorted(wanted):
        hiding = shadow(path)
        if hiding in there and hiding not in wanted and hiding not in deletes:
            raise WakecallError(
                f"{hiding} on the board hides {path}, and it is not ours",
                code=ExitCode.CONFIGURATION,
                hint=f"keep a copy if you need it, then remove it: mpremote fs rm :{hiding}",
            )
    meanwhile = {**manifest, **wanted}
    final = dict(wanted)
    return Plan(
        first_manifest=meanwhile if meanwhile != manifest else None,
        writes=tuple(sorted(writes, key=lambda path: (path in _LAST, path))),
        deletes=tuple(sorted(deletes)),
        last_manifest=final if final != meanwhile else None,
        kept=tuple(sorted(kept)),
    )
