"""The send endpoints of RPC, v1 and v2, as plain ASGI (``thingsboard-rpc.md`` 4.2 and 4.3).

They take every call of a bench, so they stand in front of the framework: no routing table, no
dependency tree, no response model.
"""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from host_tools import json_text
from host_tools.platform.actor import ShuttingDownError
from host_tools.platform.api_errors import ApiError, ErrorCode, body, parse_uuid, permission_denied
from host_tools.platform.rest import errors
from host_tools.platform.rest.access import bearer_token
from host_tools.platform.rest.bodies import App, ClientGoneError, Receive, Scope, Send, read_body
from host_tools.platform.rpc_calls import RpcCalls
from host_tools.platform.rpc_request import RpcRequest
from host_tools.platform.services import Services
from host_tools.platform.storage.devices import Device
from host_tools.platform.storage.users import Authority, User
from host_tools.rpc import Finish, Outcome

PREFIXES = {
    "/api/rpc/oneway/": ("v2", True),
    "/api/rpc/twoway/": ("v2", False),
    "/api/plugins/rpc/oneway/": ("v1", True),
    "/api/plugins/rpc/twoway/": ("v1", False),
}
"""Path to version and whether the call is one-way."""

FAILURES = {
    ("v1", Outcome.NO_ANSWER): 408,
    ("v1", Outcome.NOT_CONNECTED): 409,
    ("v2", Outcome.NO_ANSWER): 504,
    ("v2", Outcome.NOT_CONNECTED): 504,
}


class RpcEndpoint:
    """Serves the send endpoints and passes everything else on.

    Args:
        app: The application behind.
        services: The platform's parts.
        calls: Carries calls out.
    """

    def __init__(self, app: App, services: Services, calls: RpcCalls) -> None:
        self._app = app
        self._services = services
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "http" and scope["method"] == "POST":
            base, _, device_id = scope["path"].rpartition("/")
            route = PREFIXES.get(f"{base}/")
            if route is not None:
                await self._serve(route, device_id, scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _serve(
        self, route: tuple[str, bool], device_id: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        version, one_way = route
        try:
            user = self._user(scope)
            identifier = parse_uuid(device_id)
            content = await read_body(receive, self._services.settings.max_body_bytes)
            request = RpcRequest.parse(content, one_way, self._services.settings)
            device = self._callable_device(user, identifier)
            await _respond(send, *await self._call(version, user, device, request))
        except ApiError as error:
            await _respond_error(send, error)
        except SQLAlchemyError as error:
            await _respond_error(send, errors.database_error(error))
        except ClientGoneError:
            return

    def _user(self, scope: Scope) -> User:
        try:
            return self._services.accounts.authenticate(bearer_token(scope["headers"]))
        except tuple(errors.AUTHENTICATION_ERRORS) as error:
            raise errors.AUTHENTICATION_ERRORS[type(error)] from error

    def _callable_device(self, user: User, identifier: str) -> Device:
        """Return the device of a call; these refusals are plain text (4.3)."""
        if user.authority is Authority.SYSTEM:
            message = "System administrator is not allowed to perform this operation!"
            raise ApiError(403, ErrorCode.PERMISSION_DENIED, message, plain=True)
        device = self._services.devices.by_id(identifier)
        if device is None:
            message = "Device with requested id wasn't found!"
            raise ApiError(404, ErrorCode.NOT_FOUND, message, plain=True)
        if user.authority is Authority.CUSTOMER and device.customer_id != user.customer_id:
            refusal = permission_denied()
            raise ApiError(403, refusal.code, refusal.message, plain=True)
        return device

    async def _call(
        self, version: str, user: User, device: Device, request: RpcRequest
    ) -> tuple[int, bytes]:
        """Carry out a call and note in the audit log how it ended."""
        outcome, rpc_id = "500 failed", None
        try:
            finish = await self._calls.call(device.id, request)
            status = _status(version, finish)
            rpc_id = finish.rpc_id if request.persistent else None
            outcome = f"{status} {'stored' if rpc_id else finish.outcome.value}"
        except TimeoutError:
            outcome = "500 request timeout"
            raise ApiError(500, ErrorCode.GENERAL, "Request timeout") from None
        except ShuttingDownError:
            outcome = "503 shutting down"
            raise ApiError(503, ErrorCode.GENERAL, "The platform is shutting down") from None
        except ApiError as error:
            outcome = f"{error.status} {error.message}"
            raise
        finally:
            self._services.audit.record(user, device, request, outcome, rpc_id)
        return status, finish.payload


def _status(version: str, finish: Finish) -> int:
    if finish.outcome is Outcome.ANSWERED and finish.payload:
        return 200 if json_text.is_json(finish.payload) else 406
    return FAILURES.get((version, finish.outcome), 200)


async def _respond(send: Send, status: int, answer: bytes) -> None:
    payload = answer if status == 200 else b""
    headers = [(b"content-length", str(len(payload)).encode())]
    if payload:
        headers.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


async def _respond_error(send: Send, error: ApiError) -> None:
    kind = b"text/plain;charset=UTF-8" if error.plain else b"application/json"
    text = error.message if error.plain else json_text.dump(body(error))
    payload = text.encode()
    headers = [(b"content-length", str(len(payload)).encode()), (b"content-type", kind)]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})
