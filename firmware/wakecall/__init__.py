"""Wakecall: remote procedure calls for MicroPython boards that sleep; the agent on the board."""

from wakecall.errors import CommandError
from wakecall.pins import Pin
from wakecall.registry import method
from wakecall.schema import Boolean, Choice, Each, Integer, Kind, Number, Object, Text

__version__ = "0.1.0"

__all__ = (
    "Boolean",
    "Choice",
    "CommandError",
    "Each",
    "Integer",
    "Kind",
    "Number",
    "Object",
    "Pin",
    "Text",
    "method",
)
