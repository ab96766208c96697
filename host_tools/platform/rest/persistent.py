"""Endpoints of persistent calls (``thingsboard-rpc.md`` 4.4)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from host_tools.platform import views
from host_tools.platform.api_errors import ApiError, ErrorCode, bad_request, not_found, parse_uuid
from host_tools.platform.rest.access import (
    ServicesOf,
    TenantAdmin,
    TenantOrCustomer,
    readable_device,
)
from host_tools.platform.rest.paging import PageQuery, page_json
from host_tools.platform.services import Services
from host_tools.platform.storage import rpcs
from host_tools.platform.storage.rpcs import RpcRow
from host_tools.rpc import Status

router = APIRouter(prefix="/api/rpc/persistent", tags=["rpc"])


@router.get("/device/{device_id}", summary="List the persistent calls of a device")
async def list_calls(
    device_id: str,
    user: TenantOrCustomer,
    services: ServicesOf,
    query: PageQuery,
    rpc_status: Annotated[str | None, Query(alias="rpcStatus")] = None,
) -> dict[str, Any]:
    """Return a page of calls, of one status or of all."""
    page, status = query.require(), _status(rpc_status)
    device = readable_device(services, user, device_id)
    rows, total = services.database.read(lambda c: rpcs.page(c, page, device.id, status))
    shown = [views.rpc_json(row, services.tenant_id, row.status) for row in rows]
    return page_json(shown, total, page)


@router.get("/{rpc_id}", summary="Show a persistent call")
async def show_call(rpc_id: str, user: TenantOrCustomer, services: ServicesOf) -> dict[str, Any]:
    """Return a call with its status and the device's response."""
    row = _found(services, rpc_id)
    readable_device(services, user, row.device_id)
    return views.rpc_json(row, services.tenant_id, row.status)


@router.delete("/{rpc_id}", summary="Remove a persistent call")
async def delete_call(rpc_id: str, _: TenantAdmin, services: ServicesOf) -> Response:
    """Remove a call; one that the device has not got is never delivered."""
    row = _found(services, rpc_id)
    services.actor(row.device_id).delete(row.id)
    await services.rows.delete(row.id)
    return Response()


def _found(services: Services, rpc_id: str) -> RpcRow:
    identifier = parse_uuid(rpc_id)
    row = services.rows.by_id(identifier)
    if row is None:
        raise not_found(f"Rpc with id [{identifier}] is not found")
    return row


def _status(text: str | None) -> Status | None:
    if text is None:
        return None
    if text == Status.DELETED:
        # No row ever has it, and ThingsBoard's own tests ask for this answer (4.4).
        raise ApiError(500, ErrorCode.GENERAL, "RPC status DELETED cannot be listed")
    try:
        return Status(text)
    except ValueError as error:
        raise bad_request(f"Unsupported rpcStatus '{text[:64]}'!") from error
