"""Telemetry and attributes of devices; values are JSON texts in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, Row, and_, cast, func, select

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.platform.payloads import Point
from host_tools.platform.storage.schema import attributes, devices, points

CLIENT = "CLIENT_SCOPE"
SHARED = "SHARED_SCOPE"
SERVER = "SERVER_SCOPE"
SCOPES = (CLIENT, SHARED, SERVER)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a device."""

    key: str
    value: Json
    updated_ms: int


def _exists(connection: Connection, device_id: str) -> bool:
    """Tell whether the device is still there: its data may arrive behind its removal."""
    statement = select(devices.c.id).where(devices.c.id == device_id)
    return connection.execute(statement).first() is not None


def add_points(connection: Connection, device_id: str, new: Sequence[Point]) -> None:
    """Store telemetry; a value with the same key and time is replaced."""
    if not new or not _exists(connection, device_id):
        return
    rows = [
        {"device_id": device_id, "key": p.key, "ts_ms": p.ts_ms, "value": json_text.dump(p.value)}
        for p in new
    ]
    connection.execute(points.insert().prefix_with("OR REPLACE"), rows)


def point_keys(connection: Connection, device_id: str) -> list[str]:
    """Return every key that the device has telemetry of."""
    statement = select(points.c.key).where(points.c.device_id == device_id).distinct()
    return list(connection.execute(statement.order_by(points.c.key)).scalars())


def latest(connection: Connection, device_id: str, keys: Iterable[str]) -> dict[str, Point | None]:
    """Return the newest value of each key; None for a key without any."""
    wanted = list(keys)
    newest = (
        select(points.c.key, func.max(points.c.ts_ms).label("ts_ms"))
        .where(points.c.device_id == device_id, points.c.key.in_(wanted))
        .group_by(points.c.key)
        .subquery()
    )
    same = and_(points.c.key == newest.c.key, points.c.ts_ms == newest.c.ts_ms)
    statement = select(points).join(newest, same).where(points.c.device_id == device_id)
    found = {row.key: _point(row) for row in connection.execute(statement)}
    return {key: found.get(key) for key in wanted}


@dataclass(frozen=True, slots=True)
class Interval:
    """Which part of the history is wanted: ``start_ms <= ts < end_ms``."""

    start_ms: int
    end_ms: int
    limit: int = 100
    descending: bool = True


def history(
    connection: Connection, device_id: str, keys: Iterable[str], wanted: Interval
) -> dict[str, list[Point]]:
    """Return the values of each key within an interval; keys without any are left out."""
    found: dict[str, list[Point]] = {}
    order = points.c.ts_ms.desc() if wanted.descending else points.c.ts_ms.asc()
    for key in keys:
        statement = (
            select(points)
            .where(points.c.device_id == device_id, points.c.key == key)
            .where(points.c.ts_ms >= wanted.start_ms, points.c.ts_ms < wanted.end_ms)
            .order_by(order)
            .limit(wanted.limit)
        )
        rows = [_point(row) for row in connection.execute(statement)]
        if rows:
            found[key] = rows
    return found


@dataclass(frozen=True, slots=True)
class Buckets:
    """A part of the history in equal pieces, each shown as one number."""

    start_ms: int
    end_ms: int
    width_ms: int
    function: str
    """One of ``FUNCTIONS``."""


FUNCTIONS: dict[str, Callable[[ColumnElement[float]], ColumnElement[Any]]] = {
    "AVG": func.avg,
    "MIN": func.min,
    "MAX": func.max,
    "SUM": func.sum,
    "COUNT": func.count,
}
"""Numbers that stand for many; texts and objects are only counted."""


def aggregate(
    connection: Connection, device_id: str, keys: Iterable[str], wanted: Buckets
) -> dict[str, list[Point]]:
    """Return one point for each bucket that has values, in the bucket's middle."""
    found: dict[str, list[Point]] = {}
    bucket = ((points.c.ts_ms - wanted.start_ms) // wanted.width_ms).label("bucket")
    value = FUNCTIONS[wanted.function](cast(points.c.value, Float)).label("value")
    for key in keys:
        statement = (
            select(bucket, value)
            .where(points.c.device_id == device_id, points.c.key == key)
            .where(points.c.ts_ms >= wanted.start_ms, points.c.ts_ms < wanted.end_ms)
            .group_by(bucket)
            .order_by(bucket)
        )
        if wanted.function != "COUNT":
            statement = statement.where(func.json_type(points.c.value).in_(("integer", "real")))
        rows = [
            _bucket_point(key, row.bucket, row.value, wanted)
            for row in connection.execute(statement)
        ]
        if rows:
            found[key] = rows
    return found


def _bucket_point(key: str, bucket: int, value: float, wanted: Buckets) -> Point:
    start_ms = wanted.start_ms + bucket * wanted.width_ms
    end_ms = min(start_ms + wanted.width_ms, wanted.end_ms)
    whole = wanted.function != "AVG" and float(value).is_integer()
    return Point(key, start_ms + (end_ms - start_ms) // 2, int(value) if whole else value)


def delete_points(connection: Connection, device_id: str, keys: Sequence[str]) -> None:
    """Remove the whole history of some keys."""
    statement = points.delete().where(points.c.device_id == device_id, points.c.key.in_(keys))
    connection.execute(statement)


def set_attributes(
    connection: Connection, device_id: str, scope: str, values: Mapping[str, Json], now_ms: int
) -> None:
    """Store attributes of one scope."""
    if not values or not _exists(connection, device_id):
        return
    common = {"device_id": device_id, "scope": scope, "updated_ms": now_ms}
    rows = [common | {"key": key, "value": json_text.dump(v)} for key, v in values.items()]
    connection.execute(attributes.insert().prefix_with("OR REPLACE"), rows)


def get_attributes(
    connection: Connection, device_id: str, scopes: Sequence[str], keys: Sequence[str] = ()
) -> list[Attribute]:
    """Return the attributes of some scopes; no keys means all of them."""
    statement = select(attributes).where(
        attributes.c.device_id == device_id, attributes.c.scope.in_(scopes)
    )
    if keys:
        statement = statement.where(attributes.c.key.in_(keys))
    rows = connection.execute(statement.order_by(attributes.c.key))
    return [Attribute(row.key, json_text.parse(row.value), row.updated_ms) for row in rows]


def delete_attributes(
    connection: Connection, device_id: str, scope: str, keys: Sequence[str]
) -> list[str]:
    """Remove attributes and return the keys that were there."""
    statement = (
        attributes.delete()
        .where(attributes.c.device_id == device_id, attributes.c.scope == scope)
        .where(attributes.c.key.in_(keys))
        .returning(attributes.c.key)
    )
    return sorted(connection.execute(statement).scalars())


def _point(row: Row[tuple[str, str, int, str]]) -> Point:
    return Point(row.key, row.ts_ms, json_text.parse(row.value))
