"""The payloads of telemetry and attributes, whatever transport brings them (1.8)."""

from __future__ import annotations

from dataclasses import dataclass

from host_tools.json_text import Json

MAX_KEY_LENGTH = 255
MAX_MILLISECONDS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one key; the value is any JSON but null."""

    key: str
    ts_ms: int
    value: Json


def parse_telemetry(payload: Json, now_ms: int) -> list[Point]:
    """Read any of the four telemetry forms.

    Args:
        payload: An object of values, one with ``ts`` and ``values``, or a list of such.
        now_ms: The time of values that have none.

    Raises ValueError for anything else. Nulls are left out.
    """
    if isinstance(payload, list):
        return [point for entry in payload for point in _parse_entry(entry, now_ms)]
    return _parse_entry(payload, now_ms)


def _parse_entry(entry: Json, now_ms: int) -> list[Point]:
    if not isinstance(entry, dict):
        raise ValueError("telemetry is an object or a list of objects")
    ts_ms, values = now_ms, entry
    if "ts" in entry and "values" in entry:
        ts_ms, values = entry["ts"], entry["values"]
        if isinstance(ts_ms, bool) or not isinstance(ts_ms, int):
            raise ValueError("ts is not an integer")
        if not 0 <= ts_ms <= MAX_MILLISECONDS:
            raise ValueError("ts is not a time in milliseconds")
        if not isinstance(values, dict):
            raise ValueError("values is not an object")
    return [Point(key, ts_ms, value) for key, value in parse_values(values).items()]


def parse_values(values: Json) -> dict[str, Json]:
    """Read an object of keys and values, as attributes have it.

    Raises ValueError for anything but an object, and for a key that is empty or too long. Text
    that looks like a number becomes one, as ThingsBoard does by default.
    """
    if not isinstance(values, dict):
        raise ValueError("attributes are an object")
    for key in values:
        if not key or len(key) > MAX_KEY_LENGTH or "\0" in key:
            raise ValueError(f"a key has 1 to {MAX_KEY_LENGTH} characters")
    return {key: _cast(value) for key, value in values.items() if value is not None}


def _cast(value: Json) -> Json:
    if not isinstance(value, str) or not value[-1:].isdigit() or not value.isascii():
        return value
    try:
        number = float(value)
        whole = number.is_integer() and abs(number) < 2**53
    except (ValueError, OverflowError):
        return value
    if "_" in value or value != value.strip() or number in (float("inf"), float("-inf")):
        return value
    return int(number) if whole and "." not in value and "e" not in value.lower() else number


def split_keys(text: str | None) -> list[str]:
    """Read a list of keys that are separated by commas."""
    return [key for key in (text or "").split(",") if key]
