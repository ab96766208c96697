"""Endpoints of claiming and of the device profile (``thingsboard-rpc.md`` 1.8 and 1.9)."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from host_tools.json_text import Json
from host_tools.platform import claims, views
from host_tools.platform.api_errors import bad_request, not_found, permission_denied
from host_tools.platform.profile_store import DeviceProfile, ProvisionType, new_key
from host_tools.platform.rest import fields
from host_tools.platform.rest.access import (
    CustomerUser,
    ObjectBody,
    ServicesOf,
    TenantAdmin,
    TenantOrCustomer,
)
from host_tools.platform.storage.users import Authority

router = APIRouter(prefix="/api", tags=["claiming"])


@router.post("/customer/device/{device_name}/claim", summary="Claim a device")
async def claim_device(
    device_name: str, body: ObjectBody, user: CustomerUser, services: ServicesOf
) -> JSONResponse:
    """Become the owner of a device that offers itself, by its secret."""
    device = services.devices.by_name(device_name)
    if device is None or user.customer_id is None:
        return JSONResponse("FAILURE", 400)
    secret = fields.text(body, "secretKey") or ""
    try:
        claimed = await claims.claim(services, device, user.customer_id, secret)
    except claims.ClaimRefusedError as error:
        return JSONResponse(error.response, 400)
    shown = views.device_json(claimed, services.tenant_id)
    return JSONResponse({"response": "SUCCESS", "device": shown})


@router.delete("/customer/device/{device_name}/claim", summary="Give a claimed device back")
async def give_back(
    device_name: str, user: TenantOrCustomer, services: ServicesOf
) -> dict[str, Any]:
    """Make a device nobody's, so that it can be claimed again."""
    device = services.devices.by_name(device_name)
    if device is None:
        raise not_found(f"Device with name [{device_name[:64]}] is not found")
    if user.authority is Authority.CUSTOMER and device.customer_id != user.customer_id:
        raise permission_denied()
    changed = dataclasses.replace(device, customer_id=None, version=device.version + 1)
    await services.devices.update(changed)
    return {"response": "SUCCESS"}


@router.get("/deviceProfile/{profile_id}", summary="Show the device profile")
async def show_profile(profile_id: str, _: TenantAdmin, services: ServicesOf) -> dict[str, Any]:
    """Return the one profile, which all devices have."""
    if profile_id != views.DEFAULT_PROFILE_ID:
        raise not_found(f"Device profile with id [{profile_id[:64]}] is not found")
    return views.profile_json(services.profiles.profile, services.tenant_id)


@router.post("/deviceProfile", summary="Change the device profile")
async def save_profile(body: ObjectBody, _: TenantAdmin, services: ServicesOf) -> dict[str, Any]:
    """Change how devices may provision themselves."""
    if fields.entity_id(body.get("id")) != views.DEFAULT_PROFILE_ID:
        raise bad_request("There is one device profile, and no other can be made")
    await services.profiles.replace(_profile(body))
    return views.profile_json(services.profiles.profile, services.tenant_id)


def _profile(body: dict[str, Json]) -> DeviceProfile:
    data = _part(body, "profileData")
    provision, transport = (
        _part(data, "provisionConfiguration"),
        _part(data, "transportConfiguration"),
    )
    try:
        kind = ProvisionType(body.get("provisionType") or "DISABLED")
    except ValueError as error:
        kinds = ", ".join(ProvisionType)
        raise bad_request(f"provisionType has to be one of {kinds}") from error
    if kind is ProvisionType.DISABLED:
        key = secret = None
    else:
        key = fields.text(body, "provisionDeviceKey") or new_key()
        secret = fields.text(provision, "provisionDeviceSecret") or new_key()
    return DeviceProfile(kind, key, secret, transport.get("sendAckOnValidationException") is True)


def _part(body: dict[str, Json], key: str) -> dict[str, Json]:
    part = body.get(key)
    return part if isinstance(part, dict) else {}
