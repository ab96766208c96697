"""Error bodies as ThingsBoard writes them (``thingsboard-rpc.md`` 4.1)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from host_tools.platform.accounts.accounts import LoginRefusedError, UserDisabledError
from host_tools.platform.accounts.tokens import NotATokenError, TokenExpiredError
from host_tools.platform.settings import epoch_ms


class ErrorCode(IntEnum):
    """The word ``errorCode`` of an error body."""

    GENERAL = 2
    AUTHENTICATION = 10
    TOKEN_EXPIRED = 11
    PERMISSION_DENIED = 20
    INVALID_ARGUMENTS = 30
    BAD_REQUEST = 31
    NOT_FOUND = 32
    TOO_MANY_REQUESTS = 33
    VERSION_CONFLICT = 35
    DATABASE = 46


class ApiError(Exception):
    """An error that the caller of an endpoint gets.

    Args:
        status: The HTTP status.
        code: The word ``errorCode``.
        message: One line for the caller.
        plain: Send the message as plain text, as the access checks of devices do.
    """

    def __init__(self, status: int, code: ErrorCode, message: str, *, plain: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.plain = plain


def bad_request(message: str) -> ApiError:
    """Make the error for a parameter or body that is wrong."""
    return ApiError(400, ErrorCode.BAD_REQUEST, message)


def not_found(message: str) -> ApiError:
    """Make the error for something that does not exist."""
    return ApiError(404, ErrorCode.NOT_FOUND, message)


def permission_denied() -> ApiError:
    """Make the error for a role that may not use an endpoint."""
    message = "You don't have permission to perform this operation!"
    return ApiError(403, ErrorCode.PERMISSION_DENIED, message)


AUTHENTICATION_ERRORS: dict[type[Exception], ApiError] = {
    LoginRefusedError: ApiError(401, ErrorCode.AUTHENTICATION, "Invalid username or password"),
    NotATokenError: ApiError(401, ErrorCode.AUTHENTICATION, "Invalid username or password"),
    UserDisabledError: ApiError(401, ErrorCode.AUTHENTICATION, "User account is not active"),
    TokenExpiredError: ApiError(401, ErrorCode.TOKEN_EXPIRED, "Token has expired"),
}
"""What the accounts raise, as the caller sees it."""

NO_TOKEN = ApiError(401, ErrorCode.AUTHENTICATION, "Authentication failed")


def body(error: ApiError) -> dict[str, Any]:
    """Return the JSON body of an error."""
    return {
        "status": error.status,
        "message": error.message,
        "errorCode": int(error.code),
        "timestamp": epoch_ms(),
    }


def install(app: FastAPI) -> None:
    """Make the application answer every error in ThingsBoard's form."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    for kind in AUTHENTICATION_ERRORS:
        app.add_exception_handler(kind, _authentication_error)


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    if error.plain:
        return PlainTextResponse(error.message, error.status)
    return JSONResponse(body(error), error.status)


async def _authentication_error(request: Request, error: Exception) -> Response:
    return await _api_error(request, AUTHENTICATION_ERRORS[type(error)])


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return await _api_error(request, bad_request(f"Invalid parameter {where}: {first['msg']}"))


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer unknown paths and wrong methods, which the framework finds itself."""
    assert isinstance(error, HTTPException)
    code = ErrorCode.NOT_FOUND if error.status_code == 404 else ErrorCode.BAD_REQUEST
    response = await _api_error(request, ApiError(error.status_code, code, str(error.detail)))
    response.headers.update(error.headers or {})
    return response


async def unknown_sort(request: Request, error: Exception) -> Response:
    """Answer a sort property that does not exist."""
    return await _api_error(request, bad_request(f"Unsupported sort property '{error}'!"))
