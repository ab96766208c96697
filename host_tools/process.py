"""Child processes that end when we end, however we end.

On Linux the kernel kills a child as soon as its parent is gone (``PR_SET_PDEATHSIG``), also after
``kill -9``: an orphaned MicroPython would spin at 100 % for ever (reference/environment.md 1). The
kernel means the parent *thread*, so every child is forked by one thread that lives as long as the
process. Elsewhere children are ended at a normal exit only.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import termios
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LINE_LIMIT_BYTES = 65536
"""A line longer than this is told in pieces, so that a child cannot fill our memory."""

_END_TIMEOUT_S = 5.0

_forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_running: weakref.WeakSet[Child] = weakref.WeakSet()


class Child:
    """A running child process, the leader of a process group of its own.

    Use ``start`` to get one.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        on_line: Callable[[str], None],
        on_end: Callable[[Child], None],
    ) -> None:
        self._process = process
        self._on_line = on_line
        self._on_end = on_end
        self._reader = threading.Thread(target=self._read, name=f"output of {self.pid}")
        self._reader.daemon = True
        _running.add(self)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """The exit status, negative for a signal; None while the child runs."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the end of the child and of its output.

        Args:
            timeout_s: How long to wait, in seconds.

        Returns:
            The exit status, or None when the child still runs.
        """
        deadline = time.monotonic() + timeout_s
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
            self._reader.join(max(0.1, deadline - time.monotonic()))
        return self.exit_status

    def stop(self, grace_s: float = 2.0) -> int | None:
        """End the child and its whole group: SIGTERM, then SIGKILL; return the exit status.

        Args:
            grace_s: Seconds between the two; 0 kills at once.
        """
        if grace_s > 0:
            self._signal(signal.SIGTERM)
            self.wait(grace_s)
        # The group may outlive its leader, so it is killed in any case.
        self._signal(signal.SIGKILL)
        return self.wait(_END_TIMEOUT_S)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _read(self) -> None:
        output = self._process.stdout
        if output is None:
            self._process.wait()
        else:
            with output:
                while line := output.readline(_LINE_LIMIT_BYTES):
                    self._on_line(line.decode("utf-8", "replace").rstrip("\r\n"))
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_TIMEOUT_S)
        self._on_end(self)


def start(
    arguments: Sequence[str | Path],
    *,
    on_line: Callable[[str], None],
    on_end: Callable[[Child], None] = lambda _: None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    terminal: int | None = None,
) -> Child:
    """Start a child process whose standard output and error are told line by line.

    Args:
        arguments: The program and its arguments; no secrets, as other users can read them.
        on_line: Called with each line, in a thread of its own.
        on_end: Called in the same thread after the last line, when the child has ended.
        folder: The working directory; ours by default.
        environment: All of its environment variables; ours by default.
        terminal: A terminal for the child in place of our reading: its input, output and errors.

    Raises:
        OSError: The program cannot be started.
    """
    process = _forker.submit(_fork, arguments, folder, environment, terminal).result()
    return Child(process, on_line, on_end)


def _fork(
    arguments: Sequence[str | Path],
    folder: Path | None,
    environment: Mapping[str, str] | None,
    terminal: int | None,
) -> subprocess.Popen[bytes]:
    parent = os.getpid()

    def prepare() -> None:
        if terminal is not None:
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        if _libc is None:
            return
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # The parent ended before the line above: nobody will send that signal any more.
            os._exit(1)

    return subprocess.Popen(
        [str(argument) for argument in arguments],
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        stdout=subprocess.PIPE if terminal is None else terminal,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment,
        start_new_session=True,
        preexec_fn=prepare,
    )


@atexit.register
def _stop_all() -> None:
    for child in list(_running):
        if child.exit_status is None:
            child.stop(grace_s=0)
