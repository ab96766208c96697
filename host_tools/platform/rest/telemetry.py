"""Endpoints for telemetry and attributes (``thingsboard-rpc.md`` 4.5)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.platform import payloads
from host_tools.platform.api_errors import bad_request
from host_tools.platform.payloads import Point
from host_tools.platform.rest.access import (
    JsonBody,
    ServicesOf,
    TenantOrCustomer,
    readable_device,
)
from host_tools.platform.storage import telemetry
from host_tools.platform.storage.devices import Device
from host_tools.platform.storage.telemetry import CLIENT, SCOPES, SERVER, SHARED, Buckets, Interval

router = APIRouter(prefix="/api/plugins/telemetry", tags=["telemetry"])

DEFAULT_LIMIT = 100
MAX_LIMIT = 50_000


async def device_in_path(
    device_id: str, user: TenantOrCustomer, services: ServicesOf, entity_type: str = "DEVICE"
) -> Device:
    """Return the device that a path names."""
    if entity_type != "DEVICE":
        raise bad_request(f"Unsupported entity type '{entity_type[:64]}'!")
    return readable_device(services, user, device_id)


DeviceInPath = Annotated[Device, Depends(device_in_path)]
Keys = Annotated[str | None, Query(description="Names, separated by commas")]
Strict = Annotated[bool, Query(alias="useStrictDataTypes")]


@router.get("/{entity_type}/{device_id}/keys/timeseries", summary="List telemetry keys")
async def telemetry_keys(device: DeviceInPath, services: ServicesOf) -> list[str]:
    """Return every key that the device has telemetry of."""
    return services.database.read(lambda c: telemetry.point_keys(c, device.id))


@router.get("/{entity_type}/{device_id}/keys/attributes", summary="List attribute keys")
async def attribute_keys(device: DeviceInPath, services: ServicesOf) -> list[str]:
    """Return the keys of all attributes of the device."""
    found = services.database.read(lambda c: telemetry.get_attributes(c, device.id, SCOPES))
    return sorted({attribute.key for attribute in found})


@router.get("/{entity_type}/{device_id}/keys/attributes/{scope}", summary="List one scope's keys")
async def scope_attribute_keys(device: DeviceInPath, services: ServicesOf, scope: str) -> list[str]:
    """Return the keys of the attributes of one scope."""
    wanted = (_scope(scope, SCOPES),)
    found = services.database.read(lambda c: telemetry.get_attributes(c, device.id, wanted))
    return sorted(attribute.key for attribute in found)


class HistoryQuery:
    """The parameters of a history request."""

    def __init__(
        self,
        start: Annotated[str | None, Query(alias="startTs")] = None,
        end: Annotated[str | None, Query(alias="endTs")] = None,
        limit: Annotated[str | None, Query()] = None,
        order: Annotated[str, Query(alias="orderBy")] = "DESC",
        aggregation: Annotated[str, Query(alias="agg")] = "NONE",
        interval: Annotated[str | None, Query()] = None,
    ) -> None:
        self.given = start is not None or end is not None
        self._start, self._end, self._limit = start, end, limit
        self._order, self._interval = order, interval
        self.aggregated = aggregation != "NONE"
        self._function = aggregation

    def interval(self) -> Interval:
        """Return the checked interval; raises ApiError 400."""
        if self._order not in ("ASC", "DESC"):
            raise bad_request("orderBy has to be ASC or DESC")
        return Interval(
            start_ms=_integer("startTs", self._start, None),
            end_ms=_integer("endTs", self._end, None),
            limit=min(_integer("limit", self._limit, DEFAULT_LIMIT), MAX_LIMIT),
            descending=self._order == "DESC",
        )

    def buckets(self) -> Buckets:
        """Return the checked pieces of an aggregated history; raises ApiError 400."""
        if self._function not in telemetry.FUNCTIONS:
            raise bad_request(f"agg has to be NONE or one of {', '.join(telemetry.FUNCTIONS)}")
        start_ms, end_ms = (
            _integer("startTs", self._start, None),
            _integer("endTs", self._end, None),
        )
        width_ms = _integer("interval", self._interval, 0) or max(1, end_ms - start_ms)
        if (end_ms - start_ms) // width_ms > MAX_LIMIT:
            raise bad_request(f"The interval makes more than {MAX_LIMIT} points")
        return Buckets(start_ms, end_ms, width_ms, self._function)


def _integer(name: str, text: str | None, default: int | None) -> int:
    if text is None and default is not None:
        return default
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise bad_request(f"{name} has to be a number")
    return int(text)


@router.get("/{entity_type}/{device_id}/values/timeseries", summary="Show telemetry")
async def values(
    device: DeviceInPath,
    services: ServicesOf,
    query: Annotated[HistoryQuery, Depends()],
    keys: Keys = None,
    strict: Strict = False,
) -> dict[str, Any]:
    """Return the newest value of each key, or its history when a time is given."""
    if query.given:
        return await history(device, services, query, keys, strict)
    wanted = payloads.split_keys(keys) or await telemetry_keys(device, services)
    found = services.database.read(lambda c: telemetry.latest(c, device.id, wanted))
    now_ms = services.settings.now_ms()
    return {key: [_shown(point, strict, now_ms)] for key, point in found.items()}


@router.get("/{entity_type}/{device_id}/values/timeseries/history", summary="Show past telemetry")
async def history(
    device: DeviceInPath,
    services: ServicesOf,
    query: Annotated[HistoryQuery, Depends()],
    keys: Keys = None,
    strict: Strict = False,
) -> dict[str, Any]:
    """Return the values of each key between two times."""
    wanted = payloads.split_keys(keys)
    if not wanted:
        raise bad_request("keys are missing")
    if query.aggregated:
        buckets = query.buckets()
        found = services.database.read(lambda c: telemetry.aggregate(c, device.id, wanted, buckets))
    else:
        interval = query.interval()
        found = services.database.read(lambda c: telemetry.history(c, device.id, wanted, interval))
    return {key: [_shown(point, strict, 0) for point in points] for key, points in found.items()}


def _shown(point: Point | None, strict: bool, now_ms: int) -> dict[str, Any]:
    """Show a value; numbers are texts unless strict data types are asked for (4.5)."""
    if point is None:
        return {"ts": now_ms, "value": None}
    value = point.value
    if not strict and not isinstance(value, str):
        value = json_text.dump(value)
    return {"ts": point.ts_ms, "value": value}


@router.post("/{entity_type}/{device_id}/timeseries/{scope}", summary="Store telemetry")
@router.post("/{entity_type}/{device_id}/timeseries/{scope}/{ttl}", summary="Store telemetry")
async def save_telemetry(device: DeviceInPath, services: ServicesOf, body: JsonBody) -> Response:
    """Store telemetry in the name of a device; scope and time to live have no meaning.

    ThingsBoard heeds the time to live on Cassandra only, and its own command line sends one.
    """
    try:
        points = payloads.parse_telemetry(body, services.settings.now_ms())
    except ValueError as error:
        raise bad_request(f"Unable to parse timeseries payload: {error}") from error
    await services.data.add_points(device.id, points)
    return Response()


@router.delete("/{entity_type}/{device_id}/timeseries/delete", summary="Remove telemetry")
async def delete_telemetry(
    device: DeviceInPath, services: ServicesOf, keys: Keys = None
) -> Response:
    """Remove the whole history of some keys."""
    wanted = payloads.split_keys(keys)
    if not wanted:
        raise bad_request("keys are missing")
    await services.database.write(lambda c: telemetry.delete_points(c, device.id, wanted))
    return Response()


@router.get("/{entity_type}/{device_id}/values/attributes", summary="Show attributes")
async def all_attributes(
    device: DeviceInPath, services: ServicesOf, keys: Keys = None
) -> list[dict[str, Json]]:
    """Return the attributes of every scope."""
    return _attributes(services, device, SCOPES, keys)


@router.get("/{entity_type}/{device_id}/values/attributes/{scope}", summary="Show one scope")
async def scope_attributes(
    device: DeviceInPath, services: ServicesOf, scope: str, keys: Keys = None
) -> list[dict[str, Json]]:
    """Return the attributes of one scope."""
    return _attributes(services, device, (_scope(scope, SCOPES),), keys)


def _attributes(
    services: ServicesOf, device: Device, scopes: tuple[str, ...], keys: str | None
) -> list[dict[str, Json]]:
    wanted = payloads.split_keys(keys)
    found = services.database.read(lambda c: telemetry.get_attributes(c, device.id, scopes, wanted))
    return [{"lastUpdateTs": a.updated_ms, "key": a.key, "value": a.value} for a in found]


@router.post("/{device_id}/{scope}", summary="Store attributes")
@router.post("/{entity_type}/{device_id}/attributes/{scope}", summary="Store attributes")
@router.post("/{entity_type}/{device_id}/{scope}", summary="Store attributes")
async def save_attributes(
    device: DeviceInPath, services: ServicesOf, scope: str, body: JsonBody
) -> Response:
    """Store shared or server attributes; the device is told of shared ones."""
    checked = _scope(scope, (SERVER, SHARED))
    try:
        new = payloads.parse_values(body)
    except ValueError as error:
        raise bad_request(f"Unable to parse attributes payload: {error}") from error
    await services.data.set_attributes(device.id, checked, new)
    return Response()


@router.delete("/{device_id}/{scope}", summary="Remove attributes")
@router.delete("/{entity_type}/{device_id}/{scope}", summary="Remove attributes")
async def delete_attributes(
    device: DeviceInPath, services: ServicesOf, scope: str, keys: Keys = None
) -> Response:
    """Remove attributes; the device is told of shared ones."""
    wanted = payloads.split_keys(keys)
    if not wanted:
        raise bad_request("keys are missing")
    checked = _scope(scope, (SERVER, SHARED, CLIENT))
    await services.data.delete_attributes(device.id, checked, wanted)
    return Response()


def _scope(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise bad_request(f"Invalid scope '{text[:64]}'; it has to be one of {', '.join(allowed)}")
    return text
