"""Endpoints for devices and their credentials (``thingsboard-rpc.md`` 4.5)."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy.exc import IntegrityError

from host_tools.json_text import Json
from host_tools.mqtt import Reason
from host_tools.platform import views
from host_tools.platform.api_errors import (
    ApiError,
    ErrorCode,
    bad_request,
    not_found,
    parse_uuid,
)
from host_tools.platform.credentials import BasicCredentials
from host_tools.platform.rest import fields
from host_tools.platform.rest.access import (
    ObjectBody,
    ServicesOf,
    TenantAdmin,
    TenantOrCustomer,
    readable_device,
)
from host_tools.platform.rest.paging import PageQuery, page_json
from host_tools.platform.services import Services
from host_tools.platform.storage import device_pages
from host_tools.platform.storage.devices import (
    ACCESS_TOKEN,
    MQTT_BASIC,
    Credentials,
    Device,
    new_credentials,
    new_token,
)

router = APIRouter(prefix="/api", tags=["device"])

MAX_TOKEN_LENGTH = 32
NAME_TAKEN = "Device with such name already exists!"
TOKEN_TAKEN = "Device credentials are already assigned to another device!"


@router.post("/device", summary="Create or change a device")
async def save_device(
    body: ObjectBody,
    _: TenantAdmin,
    services: ServicesOf,
    access_token: Annotated[str | None, Query(alias="accessToken")] = None,
) -> dict[str, Any]:
    """Create a device, or change the one whose id the body has."""
    if body.get("id") is not None:
        device = await _change(services, body)
    else:
        device = await _create(services, body, access_token)
    return views.device_json(device, services.tenant_id)


@router.get("/device/{device_id}", summary="Show a device")
async def show_device(
    device_id: str, user: TenantOrCustomer, services: ServicesOf
) -> dict[str, Any]:
    """Return a device by its id."""
    return views.device_json(readable_device(services, user, device_id), services.tenant_id)


@router.delete("/device/{device_id}", summary="Remove a device")
async def delete_device(device_id: str, _: TenantAdmin, services: ServicesOf) -> Response:
    """Remove a device, end its sessions and forget what is pending for it."""
    identifier = parse_uuid(device_id)
    if not await services.devices.delete(identifier):
        raise not_found(f"Device with id [{identifier}] is not found")
    services.forget(identifier)
    return Response()


@router.get("/tenant/device", summary="Find a device by name")
async def device_by_name(
    _: TenantAdmin, services: ServicesOf, name: Annotated[str, Query(alias="deviceName")]
) -> dict[str, Any]:
    """Return a device by its exact name."""
    return views.device_json(_by_name(services, name), services.tenant_id)


@router.get("/tenant/devices", summary="List devices, or find one by name")
async def tenant_devices(
    _: TenantAdmin,
    services: ServicesOf,
    query: PageQuery,
    name: Annotated[str | None, Query(alias="deviceName")] = None,
) -> dict[str, Any]:
    """Return one device when ``deviceName`` is given (clients up to 4.3), else a page of them."""
    if name is not None:
        return views.device_json(_by_name(services, name), services.tenant_id)
    page = query.require()
    found, total = services.database.read(lambda c: device_pages.page(c, page))
    rows = [views.device_json(device, services.tenant_id) for device in found]
    return page_json(rows, total, page)


@router.get("/tenant/deviceInfos", summary="List devices with more about each")
@router.get("/deviceInfos/all", summary="The same, as the Professional Edition has it")
async def device_infos(_: TenantAdmin, services: ServicesOf, query: PageQuery) -> dict[str, Any]:
    """Return a page of devices with the names of their profiles; ThingsBoard's command line asks.

    Whether a device is active is not told: it is not known here for those that poll by HTTP.
    """
    page = query.require()
    found, total = services.database.read(lambda c: device_pages.page(c, page))
    rows = [
        views.device_json(device, services.tenant_id) | {"deviceProfileName": device.type}
        for device in found
    ]
    return page_json(rows, total, page)


@router.get("/device/{device_id}/credentials", summary="Show what a device logs in with")
async def show_credentials(
    device_id: str, user: TenantOrCustomer, services: ServicesOf
) -> dict[str, Any]:
    """Return the credentials of a device."""
    device = readable_device(services, user, device_id)
    return views.credentials_json(_credentials(services, device.id))


@router.post("/device/credentials", summary="Change what a device logs in with")
async def save_credentials(
    body: ObjectBody, user: TenantAdmin, services: ServicesOf
) -> dict[str, Any]:
    """Change token or type; the device's sessions are closed."""
    device = readable_device(services, user, fields.entity_id(body.get("deviceId")))
    changed = _changed_credentials(_credentials(services, device.id), body)
    try:
        await services.devices.replace_credentials(changed)
    except IntegrityError as error:
        raise bad_request(TOKEN_TAKEN) from error
    services.actor(device.id).close_sessions(Reason.ADMINISTRATIVE_ACTION)
    return views.credentials_json(changed)


