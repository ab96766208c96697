"""The whole HTTP application of a platform."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

from host_tools.platform.rest import (
    accounts,
    audit,
    claiming,
    customers,
    device_api,
    devices,
    errors,
    faults,
    openapi,
    persistent,
    telemetry,
    users,
)
from host_tools.platform.rest.bodies import App, ClientGoneError
from host_tools.platform.rest.openapi_page import PAGE
from host_tools.platform.rest.rpc import RpcEndpoint
from host_tools.platform.rpc_calls import RpcCalls
from host_tools.platform.services import Services
from host_tools.platform.storage.pages import UnknownSortError

general = APIRouter(tags=["general"])


def build(services: Services) -> App:
    """Build the ASGI application that serves a platform."""
    app = FastAPI(
        title="Wakecall",
        description="A local platform that ThingsBoard's clients take for ThingsBoard.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/v3/api-docs",
        redirect_slashes=False,
    )
    app.state.services = services
    errors.install(app)
    app.add_exception_handler(UnknownSortError, errors.unknown_sort)
    app.add_exception_handler(ClientGoneError, errors.client_gone)
    app.add_exception_handler(device_api.UnknownTokenError, device_api.unknown_token)
    routers = [*ROUTERS, faults.router] if services.settings.faults else list(ROUTERS)
    for router in routers:
        app.include_router(router)
    app.openapi = lambda: openapi.describe(app, routers)  # type: ignore[method-assign]
    return RpcEndpoint(app, services, RpcCalls(services))


@general.get("/healthz", summary="Tell whether the platform serves")
async def health() -> dict[str, str]:
    """Tell that the platform serves."""
    return {"status": "UP"}


@general.get("/swagger-ui", include_in_schema=False)
async def page() -> HTMLResponse:
    """Show the API to people, where ThingsBoard has its page too."""
    return HTMLResponse(PAGE)


ROUTERS = (
    general,
    accounts.router,
    users.router,
    customers.router,
    devices.router,
    claiming.router,
    telemetry.router,
    persistent.router,
    audit.router,
    device_api.router,
)
