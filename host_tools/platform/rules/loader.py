"""Reads a rules file; a mistake in it is told with file and line before anything is served."""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from host_tools.errors import ExitCode, WakecallError
from host_tools.platform.rules import default
from host_tools.platform.rules.message import (
    PERIOD_ATTRIBUTE,
    TYPES_ATTRIBUTE,
    GeneratorFunction,
    RuleFunction,
)

HINT = "Whole rules files are in the folder host_tools/platform/rules/examples."


@dataclass(frozen=True)
class Rule:
    """A function that sees messages of some types."""

    name: str
    types: frozenset[str]
    function: RuleFunction


@dataclass(frozen=True)
class Generator:
    """A function whose message is made again and again; ``count`` 0 means without end."""

    name: str
    period_s: float
    count: int
    function: GeneratorFunction


@dataclass(frozen=True)
class RuleSet:
    """All rules of a platform."""

    rules: tuple[Rule, ...]
    generators: tuple[Generator, ...]


def load(path: Path | None) -> RuleSet:
    """Return the shipped rules and those of a file, which replace shipped ones of their name.

    Raises WakecallError: NOT_FOUND or CONFIGURATION, with file and line.
    """
    functions = _marked(default)
    if path is not None:
        functions |= _marked(_run(path))
    rules: list[Rule] = []
    generators: list[Generator] = []
    for name, function in functions.items():
        if types := getattr(function, TYPES_ATTRIBUTE, None):
            rules.append(Rule(name, frozenset(types), function))
        if period := getattr(function, PERIOD_ATTRIBUTE, None):
            period_s, count = period
            generators.append(Generator(name, period_s, count, function))
    return RuleSet(tuple(rules), tuple(generators))


def _marked(module: ModuleType) -> dict[str, Callable[..., Any]]:
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value) and (hasattr(value, TYPES_ATTRIBUTE) or hasattr(value, PERIOD_ATTRIBUTE))
    }


def _run(path: Path) -> ModuleType:
    if not path.is_file():
        raise WakecallError(f"no rules file {path}", code=ExitCode.NOT_FOUND, hint=HINT)
    spec = importlib.util.spec_from_file_location(f"wakecall_rules_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise _mistake(path, None, "a rules file ends in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise _mistake(path, error.lineno, error.msg) from error
    except Exception as error:
        raise _mistake(path, _line_in(path, error), f"{type(error).__name__}: {error}") from error
    return module


def _line_in(path: Path, error: Exception) -> int | None:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return lines[-1] if lines else None


def _mistake(path: Path, line: int | None, message: str) -> WakecallError:
    place = f"{path}:{line}" if line else str(path)
    return WakecallError(f"rules file {place}: {message}", code=ExitCode.CONFIGURATION, hint=HINT)
