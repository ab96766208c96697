"""One boot of a virtual board: the firmware's run from power-on or reset to the next."""

from __future__ import annotations

import asyncio
import contextlib
import random
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from host_tools.sim import requests
from host_tools.sim.board import State
from host_tools.sim.effects import Gone
from host_tools.sim.flash import Flash
from host_tools.sim.virtual import modules
from host_tools.sim.virtual.files import Files
from host_tools.sim.virtual.importer import Importer
from host_tools.sim.virtual.network import End

if TYPE_CHECKING:
    from host_tools.sim.virtual.board import VirtualBoard

COMPUTE_NS = 20_000
"""What a look at the clock or a turn of the event loop takes; about that of a chip."""
_SETTLE_NS = 200_000
_PIN_CHANGES = ("pin.configure", "pin.write", "pin.toggle")


class Boot:
    """The firmware's run, and every door by which it reaches out.

    Args:
        board: The board that boots.
    """

    def __init__(self, board: VirtualBoard) -> None:
        self.board = board
        self.clock = board.world.clock
        self.effects = board.effects
        self.is_over = False
        self._ahead_ns = 0
        #: Runs the handlers of interrupts, once the firmware has some.
        self.run_interrupts: Callable[[], None] = lambda: None
        self.loops: list[asyncio.AbstractEventLoop] = []
        self.ends: list[End] = []
        self.chance = random.Random(f"{board.world.seed} {board.name} {board.model.boots}")
        self._operations = requests.operations(board.model)
        self._flash = Flash(board.device, self.effects)
        self.files = Files(self._flash, board.frozen)
        self._importer = Importer(
            lambda path: modules.SHIM_FILES.get(path) or self.files.search_frozen(path),
            self.files.search_flash,
            ("", "lib"),
            modules.given(self),
            {"open": self._open, "print": self._print},
        )
        flag = self._importer.load("thread_safe_flag")
        vars(self._importer.modules["asyncio"])["ThreadSafeFlag"] = flag.ThreadSafeFlag

    def run(self) -> None:
        """Run ``boot.py`` and ``main.py``; returns when this boot is over."""
        namespace: dict[str, Any] = {"__name__": "__main__"}
        try:
            for name in ("boot.py", "main.py"):
                source = self.files.search_frozen(name) or self.files.search_flash(name)
                if source is not None:
                    self._importer.run(name, source, namespace)
        except Gone:
            pass
        except SystemExit:
            self.board.model.soft_reset()
        except BaseException as error:
            self._tell_exception(error)
        if not self.is_over:
            self.board.model.halt()
        self._dispose()

    def end(self) -> None:
        """Let nothing that this boot still does have any effect."""
        if not self.is_over:
            self.is_over = True
            self._flash.leave()
            for end in self.ends:
                end.vanish()

    # Doors

    def check(self) -> None:
        """Raise ``Gone`` when this boot is over."""
        if self.is_over:
            raise Gone

    @property
    def now_ns(self) -> int:
        """The time of the firmware, which runs a little ahead of the clock while it computes."""
        return self.clock.now_ns + self._ahead_ns

    def wait(self, until_ns: int | None) -> None:
        """Wait for a time, or for ``poke``."""
        self.check()
        self._ahead_ns = 0
        self.clock.wait(self.board.actor, until_ns)
        self.check()
        if self.board.pins.interrupts:
            self.run_interrupts()

    def sleep(self, until_ns: int) -> None:
        """Wait for a time, whatever happens meanwhile."""
        while self.now_ns < until_ns:
            self.wait(until_ns)

    def compute(self) -> None:
        """Spend a little time, so that a loop that only looks at the clock or a pin ends."""
        self.check()
        self._ahead_ns += COMPUTE_NS
        if self._ahead_ns >= _SETTLE_NS:
            self.wait(self.now_ns)

    def poke(self) -> None:
        """Let the firmware look what was made ready for it."""
        self.board.actor.wake()

    def ask(self, operation: str, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
        """Ask the model for an operation, as a live board does over its control line."""
        self.compute()
        answers: list[Any] = []

        def act() -> None:
            answers.append(self._operations[operation](*arguments))

        if operation in _PIN_CHANGES:
            self.effects.happen("pin", " ".join(map(str, arguments)), act)
        elif operation == "retained.write":
            self.effects.happen("retained write", f"{len(arguments[0]) // 2} bytes", act)
        else:
            act()
        self.check()
        return answers[0]

    def _open(self, *arguments: Any, **settings: Any) -> Any:  # noqa: ANN401
        self.check()
        return self.files.open(*arguments, **settings)

    def _print(self, *values: object, sep: str = " ", end: str = "\n", file: Any = None) -> None:  # noqa: ANN401
        self.check()
        if file is not None:
            print(*values, sep=sep, end=end, file=file)
        else:
            self.board.write(sep.join(map(str, values)) + end)

    def _tell_exception(self, error: BaseException) -> None:
        # The first two frames are ours; a board does not show such.
        frames = error.__traceback__ and error.__traceback__.tb_next
        frames = frames and frames.tb_next
        for text in traceback.format_exception(type(error), error, frames):
            for line in text.rstrip("\n").split("\n"):
                self.board.tell(line)

    def _dispose(self) -> None:
        """Take tasks apart that will never run again; their doors are closed by now."""
        self.end()
        for loop in self.loops:
            if loop.is_closed():
                continue
            for task in asyncio.all_tasks(loop):
                # Private, but else asyncio complains about each task of a board without power.
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with contextlib.suppress(BaseException):
                    task.get_coro().close()
            loop.close()
        if self.board.model.state is State.RUNNING:
            self.board.model.halt()
