"""Endpoints for users: made by an administrator, activated by themselves."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy.exc import IntegrityError

from host_tools.json_text import Json
from host_tools.platform import views
from host_tools.platform.api_errors import bad_request, not_found, parse_uuid, permission_denied
from host_tools.platform.rest import fields
from host_tools.platform.rest.access import AnyUser, ObjectBody, ServicesOf, TenantAdmin
from host_tools.platform.services import Services
from host_tools.platform.storage import customers, users
from host_tools.platform.storage.users import Authority, User

router = APIRouter(prefix="/api", tags=["user"])

MIN_PASSWORD_LENGTH = 6
EMAIL_TAKEN = "User with such email already present in database!"


@router.post("/user", summary="Create a user")
async def create_user(
    body: ObjectBody,
    _: TenantAdmin,
    services: ServicesOf,
    send_mail: Annotated[bool, Query(alias="sendActivationMail")] = False,
) -> dict[str, Any]:
    """Create a user of a customer or a tenant administrator; he sets his password himself."""
    if send_mail:
        raise bad_request("This platform sends no mail; read the activation link instead")
    if body.get("id") is not None:
        raise bad_request("A user cannot be changed; remove and create it")
    user = User(
        id=str(uuid.uuid4()),
        created_ms=services.settings.now_ms(),
        email=_email(body),
        authority=_authority(body),
        customer_id=_customer(services, body),
        first_name=fields.text(body, "firstName"),
        last_name=fields.text(body, "lastName"),
        enabled=False,
    )
    try:
        await services.database.write(lambda connection: users.insert(connection, user))
    except IntegrityError as error:
        raise bad_request(EMAIL_TAKEN) from error
    return views.user_json(user, services.tenant_id)


@router.get("/user/{user_id}", summary="Show a user")
async def show_user(user_id: str, caller: AnyUser, services: ServicesOf) -> dict[str, Any]:
    """Return a user by id; everyone may see himself."""
    user = _found(services, user_id)
    if caller.id != user.id and caller.authority is not Authority.TENANT:
        raise permission_denied()
    return views.user_json(user, services.tenant_id)


@router.delete("/user/{user_id}", summary="Remove a user")
async def delete_user(user_id: str, caller: TenantAdmin, services: ServicesOf) -> Response:
    """Remove a user; his tokens are worthless from now on."""
    user = _found(services, user_id)
    if user.id == caller.id or user.authority is Authority.SYSTEM:
        raise permission_denied()
    await services.database.write(lambda connection: users.delete(connection, user.id))
    services.accounts.changed(user.id)
    return Response()


@router.get("/user/{user_id}/activationLink", summary="Get the link that activates a user")
async def activation_link(
    user_id: str, _: TenantAdmin, services: ServicesOf, request: Request
) -> PlainTextResponse:
    """Return a link with a fresh token, for a user who has no password yet."""
    user = _found(services, user_id)
    if user.password_hash:
        raise bad_request("User is already activated!")
    token = await services.accounts.new_activation(user)
    return PlainTextResponse(f"{request.base_url}api/noauth/activate?activateToken={token}")


@router.post("/noauth/activate", summary="Set the first password")
async def activate(body: ObjectBody, services: ServicesOf) -> dict[str, str]:
    """Set the password of a user by the token of his link, and log him in."""
    token, password = fields.text(body, "activateToken"), _password(body, "password")
    pair = await services.accounts.activate(token or "", password)
    if pair is None:
        raise bad_request("The activation token is unknown or was used")
    return pair


@router.post("/auth/changePassword", summary="Change the own password")
async def change_password(body: ObjectBody, user: AnyUser, services: ServicesOf) -> dict[str, str]:
    """Change the password; every token that was made before is worthless."""
    current, new = fields.text(body, "currentPassword"), _password(body, "newPassword")
    pair = await services.accounts.change_password(user, current or "", new)
    if pair is None:
        raise bad_request("Current password doesn't match!")
    return pair


def _password(body: dict[str, Json], key: str) -> str:
    password = fields.text(body, key)
    if not password or len(password) < MIN_PASSWORD_LENGTH:
        raise bad_request(f"A password has at least {MIN_PASSWORD_LENGTH} characters")
    return password


def _email(body: dict[str, Json]) -> str:
    email = fields.required_text(body, "email", "User email")
    name, at, host = email.partition("@")
    if not (name and at and host) or any(character.isspace() for character in email):
        raise bad_request(f"Invalid email address format '{email}'!")
    return email


def _authority(body: dict[str, Json]) -> Authority:
    wanted = body.get("authority")
    if wanted not in (Authority.CUSTOMER, Authority.TENANT):
        raise bad_request("authority has to be CUSTOMER_USER or TENANT_ADMIN")
    return Authority(wanted)


def _customer(services: Services, body: dict[str, Json]) -> str | None:
    if _authority(body) is Authority.TENANT:
        return None
    identifier = parse_uuid(fields.entity_id(body.get("customerId")))
    if services.database.read(lambda c: customers.by_id(c, identifier)) is None:
        raise not_found(f"Customer with id [{identifier}] is not found")
    return identifier


def _found(services: Services, user_id: str) -> User:
    identifier = parse_uuid(user_id)
    user = services.database.read(lambda connection: users.by_id(connection, identifier))
    if user is None:
        raise not_found(f"User with id [{identifier}] is not found")
    return user
