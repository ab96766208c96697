"""JSON that others wrote: parsed strictly, whatever its depth, with one kind of failure."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

Json = Any
"""A parsed JSON value: None, bool, int, float, str, list or dict."""


def parse(text: str | bytes) -> Json:
    """Parse JSON as RFC 8259 has it: no NaN, no Infinity, UTF-8 only.

    Raises ValueError for anything else, also for what cannot be passed on unchanged: nesting
    deeper than the parser can go, numbers beyond a double, half a surrogate pair.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        value = json.loads(decoded, parse_constant=_refuse_constant, parse_float=_parse_float)
        if "\\" in decoded:
            dump(value).encode("utf-8")
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    return value


def dump(value: Json) -> str:
    """Write JSON in its shortest form; characters beyond ASCII stay as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_json(text: str | bytes) -> bool:
    """Tell whether ``parse`` would accept the text."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _parse_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is beyond the range of a double")
    return number
