"""Where the server is and who asks: the settings that `up` and `login` write and the rest read.

A profile is a JSON file ``$XDG_CONFIG_HOME/wakecall/profiles/NAME.json`` (``~/.config`` without
the variable). It holds a password, so it is written with mode 0600 and not read with any other.

Precedence, best first, each setting on its own:

1. the variables ``WAKECALL_URL``, ``WAKECALL_USER``, ``WAKECALL_PASSWORD`` and ``WAKECALL_MQTT``
   (an empty one counts as not set);
2. the file, which is not opened at all when the first three variables are set;
3. for the MQTT address only: the host of the URL with the standard port. The file's MQTT address
   belongs to the file's URL: a ``WAKECALL_URL`` of another server leaves it out.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from host_tools.errors import ExitCode, WakecallError
from host_tools.urls import derived_mqtt_url, mqtt_url, server_url

VARIABLES = {
    "url": "WAKECALL_URL",
    "user": "WAKECALL_USER",
    "password": "WAKECALL_PASSWORD",
    "mqtt": "WAKECALL_MQTT",
}
"""Setting to the environment variable that wins over the file."""

_REQUIRED = ("url", "user", "password")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HOW_TO_START = "start `wakecall up`, or run `wakecall login URL` for a server that runs elsewhere"


@dataclass(frozen=True)
class Profile:
    """A server and a user of it.

    Args:
        url: Base address of the REST API, ``http://host:port``.
        user: The login name, an e-mail address on ThingsBoard.
        password: The secret of that user; it never shows in ``repr``.
        mqtt: Address of the device API, ``mqtt://host:port``; empty derives it from ``url``.
    """

    url: str
    user: str
    password: str = field(repr=False)
    mqtt: str = ""

    def __post_init__(self) -> None:
        if not self.mqtt:
            object.__setattr__(self, "mqtt", derived_mqtt_url(self.url))


def path(name: str = "default") -> Path:
    """Return the file that holds a profile; it need not exist.

    Args:
        name: The profile's name: letters, digits, ``.``, ``_`` and ``-``.

    Raises:
        WakecallError: The name is no plain file name (USAGE).
    """
    if not _NAME.fullmatch(name):
        raise WakecallError(
            f"{name!r} is no profile name: use letters, digits, '.', '_' and '-'",
            code=ExitCode.USAGE,
        )
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # The base directory specification: a relative value is to be ignored.
    root = Path(base) if os.path.isabs(base) else Path.home() / ".config"
    return root / "wakecall" / "profiles" / f"{name}.json"


def save(profile: Profile, name: str = "default") -> Path:
    """Write a profile, readable by its owner only, and return the file.

    The old file stays whole until the new one is: a reader at any moment finds one of the two.

    Args:
        profile: What to keep.
        name: Under which name; an existing profile of that name is replaced.

    Raises:
        WakecallError: The configuration folder cannot be written (CONFIGURATION).
    """
    target = path(name)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.parent.chmod(0o700)  # it may be older than us, or the umask wider
        _replace(target, json.dumps(asdict(profile), indent=2) + "\n")
    except OSError as error:
        raise WakecallError(
            f"cannot write the profile {target}: {error.strerror}",
            code=ExitCode.CONFIGURATION,
            hint="set XDG_CONFIG_HOME to a folder that you may write",
        ) from error
    return target


def load(name: str = "default", *, url: str = "") -> Profile:
    """Return the settings of the environment and of a profile's file, in this module's precedence.

    Args:
        name: Which profile's file to read.
        url: The server's address where the user gave one; it wins over ``WAKECALL_URL``.

    Raises:
        WakecallError: Nothing says where the server is (CONFIGURATION), the file is readable by
            others (CREDENTIALS), or a setting is wrong (CONFIGURATION, naming file and key).
    """
    given = {key: os.environ[name] for key, name in VARIABLES.items() if os.environ.get(name)}
    if url:
        given["url"] = url
    file = path(name)
    stored = {} if all(key in given for key in _REQUIRED) else _read(file)
    if not stored and not given:
        raise WakecallError(
            f"no profile {name!r} and no {VARIABLES['url']}: where is the server?",
            code=ExitCode.CONFIGURATION,
            hint=_HOW_TO_START,
        )
    sources = {key: str(file) for key in stored} | {key: VARIABLES[key] for key in given}
    settings = stored | given
    for key in _REQUIRED:
        if key not in settings:
            raise _missing(key, file, stored)
    url = server_url(settings["url"], f"{sources['url']}: url")
    if "mqtt" in stored and "mqtt" not in given and url != stored.get("url", "").rstrip("/"):
        del settings["mqtt"]
    mqtt = settings.get("mqtt", "")
    return Profile(
        url=url,
        user=settings["user"],
        password=settings["password"],
        mqtt=mqtt_url(mqtt, f"{sources['mqtt']}: mqtt") if mqtt else "",
    )


def _missing(key: str, file: Path, stored: dict[str, str]) -> WakecallError:
    if stored:
        message = f"{file}: the key {key!r} is missing"
    else:
        message = f"{VARIABLES[key]} is not set, and there is no profile {file}"
    return WakecallError(message, code=ExitCode.CONFIGURATION, hint=_HOW_TO_START)


def _read(file: Path) -> dict[str, str]:
    """Return what a profile's file says; nothing when there is no file."""
    try:
        with file.open(encoding="utf-8") as stream:
            _refuse_if_others_can_read(file, os.fstat(stream.fileno()).st_mode)
            content = json.load(stream)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WakecallError(
            f"cannot read the profile {file}: {error.strerror}", code=ExitCode.CONFIGURATION
        ) from error
    except ValueError:  # not JSON, or not UTF-8; the exception holds the text, with the password
        raise WakecallError(
            f"{file}: not JSON", code=ExitCode.CONFIGURATION, hint=_HOW_TO_START
        ) from None
    if not isinstance(content, dict):
        raise WakecallError(f"{file}: not a JSON object", code=ExitCode.CONFIGURATION)
    for key in VARIABLES:
        if not isinstance(content.get(key, ""), str):
            raise WakecallError(f"{file}: {key} must be text", code=ExitCode.CONFIGURATION)
    return {key: content[key] for key in VARIABLES if content.get(key)}


def _refuse_if_others_can_read(file: Path, mode: int) -> None:
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise WakecallError(
            f"the profile {file} holds a password and others can read it",
            code=ExitCode.CREDENTIALS,
            hint=f"type: chmod 600 {file}",
        )


def _replace(target: Path, text: str) -> None:
    # mkstemp makes the file with mode 0600, so that the password is never readable in between.
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
