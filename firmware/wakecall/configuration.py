"""The configuration of a board: JSON files that the host writes, checked against declarations.

``config.json`` is what the owner chose, ``board.json`` what the hardware is (from
``boards/*.toml``), ``secrets.json`` what must never be shown.
"""

import json

from wakecall.errors import ConfigurationError, SchemaError
from wakecall.schema import Boolean, Choice, Each, Integer, Object, Table, Text

_SERVER = Object(
    {
        "host": Text(253, minimum_length=1),
        "port": Integer(1, 65535, default=1883),
        "tls": Boolean(default=False),
        "profile": Choice(("thingsboard", "broker"), default="thingsboard"),
    }
)
_CONFIGURATION = Object(
    {
        "device": Text(255, minimum_length=1),
        "link": Choice(("mqtt",), default="mqtt"),
        "server": _SERVER,
        "wifi": Object({"ssid": Text(32)}, default={"ssid": ""}),
        "pins": Object(
            {
                "allow": Each(Integer(0, 255), default=[]),
                "retain": Each(Integer(0, 255), default=[]),
            },
            default={"allow": [], "retain": []},
        ),
        "keepalive_s": Integer(5, 3600, default=60),
        "payload_limit": Integer(256, 61440, default=8192),
        "time_limit_ms": Integer(100, 3600000, default=10000),
        "ntp": Text(253, default=""),
        "time_floor_ms": Integer(0, default=0),
        "durable_answers": Boolean(default=False),
        "rights": Table(Each(Text(64)), default={}),
        "rate_per_minute": Integer(0, 100000, default=0),
    }
)
#: What a board's ``board.json`` may leave out: the ring that fits LittleFS with the settings of
#: MicroPython for the ESP32 (reference/power-delivery.md 4.3 and 4.4).
_JOURNAL = {"slots": 16, "slot_bytes": 120}
_SECRETS = Object({"token": Text(255, minimum_length=1), "wifi_key": Text(64, default="")})


def read_board(read_file):
    """Return the content of ``board.json``.

    Args:
        read_file: A function that returns a file's bytes by name, or None.

    Raises:
        ConfigurationError: The file is missing or is not a board's description.
    """
    board = _read_json(read_file, "board.json")
    for key in ("board", "port", "pins"):
        if key not in board:
            raise ConfigurationError("board.json: %s is missing; write the file anew" % key)
    board.setdefault("journal", _JOURNAL)
    return board


def read_configuration(read_file):
    """Return ``config.json`` with every key present; arguments and errors as ``read_board``."""
    return _read_checked(read_file, "config.json", _CONFIGURATION)


def read_secrets(read_file):
    """Return ``secrets.json`` with every key present; error texts never show a value."""
    content = _read_json(read_file, "secrets.json")
    try:
        return _SECRETS.check(content)
    except SchemaError:
        raise ConfigurationError(
            "secrets.json: needs a text for token and may have one for wifi_key, nothing else"
        )


def _read_checked(read_file, name, declared):
    content = _read_json(read_file, name)
    try:
        return declared.check(content)
    except SchemaError as error:
        raise ConfigurationError("%s: %s" % (name, error.message))


def _read_json(read_file, name):
    content = read_file(name)
    if content is None:
        raise ConfigurationError("%s is missing; provision the board" % name)
    try:
        parsed = json.loads(content)
    except ValueError:
        raise ConfigurationError("%s is not JSON; write it anew" % name)
    if not isinstance(parsed, dict):
        raise ConfigurationError("%s must hold an object" % name)
    return parsed
