"""A thread that runs one rule, and is left behind when the rule hangs."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

Job = Callable[[], None]

MAX_QUEUE = 1_000
MAX_LEFT_BEHIND = 20
"""Hanging threads of one rule, after which it is not run any more."""


class Worker:
    """Runs the jobs of one rule, in order.

    Args:
        name: The rule's name, for the log.
        limit_s: How long a job may take before it is called hanging.
    """

    def __init__(self, name: str, limit_s: float) -> None:
        self._name = name
        self._limit_s = limit_s
        self._jobs: queue.Queue[Job | None] = queue.Queue(MAX_QUEUE)
        self._left_behind = 0
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name=f"rule {name}", daemon=True).start()

    def put(self, job: Job) -> None:
        """Queue a job; one too many is told in the log and dropped."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            log.error("rule %s: too many messages wait; one was dropped", self._name)

    def stop(self) -> None:
        """Run nothing any more; does not wait for a job that runs."""
        self._stopped.set()
        with contextlib.suppress(queue.Full):
            self._jobs.put_nowait(None)

    def _watch(self) -> None:
        """Give each job to a thread that is kept until a job hangs in it."""
        runner = _Runner(self._name)
        while (job := self._jobs.get()) is not None and not self._stopped.is_set():
            if runner.run(job, self._limit_s):
                continue
            log.error("rule %s hangs for %g s; it was left behind", self._name, self._limit_s)
            self._left_behind += 1
            if self._left_behind >= MAX_LEFT_BEHIND:
                log.error("rule %s hung %d times; it is off now", self._name, MAX_LEFT_BEHIND)
                self._stopped.set()
                return
            runner = _Runner(self._name)
        runner.end()


class _Runner:
    """One thread that takes a job at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[bool] = queue.SimpleQueue()
        threading.Thread(target=self._loop, name=f"runs rule {name}", daemon=True).start()

    def run(self, job: Job, limit_s: float) -> bool:
        """Run a job; False when it is not done in time, and the thread is lost then."""
        self._next.put(job)
        try:
            return self._done.get(timeout=limit_s)
        except queue.Empty:
            self._next.put(None)
            return False

    def end(self) -> None:
        self._next.put(None)

    def _loop(self) -> None:
        while (job := self._next.get()) is not None:
            try:
                job()
            except Exception:
                log.exception("rule %s failed", self._name)
            self._done.put(True)