@router.get("/deviceProfileInfo/default", summary="Show the default device profile")
async def default_profile(_: TenantOrCustomer, services: ServicesOf) -> dict[str, Any]:
    """Return the one profile that all devices have; old clients ask before they create one."""
    return views.profile_info_json(services.tenant_id)


async def _create(services: Services, body: dict[str, Json], token: str | None) -> Device:
    now_ms = services.settings.now_ms()
    device = Device(id=str(uuid.uuid4()), created_ms=now_ms, **_device_fields(body))
    key = new_credentials(device.id, _token(token) if token else new_token(), now_ms)
    try:
        await services.devices.add(device, key)
    except IntegrityError as error:
        taken = services.devices.by_name(device.name) is not None
        raise bad_request(NAME_TAKEN if taken else TOKEN_TAKEN) from error
    return device


async def _change(services: Services, body: dict[str, Json]) -> Device:
    identifier = parse_uuid(fields.entity_id(body["id"]))
    device = services.devices.by_id(identifier)
    if device is None:
        raise not_found(f"Device with id [{identifier}] is not found")
    expected = body.get("version")
    if isinstance(expected, int) and expected != device.version:
        message = "Device was changed by someone else. Please reload it and try again."
        raise ApiError(409, ErrorCode.VERSION_CONFLICT, message)
    changed = dataclasses.replace(device, **_device_fields(body), version=device.version + 1)
    try:
        await services.devices.update(changed)
    except IntegrityError as error:
        raise bad_request(NAME_TAKEN) from error
    return changed


def _device_fields(body: dict[str, Json]) -> dict[str, Any]:
    return {
        "name": fields.required_text(body, "name", "Device name"),
        "type": fields.text(body, "type") or "default",
        "label": fields.text(body, "label"),
        "additional_info": body.get("additionalInfo"),
    }


def _token(token: str) -> str:
    if len(token) > MAX_TOKEN_LENGTH or not token.isprintable() or " " in token:
        raise bad_request(f"An access token has at most {MAX_TOKEN_LENGTH} printable characters")
    return token


def _by_name(services: Services, name: str) -> Device:
    device = services.devices.by_name(name)
    if device is None:
        raise not_found(f"Device with name [{name}] is not found")
    return device


def _credentials(services: Services, device_id: str) -> Credentials:
    key = services.devices.credentials_of(device_id)
    if key is None:
        raise not_found(f"Device with id [{device_id}] is not found")
    return key


def _changed_credentials(key: Credentials, body: dict[str, Json]) -> Credentials:
    kind = body.get("credentialsType", ACCESS_TOKEN)
    value: str | None = None
    if kind == ACCESS_TOKEN:
        token = body.get("credentialsId")
        if not isinstance(token, str) or not token:
            raise bad_request("Device credentials id should be specified!")
        found = _token(token)
    elif kind == MQTT_BASIC:
        value = body.get("credentialsValue")
        try:
            found = BasicCredentials.parse(value if isinstance(value, str) else "").key
        except ValueError as error:
            raise bad_request(f"Invalid MQTT basic credentials: {error}") from error
    else:
        raise bad_request("credentialsType has to be ACCESS_TOKEN or MQTT_BASIC")
    return dataclasses.replace(
        key, type=kind, credentials_id=found, value=value, version=key.version + 1
    )
