"""Who calls an endpoint, and what may be done with a device: shared by all endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Request

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.platform.api_errors import (
    bad_request,
    not_found,
    parse_uuid,
    permission_denied,
)
from host_tools.platform.rest.bodies import read_body
from host_tools.platform.rest.errors import NO_TOKEN
from host_tools.platform.services import Services
from host_tools.platform.storage.devices import Device
from host_tools.platform.storage.users import Authority, User

HEADERS = (b"x-authorization", b"authorization")
"""Where a token may stand; the first one wins (4.1)."""

SCHEME = "bearer "


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the token of a request; raises ApiError when there is none."""
    found = {name: value for name, value in headers if name in HEADERS}
    for name in HEADERS:
        if name in found:
            value = found[name].decode("latin-1")
            if value[: len(SCHEME)].lower() == SCHEME:
                return value[len(SCHEME) :].strip()
            break
    raise NO_TOKEN


def services_of(request: Request) -> Services:
    """Return the platform that serves a request."""
    services: Services = request.app.state.services
    return services


def current_user(request: Request) -> User:
    """Return who sent a request; raises what ends in 401."""
    token = bearer_token(request.scope["headers"])
    return services_of(request).accounts.authenticate(token)


def _require(*authorities: Authority) -> object:
    def check(user: Annotated[User, Depends(current_user)]) -> User:
        if user.authority not in authorities:
            raise permission_denied()
        return user

    return Depends(check)


async def json_body(request: Request) -> Json:
    """Parse the body as JSON whatever its Content-Type says (4.6)."""
    content = await read_body(request.receive, services_of(request).settings.max_body_bytes)
    try:
        return json_text.parse(content)
    except ValueError as error:
        raise bad_request("Invalid request body") from error


async def object_body(value: Annotated[Json, Depends(json_body)]) -> dict[str, Json]:
    """Parse the body as a JSON object."""
    if not isinstance(value, dict):
        raise bad_request("Invalid request body")
    return value


ServicesOf = Annotated[Services, Depends(services_of)]
AnyUser = Annotated[User, Depends(current_user)]
TenantAdmin = Annotated[User, _require(Authority.TENANT)]
CustomerUser = Annotated[User, _require(Authority.CUSTOMER)]
TenantOrCustomer = Annotated[User, _require(Authority.TENANT, Authority.CUSTOMER)]
JsonBody = Annotated[Json, Depends(json_body)]
ObjectBody = Annotated[dict[str, Json], Depends(object_body)]


def readable_device(services: Services, user: User, device_id: str) -> Device:
    """Return a device that the user may see; raises ApiError as the endpoints of 4.5 do."""
    identifier = parse_uuid(device_id)
    device = services.devices.by_id(identifier)
    if device is None:
        raise not_found(f"Device with id [{identifier}] is not found")
    if user.authority is Authority.CUSTOMER and device.customer_id != user.customer_id:
        raise permission_denied()
    return device
