"""The errors that callers of the REST API get (``thingsboard-rpc.md`` 4.1), apart from HTTP."""

from __future__ import annotations

import uuid
from enum import IntEnum
from typing import Any

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


def parse_uuid(text: str) -> str:
    """Return a UUID in its canonical spelling; raises ApiError 400 for anything else."""
    try:
        if len(text) != 36:
            raise ValueError("not 36 characters")
        return str(uuid.UUID(text))
    except ValueError as error:
        raise bad_request(f"Invalid UUID string: {text[:64]}") from error


def body(error: ApiError) -> dict[str, Any]:
    """Return the JSON body of an error."""
    return {
        "status": error.status,
        "message": error.message,
        "errorCode": int(error.code),
        "timestamp": epoch_ms(),
    }
