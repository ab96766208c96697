"""Request ids as devices write them."""

from __future__ import annotations


def parse_id(text: str) -> int:
    """Read an int32 in decimal; ValueError for anything else."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits.isascii() or not digits.isdigit() or len(digits) > 10:
        raise ValueError("the id is not a number")
    number = int(text)
    if not -(1 << 31) <= number < 1 << 31:
        raise ValueError("the id does not fit an int32")
    return number
