"""Rows page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, func, select


class UnknownSortError(Exception):
    """Rows cannot be sorted by that property."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows are wanted; pages are numbered from 0."""

    size: int
    number: int = 0
    text_search: str | None = None
    sort_property: str | None = None
    descending: bool = False


def fetch(
    connection: Connection,
    statement: Select[Any],
    page: Page,
    sortable: Mapping[str, Column[Any]],
    default_sort: str,
) -> tuple[Sequence[Row[Any]], int]:
    """Return the rows of a page and how many rows there are in all.

    Args:
        connection: Open.
        statement: All rows, unsorted.
        page: Which of them are wanted.
        sortable: Property names of the API to columns.
        default_sort: The property that counts when none was asked for.

    Raises UnknownSortError for a property that is not in ``sortable``.
    """
    column = sortable.get(page.sort_property or default_sort)
    if column is None:
        raise UnknownSortError(page.sort_property)
    total = connection.execute(select(func.count()).select_from(statement.subquery())).scalar_one()
    order = column.desc() if page.descending else column.asc()
    # The row number makes the order total, so that no row is on two pages.
    identity = column.table.c.id.asc()
    window = statement.order_by(order, identity).limit(page.size).offset(page.size * page.number)
    return connection.execute(window).all(), total
