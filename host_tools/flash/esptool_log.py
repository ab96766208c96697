"""esptool's talk, caught: its progress and one warning are passed on; errors come as exceptions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from esp_pylib.logger import EspLog, EspLogBase
from esptool.reset import ResetStrategy
from esptool.util import PrintOnce


class _QuietLog(EspLogBase):
    """A logger for esptool that prints nothing."""

    def __init__(self, on_progress: Callable[[int, int], None]) -> None:
        self._on_progress = on_progress

    def print(self, *args: object, **kwargs: object) -> None:
        """Do nothing."""

    err = warn = note = hint = debug = print

    def set_verbosity(self, mode: int | str) -> None:
        """Do nothing."""

    def progress_bar(
        self,
        cur_iter: int,
        total_iters: int,
        prefix: str = "",
        suffix: str = "",
        bar_length: int = 30,
    ) -> None:
        """Pass progress on."""
        self._on_progress(cur_iter, total_iters)


@contextlib.contextmanager
def caught(
    on_progress: Callable[[int, int], None], on_no_reset: Callable[[], None]
) -> Iterator[None]:
    """Catch what esptool says while the context lasts.

    Args:
        on_progress: Called with what is done and what there is to do, in bytes.
        on_no_reset: Called when the port has no lines to reset the chip with.
    """
    before, warn_before = EspLog.instance, ResetStrategy.print_once
    EspLog.set_logger(_QuietLog(on_progress))
    # This one warning is bound to the logger of the time when esptool was imported.
    ResetStrategy.print_once = PrintOnce(lambda _text: on_no_reset())
    try:
        yield
    finally:
        EspLog.instance, ResetStrategy.print_once = before, warn_before
