"""Endpoints of the audit log, in the form of ThingsBoard's."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from host_tools.platform import views
from host_tools.platform.api_errors import bad_request, parse_uuid
from host_tools.platform.rest.access import ServicesOf, TenantAdmin
from host_tools.platform.rest.paging import PageQuery, page_json
from host_tools.platform.services import Services
from host_tools.platform.storage.audit import AuditFilter
from host_tools.platform.storage.pages import Page

router = APIRouter(prefix="/api/audit/logs", tags=["audit"])

Time = Annotated[str | None, Query(pattern=r"^\d{1,18}$", description="Epoch milliseconds")]


class Interval:
    """The part of the log that is wanted."""

    def __init__(
        self,
        start: Annotated[Time, Query(alias="startTime")] = None,
        end: Annotated[Time, Query(alias="endTime")] = None,
    ) -> None:
        self._start_ms = None if start is None else int(start)
        self._end_ms = None if end is None else int(end)

    def filter(self, *, device_id: str | None = None, user_id: str | None = None) -> AuditFilter:
        """Return the filter for the interval and a device or a user."""
        return AuditFilter(device_id, user_id, None, self._start_ms, self._end_ms)


IntervalQuery = Annotated[Interval, Depends()]


@router.get("", summary="Read the audit log")
async def all_entries(
    _: TenantAdmin,
    services: ServicesOf,
    query: PageQuery,
    interval: IntervalQuery,
) -> dict[str, Any]:
    """Return a page of every RPC call that was made."""
    return await _page(services, query.require(), interval.filter())


@router.get("/entity/{entity_type}/{entity_id}", summary="Read the audit log of a device")
async def device_entries(
    entity_type: str,
    entity_id: str,
    _: TenantAdmin,
    services: ServicesOf,
    query: PageQuery,
    interval: IntervalQuery,
) -> dict[str, Any]:
    """Return a page of the calls to one device, also to one that was removed."""
    if entity_type != "DEVICE":
        raise bad_request(f"Unsupported entity type '{entity_type[:64]}'!")
    chosen = interval.filter(device_id=parse_uuid(entity_id))
    return await _page(services, query.require(), chosen)


@router.get("/user/{user_id}", summary="Read the audit log of a user")
async def user_entries(
    user_id: str,
    _: TenantAdmin,
    services: ServicesOf,
    query: PageQuery,
    interval: IntervalQuery,
) -> dict[str, Any]:
    """Return a page of the calls that one user made."""
    chosen = interval.filter(user_id=parse_uuid(user_id))
    return await _page(services, query.require(), chosen)


async def _page(services: Services, wanted: Page, chosen: AuditFilter) -> dict[str, Any]:
    entries, total = await services.audit.page(wanted, chosen)
    rows = [views.audit_json(entry, services.tenant_id) for entry in entries]
    return page_json(rows, total, wanted)
