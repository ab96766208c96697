"""SQLite behind one writer thread that commits in groups, and readers that never wait for it.

A write is durable when its ``await`` returns (WAL with a sync at each commit). Whatever queues
up while the disk syncs is committed together, so durable writes stay cheap under load.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

from host_tools.platform.storage.migrations import migrate

Result = TypeVar("Result")
Work = Callable[[Connection], Any]

MAX_GROUP = 500
"""Writes that share one commit at most, so that the first of them does not wait for ever."""


class Database:
    """The database of one data folder.

    Args:
        path: The SQLite file; made and migrated by ``open``.
    """

    def __init__(self, path: Path) -> None:
        self._engine = _make_engine(path)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_loop, name="database writer")
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Migrate the file and start the writer.

        Raises sqlalchemy.exc.DatabaseError for a file that is no database, NewerDatabaseError
        for one of a later version.
        """
        self._loop = asyncio.get_running_loop()
        try:
            with self._engine.begin() as connection:
                migrate(connection)
        except BaseException:
            self._engine.dispose()
            raise
        self._thread.start()

    async def close(self) -> None:
        """Finish the writes that are queued and close the file."""
        if self._thread.is_alive():
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)
        self._engine.dispose()

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run a query at once; it sees everything whose ``write`` has returned."""
        with self._engine.connect() as connection:
            return work(connection)

    def write(self, work: Callable[[Connection], Result]) -> asyncio.Future[Result]:
        """Queue a change and return the future of its durable end.

        Changes are applied in the order of the calls. One that raises is undone alone and its
        error is the future's; a failing commit (disk full) fails every change of its group.
        """
        assert self._loop is not None
        future: asyncio.Future[Result] = self._loop.create_future()
        self._jobs.put(_Job(work, future))
        return future

    def _write_loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            while len(group) < MAX_GROUP and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    self._jobs.put(None)
                    break
                group.append(following)
            self._commit(group)

    def _commit(self, group: list[_Job]) -> None:
        try:
            with self._engine.begin() as connection:
                for job in group:
                    job.apply(connection)
        except Exception as error:
            for job in group:
                job.error = error
        assert self._loop is not None
        self._loop.call_soon_threadsafe(_settle, group)


class _Job:
    """A change that waits for its commit."""

    __slots__ = ("error", "future", "result", "work")

    def __init__(self, work: Work, future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future
        self.result: Any = None
        self.error: Exception | None = None

    def apply(self, connection: Connection) -> None:
        try:
            with connection.begin_nested():
                self.result = self.work(connection)
        except Exception as error:
            self.error = error


def _settle(group: list[_Job]) -> None:
    for job in group:
        if job.future.done():  # its waiter was cancelled; the change stands
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


def _make_engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        connect_args={"timeout": 10, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The driver would begin only at the first write: savepoints need it before.
        connection.exec_driver_sql("BEGIN")

    return engine
