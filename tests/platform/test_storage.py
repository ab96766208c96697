"""The database: its migrations, its groups of writes, and a change that fails alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, select, text

from host_tools.platform.storage import database as database_module
from host_tools.platform.storage import migrations
from host_tools.platform.storage.database import Database
from host_tools.platform.storage.migrations import STEPS, NewerDatabaseError, migrate
from host_tools.platform.storage.schema import facts, metadata


def shape(path: Path) -> dict[str, Any]:
    """Return what matters of a database's tables: columns, keys, references, indexes."""
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: {
                "columns": connection.execute(
                    f"SELECT name, type, \"notnull\", pk FROM pragma_table_info('{name}')"
                ).fetchall(),
                "references": connection.execute(
                    f'SELECT "table", "from", "to", on_delete '
                    f"FROM pragma_foreign_key_list('{name}')"
                ).fetchall(),
                "unique": sorted(
                    column
                    for index, origin in connection.execute(
                        f"SELECT name, origin FROM pragma_index_list('{name}') WHERE \"unique\""
                    ).fetchall()
                    if origin == "u"
                    for (column,) in connection.execute(
                        f"SELECT name FROM pragma_index_info('{index}')"
                    )
                ),
                "indexes": sorted(
                    connection.execute(
                        f"SELECT name FROM pragma_index_list('{name}') WHERE origin = 'c'"
                    ).fetchall()
                ),
            }
            for (name,) in tables.fetchall()
        }


def test_migrated_tables_are_those_of_the_schema(tmp_path: Path):
    with create_engine(f"sqlite:///{tmp_path}/migrated").begin() as connection:
        migrate(connection)
    metadata.create_all(create_engine(f"sqlite:///{tmp_path}/schema"))
    assert shape(tmp_path / "migrated") == shape(tmp_path / "schema")


@pytest.mark.parametrize("steps", range(len(STEPS) + 1))
def test_every_earlier_version_is_brought_up_with_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
):
    engine = create_engine(f"sqlite:///{tmp_path}/database")
    monkeypatch.setattr(migrations, "STEPS", STEPS[:steps])
    with engine.begin() as connection:
        migrate(connection)
        if steps:
            connection.execute(facts.insert().values(name="kept", value="yes"))
    monkeypatch.undo()
    with engine.begin() as connection:
        migrate(connection)
        migrate(connection)
        kept = connection.execute(select(facts.c.value)).scalars().all()
        assert kept == (["yes"] if steps else [])
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA user_version")).scalar() == len(STEPS)


def test_later_version_is_not_touched(tmp_path: Path):
    engine = create_engine(f"sqlite:///{tmp_path}/database")
    with engine.begin() as connection:
        connection.execute(text(f"PRAGMA user_version = {len(STEPS) + 1}"))
    with pytest.raises(NewerDatabaseError), engine.begin() as connection:
        migrate(connection)


def put(name: str) -> Callable[[Connection], None]:
    """Return a change that stores a fact."""
    return lambda connection: (
        connection.execute(facts.insert().values(name=name, value="x")) and None
    )


def in_database(path: Path, work: Callable[[Database], Awaitable[None]]) -> None:
    """Run something with an open database."""

    async def run() -> None:
        database = Database(path)
        database.open()
        try:
            await work(database)
        finally:
            await database.close()

    asyncio.run(run())


def names(database: Database) -> list[str]:
    """Return the facts that are stored."""
    return database.read(lambda c: sorted(c.execute(select(facts.c.name)).scalars()))


def test_change_that_fails_is_undone_alone(tmp_path: Path):
    async def work(database: Database) -> None:
        results = await asyncio.gather(
            *(database.write(put(name)) for name in ("a", "b", "a", "c")), return_exceptions=True
        )
        assert [isinstance(result, Exception) for result in results] == [False, False, True, False]
        assert names(database) == ["a", "b", "c"]

    in_database(tmp_path / "database", work)


def test_changes_are_applied_in_order_and_committed_in_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    commits: list[int] = []
    commit = Database._commit

    def counted(self: Database, group: list[Any]) -> None:
        commits.append(len(group))
        commit(self, group)

    monkeypatch.setattr(database_module.Database, "_commit", counted)
    seen: list[int] = []

    async def work(database: Database) -> None:
        writes = [
            database.write(lambda _, number=number: seen.append(number)) for number in range(2_000)
        ]
        await asyncio.gather(*writes)

    in_database(tmp_path / "database", work)
    assert seen == list(range(2_000))
    assert sum(commits) == 2_000
    assert len(commits) < 200


def test_changes_that_are_queued_at_the_end_are_kept(tmp_path: Path):
    async def write(database: Database) -> None:
        for number in range(50):
            database.write(put(f"{number:02}"))

    async def check(database: Database) -> None:
        assert len(names(database)) == 50

    in_database(tmp_path / "database", write)
    in_database(tmp_path / "database", check)
