"""The HTTP device API (``thingsboard-rpc.md`` 2): what a device without MQTT uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.mqtt import Reason
from host_tools.platform import payloads
from host_tools.platform.actor import DeviceActor
from host_tools.platform.api_errors import ApiError, ErrorCode, bad_request
from host_tools.platform.polls import Poll, PollEndedError, next_command
from host_tools.platform.request_ids import parse_id
from host_tools.platform.rest.access import ServicesOf
from host_tools.platform.rest.bodies import read_body
from host_tools.platform.services import Services
from host_tools.platform.storage.devices import ACCESS_TOKEN

Result = TypeVar("Result")

router = APIRouter(prefix="/api/v1", tags=["device-api"])


class UnknownTokenError(Exception):
    """No device has this access token."""


async def unknown_token(_: Request, error: Exception) -> Response:
    """Answer a wrong access token: 401 without a body."""
    return Response(status_code=401)


async def device_of_token(access_token: str, services: ServicesOf) -> DeviceActor:
    """Return the device that a path names by its access token."""
    found = services.devices.credentials_by_key(access_token)
    if found is None or found.type != ACCESS_TOKEN:
        raise UnknownTokenError
    return services.actor(found.device_id)


async def device_body(request: Request, services: ServicesOf) -> bytes:
    """Read the raw body; the device API looks at no Content-Type."""
    limit = services.settings.max_body_bytes
    if "/rpc" in request.url.path:
        limit = services.settings.max_payload_bytes
    return await read_body(request.receive, limit)


Actor = Annotated[DeviceActor, Depends(device_of_token)]
Body = Annotated[bytes, Depends(device_body)]


def poll_timeout_s(
    services: ServicesOf, timeout: Annotated[str | None, Query(alias="timeout")] = None
) -> float:
    """Return how long a poll waits for; 0 stands for the default, as absence does."""
    try:
        timeout_ms = parse_id(timeout) if timeout else 0
    except ValueError as error:
        raise bad_request("timeout is not a number") from error
    return max(0, timeout_ms or services.settings.http_poll_timeout_ms) / 1_000


PollTimeout = Annotated[float, Depends(poll_timeout_s)]


@router.post("/{access_token}/telemetry", summary="Report telemetry")
async def report_telemetry(actor: Actor, services: ServicesOf, body: Body) -> Response:
    """Store telemetry of the device."""
    now_ms = services.settings.now_ms()
    points = _checked(lambda value: payloads.parse_telemetry(value, now_ms), body)
    await services.data.add_points(actor.device_id, points)
    return Response()


@router.post("/{access_token}/attributes", summary="Report attributes")
async def report_attributes(actor: Actor, services: ServicesOf, body: Body) -> Response:
    """Store what the device says about itself."""
    values = _checked(payloads.parse_values, body)
    await services.data.set_client_attributes(actor.device_id, values)
    return Response()


@router.get("/{access_token}/attributes", summary="Read attributes")
async def read_attributes(
    actor: Actor,
    services: ServicesOf,
    client_keys: Annotated[str | None, Query(alias="clientKeys")] = None,
    shared_keys: Annotated[str | None, Query(alias="sharedKeys")] = None,
) -> dict[str, Json]:
    """Return client and shared attributes; without keys all of them."""
    wanted = payloads.split_keys(client_keys), payloads.split_keys(shared_keys)
    return services.data.for_device(actor.device_id, *wanted)


@router.get("/{access_token}/attributes/updates", summary="Wait for an attribute update")
async def wait_for_update(
    actor: Actor, services: ServicesOf, request: Request, timeout_s: PollTimeout
) -> Response:
    """Return the next change of the shared attributes."""
    poll: Poll[dict[str, Json]] = Poll()
    actor.open_poll(poll)
    services.data.listen(actor.device_id, poll.give)
    try:
        async with _held(request, services, timeout_s) as (limit_s, gone):
            return _json(await poll.wait(limit_s, gone))
    finally:
        services.data.unlisten(actor.device_id, poll.give)
        actor.close_poll(poll)


@router.get("/{access_token}/rpc", summary="Wait for a command")
async def wait_for_command(
    actor: Actor, services: ServicesOf, request: Request, timeout_s: PollTimeout
) -> Response:
    """Return the oldest pending command, or the next one that comes."""
    async with _held(request, services, timeout_s) as (limit_s, gone):
        command = await next_command(actor, limit_s, gone, strict=services.settings.strict)
    method = json_text.dump(command.method)
    text = f'{{"id":{command.request_id},"method":{method},"params":{command.params}}}'
    return Response(text, media_type="application/json")


@router.post("/{access_token}/rpc/{request_id}", summary="Answer a command")
async def answer_command(actor: Actor, request_id: str, body: Body) -> Response:
    """Take the answer to a command; any text is one, and an unknown id is ignored."""
    try:
        identifier = parse_id(request_id)
    except ValueError as error:
        raise bad_request(f"requestId: {error}") from error
    actor.answer(identifier, body)
    return Response()


@router.post("/{access_token}/rpc", summary="Call the server")
async def call_server(actor: Actor, services: ServicesOf, request: Request, body: Body) -> Response:
    """Hand a call of the device to the rules and wait for their answer."""
    call = _checked(_parse_call, body)
    poll: Poll[bytes] = Poll()
    method, params = call["method"], call.get("params")
    services.rules.client_call(actor.device_id, method, params, 0, poll.give)
    wait_s = services.settings.client_rpc_timeout_ms / 1_000 + 1
    async with _held(request, services, wait_s) as (limit_s, gone):
        return Response(await poll.wait(limit_s, gone), media_type="application/json")


@asynccontextmanager
async def _held(
    request: Request, services: Services, wanted_s: float
) -> AsyncIterator[tuple[float, asyncio.Future[None]]]:
    """Hold a request open: gives the time limit and a future that is done when the device left.

    The wait's end becomes ThingsBoard's: 408 when its own time is over, 503 at the limit of any
    request, 403 when the device was deleted.
    """
    limit_s = services.settings.max_held_request_ms / 1_000
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        yield min(wanted_s, limit_s), gone
    except TimeoutError:
        if wanted_s > limit_s:
            raise ApiError(503, ErrorCode.GENERAL, "Request timeout") from None
        raise ApiError(408, ErrorCode.GENERAL, "", plain=True) from None
    except PollEndedError as error:
        if error.reason is Reason.SERVER_SHUTTING_DOWN:
            message = "The platform is shutting down"
            raise ApiError(503, ErrorCode.GENERAL, message) from None
        if error.reason is Reason.SESSION_TAKEN_OVER:
            raise ApiError(408, ErrorCode.GENERAL, "", plain=True) from None
        message = "The device was deleted"
        raise ApiError(403, ErrorCode.PERMISSION_DENIED, message, plain=True) from None
    except ConnectionError:
        raise ApiError(408, ErrorCode.GENERAL, "", plain=True) from None  # nobody reads it
    finally:
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _checked(parse: Callable[[Json], Result], body: bytes) -> Result:
    """Parse a payload; one that is wrong is answered 500 with the reason, as ThingsBoard does."""
    try:
        return parse(json_text.parse(body))
    except ValueError as error:
        raise ApiError(500, ErrorCode.GENERAL, str(error), plain=True) from error


def _parse_call(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict) or not isinstance(value.get("method"), str):
        raise ValueError("a call is an object with a method")
    return value


def _json(value: Json) -> Response:
    return Response(json_text.dump(value), media_type="application/json")
