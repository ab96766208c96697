"""Endpoints that switch faults on and off; served only when the platform was started so."""

from __future__ import annotations

import dataclasses
from typing import Any

from fastapi import APIRouter, Response

from host_tools.json_text import Json
from host_tools.platform.api_errors import bad_request, parse_uuid
from host_tools.platform.faults import EVERY_DEVICE, Faults
from host_tools.platform.rest.access import ObjectBody, ServicesOf, TenantAdmin

router = APIRouter(prefix="/api/faults", tags=["faults"])

MAX_NUMBER = 1_000_000


@router.get("", summary="Show the faults that are on")
async def show_faults(_: TenantAdmin, services: ServicesOf) -> dict[str, Any]:
    """Return the faults by device; ``*`` stands for every device."""
    return services.faults.shown()


@router.post("/{device_id}", summary="Set the faults of a device")
async def set_faults(
    device_id: str, body: ObjectBody, _: TenantAdmin, services: ServicesOf
) -> dict[str, Any]:
    """Replace the faults of a device, or with ``*`` of every device."""
    identifier = device_id if device_id == EVERY_DEVICE else parse_uuid(device_id)
    services.faults.set(identifier, _faults(body))
    return services.faults.shown()


@router.delete("", summary="Switch all faults off")
async def clear_faults(_: TenantAdmin, services: ServicesOf) -> Response:
    """Make the platform behave again."""
    services.faults.clear()
    return Response()


@router.post("", summary="Restart with request ids at 0")
async def forget(_: TenantAdmin, services: ServicesOf) -> Response:
    """Do what a restart of ThingsBoard does to devices: drop them all, and count from 0 (5.6)."""
    services.forget_engines()
    return Response()


def _faults(body: dict[str, Json]) -> Faults:
    defaults = dataclasses.asdict(Faults())
    for name, value in body.items():
        if name not in defaults:
            raise bad_request(f"There is no fault {name[:64]!r}; there are {', '.join(defaults)}")
        kind = type(defaults[name])
        if type(value) is not kind or not 0 <= value <= MAX_NUMBER:
            raise bad_request(f"{name} has to be of type {kind.__name__}, and not negative")
    return Faults(**body)
