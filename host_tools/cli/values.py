"""Words of a command line that become values: durations, addresses, parameters of a call."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from host_tools import json_text
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json
from host_tools.urls import mqtt_url, server_url

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
LONGEST_DURATION_MS = 24 * 3_600_000


def duration_ms(text: str) -> int:
    """Return a duration such as ``500ms``, ``10s`` or ``2m`` in milliseconds, for argparse."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 500ms, 10s or 2m")
    value = float(match[1]) * _UNIT_MS[match[2]]
    if not 1 <= value <= LONGEST_DURATION_MS:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1ms and 24h")
    return round(value)


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
