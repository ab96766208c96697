"""The whole HTTP application of a platform."""

from __future__ import annotations

from fastapi import FastAPI

from host_tools.platform.rest import (
    accounts,
    audit,
    customers,
    device_api,
    devices,
    errors,
    faults,
    persistent,
    telemetry,
    users,
)
from host_tools.platform.rest.bodies import App, ClientGoneError
from host_tools.platform.rest.rpc import RpcEndpoint
from host_tools.platform.rpc_calls import RpcCalls
from host_tools.platform.services import Services
from host_tools.platform.storage.pages import UnknownSortError


def build(services: Services) -> App:
    """Build the ASGI application that serves a platform."""
    app = FastAPI(
        title="Wakecall",
        description="A local platform that ThingsBoard's clients take for ThingsBoard.",
        docs_url="/swagger-ui",
        redoc_url=None,
        openapi_url="/v3/api-docs",
        redirect_slashes=False,
    )
    app.state.services = services
    errors.install(app)
    app.add_exception_handler(UnknownSortError, errors.unknown_sort)
    app.include_router(accounts.router)
    app.add_exception_handler(ClientGoneError, errors.client_gone)
    app.add_exception_handler(device_api.UnknownTokenError, device_api.unknown_token)
    app.include_router(device_api.router)
    app.include_router(devices.router)
    app.include_router(audit.router)
    app.include_router(customers.router)
    app.include_router(users.router)
    app.include_router(persistent.router)
    app.include_router(telemetry.router)
    if services.settings.faults:
        app.include_router(faults.router)
    app.add_api_route("/healthz", health, methods=["GET"], tags=["health"])
    return RpcEndpoint(app, services, RpcCalls(services))


async def health() -> dict[str, str]:
    """Tell that the platform serves."""
    return {"status": "UP"}
