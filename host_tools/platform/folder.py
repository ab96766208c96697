"""The data folder: one process at a time, secrets readable by their owner only."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from types import TracebackType

from host_tools.errors import ExitCode, WakecallError

DATABASE = "platform.db"
SIGNING_KEY = "jwt.key"
PASSWORD = "admin.password"
LOCK = "lock"

SIGNING_KEY_BYTES = 64
"""HS512 wants a key of the length of its hash (RFC 7518, 3.2)."""


class DataFolder:
    """A data folder that this process holds alone until the ``with`` block ends.

    Args:
        path: Made, with its parents and mode 0700, when it does not exist.

    Entering raises WakecallError: BUSY when another process holds it, CONFIGURATION when it
    cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1

    def __enter__(self) -> DataFolder:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self.unusable(error.strerror or str(error)) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise WakecallError(
                f"the data folder {self.path} is used by another process",
                code=ExitCode.BUSY,
                hint="Stop that `wakecall up`, or choose another folder with --data.",
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._lock)

    @property
    def database(self) -> Path:
        """The file of the database."""
        return self.path / DATABASE

    def signing_key(self) -> bytes:
        """Return the key that signs this folder's tokens; made at random the first time."""
        key = self._read(SIGNING_KEY)
        if key is None:
            key = secrets.token_bytes(SIGNING_KEY_BYTES)
            self._write(SIGNING_KEY, key)
        if len(key) != SIGNING_KEY_BYTES:
            raise self.unusable(f"{SIGNING_KEY} is damaged")
        return key

    def password(self) -> str | None:
        """Return the generated administrator password that was kept, if one was."""
        kept = self._read(PASSWORD)
        return None if kept is None else kept.decode().strip()

    def keep_password(self, password: str) -> None:
        """Keep a generated administrator password."""
        self._write(PASSWORD, password.encode() + b"\n")

    def unusable(self, why: str) -> WakecallError:
        """Make the error for a folder that cannot be used."""
        return WakecallError(
            f"the data folder {self.path} cannot be used: {why}",
            code=ExitCode.CONFIGURATION,
            hint="Choose a writable folder with --data, or restore this one from a copy.",
        )

    def _read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.unusable(f"{name}: {error.strerror}") from error

    def _write(self, name: str, content: bytes) -> None:
        """Write a file as a whole or not at all: a crash leaves no half a key behind."""
        draft = self.path / f"{name}.new"
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path / name)
        except OSError as error:
            raise self.unusable(f"{name}: {error.strerror}") from error
