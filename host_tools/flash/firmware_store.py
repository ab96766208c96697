"""The firmware files on this machine: a cache that holds nothing but locked files.

A file comes into the cache under its published name when its size and SHA-256 are those of the
lock, and is checked again each time it leaves it. The cache is
``$XDG_CACHE_HOME/wakecall/firmware`` (``~/.cache`` without the variable).
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from host_tools.errors import ExitCode, WakecallError
from host_tools.flash.firmware_lock import LockedFile

if TYPE_CHECKING:
    import httpx

PUBLISHED_AT = "https://micropython.org/resources/firmware"
"""Where the published names lead (reference/host-tools.md 4.8)."""

ADDRESS_VARIABLE = "WAKECALL_FIRMWARE_URL"
_QUIET_S = 30.0
_DOWNLOAD_S = 600.0


def cache_folder() -> Path:
    """Return the folder of the cache; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The base directory specification: a relative value is to be ignored.
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "wakecall" / "firmware"


def get(file: LockedFile, *, offline: bool = False) -> tuple[Path, bytes]:
    """Return a locked file from the cache, downloaded when it is not there or is damaged.

    Args:
        file: Which one.
        offline: Whether the network is not to be used.

    Raises:
        WakecallError: It cannot be had (UNREACHABLE, NOT_FOUND, TIMEOUT), or what came is another
            file than the locked one (WRONG_FIRMWARE).
    """
    path = cache_folder() / file.name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        state = "is not in the cache"
    except OSError as error:
        raise WakecallError(f"{path} cannot be read: {error.strerror}") from error
    else:
        if file.matches(content):
            return path, content
        state = "in the cache is damaged"
    if offline:
        raise WakecallError(
            f"{file.name} {state}, and --offline forbids to fetch it",
            code=ExitCode.NOT_FOUND,
            hint="type without --offline once: wakecall firmware fetch " + file.name,
        )
    content = _download(file)
    return put(file, content), content


def put(file: LockedFile, content: bytes) -> Path:
    """Write a file into the cache, whole or not at all, and return its path.

    Args:
        file: What the lock says about it.
        content: The whole file.

    Raises:
        WakecallError: The content is another than the locked one (WRONG_FIRMWARE), or the cache
            cannot be written.
    """
    file.check(content, file.name)
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".downloading-")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, folder / file.name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WakecallError(f"cannot write to {folder}: {error.strerror}") from error
    return folder / file.name


def _download(file: LockedFile) -> bytes:
    import httpx

    address = (os.environ.get(ADDRESS_VARIABLE) or PUBLISHED_AT).rstrip("/") + "/" + file.name
    try:
        with httpx.stream("GET", address, follow_redirects=True, timeout=_QUIET_S) as response:
            if response.status_code != httpx.codes.OK:
                raise WakecallError(
                    f"{file.name} cannot be downloaded: the server answers {response.status_code}",
                    code=ExitCode.NOT_FOUND,
                    hint="is it still published? wakecall firmware lock FILE takes a newer one",
                )
            content = _body(response, file)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise WakecallError(
            f"{file.name} cannot be downloaded ({type(error).__name__})",
            code=ExitCode.UNREACHABLE,
            hint="connect to the network, or flash a file with --firmware FILE",
        ) from error
    file.check(content, f"what the server sent as {file.name}")
    return content


def _body(response: httpx.Response, file: LockedFile) -> bytes:
    deadline = time.monotonic() + _DOWNLOAD_S
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > file.size_bytes:
            break  # whatever it is, it is not the file; the check says so
        if time.monotonic() > deadline:
            raise WakecallError(
                f"{file.name} did not arrive within {_DOWNLOAD_S:.0f} s", code=ExitCode.TIMEOUT
            )
    return bytes(content)
