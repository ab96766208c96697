"""The argument parser of every command: options may stand anywhere, and are written in full."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any


class CommandParser(argparse.ArgumentParser):
    """A parser that takes options between positional words.

    argparse before Python 3.13 takes an empty ``key=value ...`` list as soon as an option stands
    before it, and then refuses ``wakecall call pump setGpio --timeout 5s pin=23``.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(**options)
        # `--time` in a script must not break on the day that `--times` comes to exist.
        self.allow_abbrev = False
        self._intermixing = False

    def add_subparsers(self, **options: Any) -> Any:  # noqa: ANN401 - argparse's own
        """Add commands below this one; what is intermixed are the words of each of them."""
        self._intermixing = True
        return super().add_subparsers(**options)

    def parse_known_args(  # type: ignore[override]  # argparse has four overloads of it
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse words, options and positional ones in any order, and return the unknown ones too.

        Args:
            args: The words after the command's name.
            namespace: Where to put the values.
        """
        if self._intermixing:  # the intermixed way calls this method again, for each kind of word
            return super().parse_known_args(args, namespace)
        self._intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixing = False
