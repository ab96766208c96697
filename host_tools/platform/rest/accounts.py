"""Endpoints of ``/api/auth`` (``thingsboard-rpc.md`` 4.1)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from host_tools.json_text import Json
from host_tools.platform import views
from host_tools.platform.accounts.accounts import LoginRefusedError
from host_tools.platform.rest.access import AnyUser, ObjectBody, ServicesOf, bearer_token

router = APIRouter(prefix="/api/auth", tags=["auth"])


@router.post("/login", summary="Log in")
async def login(body: ObjectBody, services: ServicesOf, request: Request) -> dict[str, str]:
    """Exchange an e-mail and a password for an access and a refresh token."""
    host = request.client.host if request.client else ""
    name, password = _text(body, "username"), _text(body, "password")
    return await services.accounts.login(name, password, host)


@router.post("/token", summary="Refresh a login")
async def refresh(body: ObjectBody, services: ServicesOf) -> dict[str, str]:
    """Exchange a refresh token for a new pair."""
    return services.accounts.renew(_text(body, "refreshToken"))


@router.post("/logout", summary="End a login")
async def logout(request: Request, _: AnyUser, services: ServicesOf) -> Response:
    """Make the tokens of this login worthless."""
    token = bearer_token(request.scope["headers"])
    await services.accounts.logout(token, services.settings.now_ms())
    return Response()


@router.get("/user", summary="Tell who is logged in")
async def user(user: AnyUser, services: ServicesOf) -> dict[str, Any]:
    """Return the user whose token the request carries."""
    return views.user_json(user, services.tenant_id)


def _text(body: dict[str, Json], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise LoginRefusedError
    return value
