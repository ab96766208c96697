"""Words of a command line that become values: durations, addresses, parameters of a call."""

from __future__ import annotations

import argparse
import re
import sys
import uuid
from collections.abc import Sequence

from host_tools import json_text
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json
from host_tools.urls import mqtt_url, server_url

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
LONGEST_COMMAND_ID = 128
"""What an agent accepts as ``_id``."""


def duration_ms(text: str) -> int:
    """Return a duration such as ``500ms``, ``10s`` or ``2m`` in milliseconds, for argparse."""
    return _milliseconds(text, "24h", "500ms, 10s or 2m")


def lifetime_ms(text: str) -> int:
    """Return how long a call is kept, such as ``8h`` or ``30d``, in milliseconds, for argparse."""
    return _milliseconds(text, "366d", "30m, 8h or 2d")


def _milliseconds(text: str, longest: str, examples: str) -> int:
    value = _parse_duration(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write {examples}")
    if not 1 <= value <= (_parse_duration(longest) or 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1ms and {longest}")
    return round(value)


def _parse_duration(text: str) -> float | None:
    match = _DURATION.fullmatch(text)
    return float(match[1]) * _UNIT_MS[match[2]] if match else None


def count(text: str) -> int:
    """Return a whole number from 0 on, for argparse."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)


def command_id(text: str) -> str:
    """Return the id that a command carries in its params, for argparse."""
    if not 1 <= len(text) <= LONGEST_COMMAND_ID:
        raise argparse.ArgumentTypeError(f"an id has 1 to {LONGEST_COMMAND_ID} characters")
    return text


def call_id(text: str) -> str:
    """Return the id of a persistent call, for argparse."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no id of a call: `wakecall call --persistent` prints one"
        ) from None


def server_address(text: str) -> str:
    """Return the address of a server, for argparse."""
    try:
        return server_url(text, "the server's address")
    except WakecallError as error:
        raise argparse.ArgumentTypeError(error.message) from None


def mqtt_address(text: str) -> str:
    """Return an MQTT address, for argparse."""
    try:
        return mqtt_url(text, "the MQTT address")
    except WakecallError as error:
        raise argparse.ArgumentTypeError(error.message) from None


def call_params(pairs: Sequence[str], text: str | None) -> Json:
    """Return the parameters of a call: an object of pairs, or what a JSON text says.

    Args:
        pairs: ``key=value`` words; a value is JSON when it parses as such, else text.
        text: JSON, ``-`` for JSON on standard input, or None.

    Raises:
        WakecallError: Both are given, or one is wrong (USAGE).
    """
    if text is None:
        return _object(pairs)
    if pairs:
        raise _usage("give the parameters as key=value or with --params, not both")
    try:
        return json_text.parse(sys.stdin.buffer.read() if text == "-" else text)
    except ValueError as error:
        source = "standard input" if text == "-" else "--params"
        raise _usage(f"{source}: not JSON: {error}") from None


def _object(pairs: Sequence[str]) -> dict[str, Json]:
    params: dict[str, Json] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise _usage(f"{pair!r} is no parameter: write key=value")
        if key in params:
            raise _usage(f"the parameter {key!r} is given twice")
        try:
            params[key] = json_text.parse(value)
        except ValueError:
            params[key] = value
    return params


def _usage(message: str) -> WakecallError:
    return WakecallError(message, code=ExitCode.USAGE)
