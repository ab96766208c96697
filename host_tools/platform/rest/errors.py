"""Error bodies as ThingsBoard writes them (``thingsboard-rpc.md`` 4.1)."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from host_tools.platform.accounts.accounts import LoginRefusedError, UserDisabledError
from host_tools.platform.accounts.attempts import TooManyAttemptsError
from host_tools.platform.accounts.tokens import NotATokenError, TokenExpiredError
from host_tools.platform.api_errors import ApiError, ErrorCode, bad_request, body

log = logging.getLogger(__name__)

AUTHENTICATION_ERRORS: dict[type[Exception], ApiError] = {
    LoginRefusedError: ApiError(401, ErrorCode.AUTHENTICATION, "Invalid username or password"),
    NotATokenError: ApiError(401, ErrorCode.AUTHENTICATION, "Invalid username or password"),
    UserDisabledError: ApiError(401, ErrorCode.AUTHENTICATION, "User account is not active"),
    TooManyAttemptsError: ApiError(
        429, ErrorCode.TOO_MANY_REQUESTS, "Too many failed logins; wait half a minute"
    ),
    TokenExpiredError: ApiError(401, ErrorCode.TOKEN_EXPIRED, "Token has expired"),
}
"""What the accounts raise, as the caller sees it."""

NO_TOKEN = ApiError(401, ErrorCode.AUTHENTICATION, "Authentication failed")


def install(app: FastAPI) -> None:
    """Make the application answer every error in ThingsBoard's form."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)
    app.add_exception_handler(SQLAlchemyError, _database_error)
    for kind in AUTHENTICATION_ERRORS:
        app.add_exception_handler(kind, _authentication_error)


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    if error.plain:
        return PlainTextResponse(error.message, error.status)
    return JSONResponse(body(error), error.status)


async def _unexpected(request: Request, error: Exception) -> Response:
    """Answer a mistake of ours in the same form; the server's log gets the traceback."""
    return await _api_error(request, ApiError(500, ErrorCode.GENERAL, "Internal error"))


async def _authentication_error(request: Request, error: Exception) -> Response:
    return await _api_error(request, AUTHENTICATION_ERRORS[type(error)])


def database_error(error: Exception) -> ApiError:
    """Make the error for a change that could not be stored: the disk is full, for example."""
    log.error("the database failed: %s", error)
    return ApiError(500, ErrorCode.DATABASE, "The change could not be stored")


async def _database_error(request: Request, error: Exception) -> Response:
    return await _api_error(request, database_error(error))


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


async def client_gone(_: Request, error: Exception) -> Response:
    """Answer a caller who hung up inside its request; nobody reads it."""
    return Response(status_code=400)
