"""A board's file system through its prompt: hashes, whole files or none, manifest."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping

from host_tools.errors import ExitCode, WakecallError
from host_tools.flash.repl import Session

MANIFEST = "wakecall.manifest"
TEMPORARY = "wakecall.tmp"
"""Where a file is until it is whole; what a cut leaves there is written over by the next."""

_CHUNK_BYTES = 512
_PATHS_AT_ONCE = 20

# Defined on the board once for each connection. A folder has no hash; neither has what is missing.
_HELPERS = f"""\
import os, sys, hashlib, binascii
def _wakecall_hash(path):
    h = hashlib.sha256()
    b = bytearray(512)
    m = memoryview(b)
    try:
        with open(path, "rb") as f:
            n = f.readinto(b)
            while n:
                h.update(m[:n])
                n = f.readinto(b)
    except OSError:
        return ""
    return binascii.hexlify(h.digest()).decode()
def _wakecall_folder(path):
    try:
        os.mkdir(path)
    except OSError:
        pass
def _wakecall_put(path, digest):
    if _wakecall_hash({TEMPORARY!r}) != digest:
        raise OSError("what arrived is not what was sent")
    os.rename({TEMPORARY!r}, path)
"""


class BoardFiles:
    """The files of one board, for as long as its prompt is open.

    Args:
        session: The prompt.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        session.run(_HELPERS)

    def mpy_version(self) -> int:
        """Return the version of compiled files that the board loads; 0 for none."""
        told = self._session.run("print(getattr(sys.implementation, '_mpy', 0) & 0xff)")
        return int(told.strip() or 0)

    def hashes(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the SHA-256 of those files that are there.

        Args:
            paths: Which ones.
        """
        wanted = list(paths)
        found: dict[str, str] = {}
        for at in range(0, len(wanted), _PATHS_AT_ONCE):
            some = wanted[at : at + _PATHS_AT_ONCE]
            told = self._session.run(f"print([_wakecall_hash(p) for p in {some!r}])")
            found.update(zip(some, ast.literal_eval(told.strip()), strict=True))
        return {path: digest for path, digest in found.items() if digest}

    def read_manifest(self) -> dict[str, str]:
        """Return what the manifest says; nothing for a board without one.

        Raises:
            WakecallError: It is damaged (CONFIGURATION).
        """
        if MANIFEST not in self.hashes([MANIFEST]):
            return {}
        content = self._session.read_file(MANIFEST)
        try:
            manifest = json.loads(content)
            return {str(path): str(digest) for path, digest in manifest.items()}
        except (ValueError, AttributeError) as error:
            raise WakecallError(
                f"the file {MANIFEST} on the board is damaged",
                code=ExitCode.CONFIGURATION,
                hint=f"remove it: mpremote fs rm :{MANIFEST}; files of an older agent stay then",
            ) from error

    def write_manifest(self, manifest: Mapping[str, str]) -> None:
        """Write the manifest.

        Args:
            manifest: Paths to SHA-256.
        """
        self.write(MANIFEST, json.dumps(dict(sorted(manifest.items()))).encode())

    def write(self, path: str, content: bytes) -> None:
        """Write a file: beside its place, compared there, then renamed.

        Args:
            path: On the board.
            content: The whole file.
        """
        for folder in _folders(path):
            self._session.run(f"_wakecall_folder({folder!r})")
        self._session.write_file(TEMPORARY, content, _CHUNK_BYTES)
        digest = hashlib.sha256(content).hexdigest()
        self._session.run(f"_wakecall_put({path!r}, {digest!r})")

    def remove(self, path: str) -> None:
        """Delete a file.

        Args:
            path: On the board.
        """
        self._session.run(f"os.remove({path!r})")


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]
