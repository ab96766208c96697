"""Endpoints for customers and what they own (``thingsboard-rpc.md`` 4.2: who may call what)."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.exc import IntegrityError

from host_tools.json_text import Json
from host_tools.platform import views
from host_tools.platform.accounts.tokens import NULL_UUID
from host_tools.platform.api_errors import bad_request, not_found, parse_uuid, permission_denied
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
from host_tools.platform.storage import customers, device_pages
from host_tools.platform.storage.customers import Customer
from host_tools.platform.storage.users import Authority, User

router = APIRouter(prefix="/api", tags=["customer"])

TITLE_TAKEN = "Customer with such title already exists!"


@router.post("/customer", summary="Create or change a customer")
async def save_customer(body: ObjectBody, _: TenantAdmin, services: ServicesOf) -> dict[str, Any]:
    """Create a customer, or change the one whose id the body has."""
    try:
        if body.get("id") is not None:
            customer = await _change(services, body)
        else:
            customer = await _create(services, body)
    except IntegrityError as error:
        raise bad_request(TITLE_TAKEN) from error
    return views.customer_json(customer, services.tenant_id)


@router.get("/customer/{customer_id}", summary="Show a customer")
async def show_customer(
    customer_id: str, user: TenantOrCustomer, services: ServicesOf
) -> dict[str, Any]:
    """Return a customer by its id; a customer's user may see his own."""
    customer = _readable(services, user, customer_id)
    return views.customer_json(customer, services.tenant_id)


@router.delete("/customer/{customer_id}", summary="Remove a customer")
async def delete_customer(customer_id: str, _: TenantAdmin, services: ServicesOf) -> Response:
    """Remove a customer and its users; its devices stay, without an owner."""
    identifier = parse_uuid(customer_id)
    gone = services.database.read(lambda c: customers.users_of(c, identifier))
    if not await services.database.write(lambda c: customers.delete(c, identifier)):
        raise _unknown(identifier)
    services.devices.forget_all()
    for user_id in gone:
        services.accounts.changed(user_id)
    return Response()


@router.get("/customers", summary="List customers")
async def list_customers(_: TenantAdmin, services: ServicesOf, query: PageQuery) -> dict[str, Any]:
    """Return a page of customers."""
    wanted = query.require()
    found, total = services.database.read(lambda c: customers.page(c, wanted))
    rows = [views.customer_json(customer, services.tenant_id) for customer in found]
    return page_json(rows, total, wanted)


@router.get("/customer/{customer_id}/devices", summary="List the devices of a customer")
async def customer_devices(
    customer_id: str, user: TenantOrCustomer, services: ServicesOf, query: PageQuery
) -> dict[str, Any]:
    """Return a page of the devices that a customer owns."""
    wanted, owner = query.require(), _readable(services, user, customer_id)
    found, total = services.database.read(lambda c: device_pages.page(c, wanted, owner.id))
    rows = [views.device_json(device, services.tenant_id) for device in found]
    return page_json(rows, total, wanted)


@router.get("/customer/{customer_id}/users", summary="List the users of a customer")
async def customer_users(
    customer_id: str, _: TenantAdmin, services: ServicesOf, query: PageQuery
) -> dict[str, Any]:
    """Return a page of the users of a customer."""
    wanted, owner = query.require(), _found(services, customer_id)
    found, total = services.database.read(lambda c: customers.users_page(c, wanted, owner.id))
    rows = [views.user_json(user, services.tenant_id) for user in found]
    return page_json(rows, total, wanted)


@router.post("/customer/{customer_id}/device/{device_id}", summary="Give a device to a customer")
async def assign_device(
    customer_id: str, device_id: str, user: TenantAdmin, services: ServicesOf
) -> dict[str, Any]:
    """Make a customer the owner of a device."""
    owner = _found(services, customer_id)
    return await _set_owner(services, user, device_id, owner.id)


@router.delete("/customer/device/{device_id}", summary="Take a device from its customer")
async def unassign_device(
    device_id: str, user: TenantAdmin, services: ServicesOf
) -> dict[str, Any]:
    """Make a device nobody's."""
    return await _set_owner(services, user, device_id, None)


async def _set_owner(
    services: Services, user: User, device_id: str, customer_id: str | None
) -> dict[str, Any]:
    device = readable_device(services, user, device_id)
    changed = dataclasses.replace(device, customer_id=customer_id, version=device.version + 1)
    await services.devices.update(changed)
    return views.device_json(changed, services.tenant_id)


async def _create(services: Services, body: dict[str, Json]) -> Customer:
    now_ms = services.settings.now_ms()
    customer = Customer(id=str(uuid.uuid4()), created_ms=now_ms, **_fields(body))
    await services.database.write(lambda connection: customers.insert(connection, customer))
    return customer


async def _change(services: Services, body: dict[str, Json]) -> Customer:
    known = _found(services, fields.entity_id(body["id"]))
    changed = dataclasses.replace(known, **_fields(body), version=known.version + 1)
    await services.database.write(lambda connection: customers.update(connection, changed))
    return changed


def _fields(body: dict[str, Json]) -> dict[str, Any]:
    return {
        "title": fields.required_text(body, "title", "Customer title"),
        "email": fields.text(body, "email"),
        "additional_info": body.get("additionalInfo"),
    }


def _readable(services: Services, user: User, customer_id: str) -> Customer:
    customer = _found(services, customer_id)
    if user.authority is Authority.CUSTOMER and user.customer_id != customer.id:
        raise permission_denied()
    return customer


def _found(services: Services, customer_id: str) -> Customer:
    identifier = parse_uuid(customer_id)
    customer = services.database.read(lambda c: customers.by_id(c, identifier))
    if customer is None or identifier == NULL_UUID:
        raise _unknown(identifier)
    return customer


def _unknown(identifier: str) -> Exception:
    return not_found(f"Customer with id [{identifier}] is not found")
