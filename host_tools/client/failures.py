"""What a server's status codes mean: from a response to an answer or a typed error, without I/O.

The rules are those of reference/thingsboard-rpc.md sections 4.1 and 4.3.
"""

from __future__ import annotations

from collections.abc import Callable

from host_tools import json_text
from host_tools.client.http import Response
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json

ITEM_NOT_FOUND = 32
ENTITY_LIMITS = (40, 41)  # refused with 403, although the user may do such things
_MAXIMUM_TEXT = 200


class DeviceError(WakecallError):
    """The board ran, or refused, a command and answered with an error.

    Args:
        device: The device's name.
        answer: The whole answer: ``{"error": {"code", "message", "effect"}}``.
    """

    def __init__(self, device: str, answer: dict[str, Json]) -> None:
        error = answer["error"]
        super().__init__(
            f"{device} answered {error['code']}: {error['message']}",
            code=ExitCode.DEVICE_ERROR,
            hint=f"effect: {error['effect']}",
        )
        self.answer = answer


def is_error_answer(answer: object) -> bool:
    """Tell whether a board's answer has the form of an error (delivery.md 3)."""
    if not isinstance(answer, dict) or set(answer) != {"error"}:
        return False
    error = answer["error"]
    return isinstance(error, dict) and {"code", "message", "effect"} <= set(error)


def error_code(response: Response) -> int | None:
    """Return the ``errorCode`` of ThingsBoard's error body; None when there is none."""
    content = response.json()
    code = content.get("errorCode") if isinstance(content, dict) else None
    return code if isinstance(code, int) else None


def is_unknown_path(response: Response) -> bool:
    """Tell a URL that the server does not have from a thing that it does not have.

    For an unknown device the RPC URLs say so in plain text (4.3), the others with an error code.
    """
    if response.status == 405:
        return True
    known = error_code(response) == ITEM_NOT_FOUND or "wasn't found" in said(response)
    return response.status == 404 and not known


def said(response: Response) -> str:
    """Return what a response says in words: a JSON message or plain text, on one short line."""
    content = response.json()
    text = content.get("message") if isinstance(content, dict) else None
    if not isinstance(text, str):
        text = response.body.decode("utf-8", "replace")
    if not text.strip() or text.lstrip().startswith("<"):  # a web page
        return ""
    line = " ".join(text.split())
    printable = "".join(character for character in line if character.isprintable())
    return printable if len(printable) <= _MAXIMUM_TEXT else printable[:_MAXIMUM_TEXT] + "…"


def refusal(response: Response, doing: str) -> WakecallError:
    """Return the error for a status that no endpoint of its own rules explains.

    Args:
        response: A response that is no success.
        doing: What was asked, such as ``"read the token of pump"``.
    """
    status, words = response.status, said(response)
    message = f"cannot {doing}: the server answered {status}" + (f": {words}" if words else "")
    code, hint = ExitCode.FAILED, ""
    if status == 401:
        code, hint = ExitCode.CREDENTIALS, "run `wakecall login URL` again"
    elif status == 403 and error_code(response) not in ENTITY_LIMITS:
        code, hint = ExitCode.CREDENTIALS, "log in as a user who may do this"
    elif status == 404:
        code = ExitCode.NOT_FOUND
    elif status == 413:
        hint = "the request is too large for the server"
    elif status == 429:
        hint = "the server limits the rate of requests: try again later"
    elif status in (502, 503, 504):
        code, hint = ExitCode.UNREACHABLE, "a gateway answers, the server behind it does not"
    elif 300 <= status < 400:
        code, hint = ExitCode.UNREACHABLE, f"it points to {response.location}: use that address"
    return WakecallError(message, code=code, hint=hint)


def answer_of(response: Response, device: str, timeout_ms: int) -> Json:
    """Return the answer of a device out of the response to an RPC request.

    Args:
        response: What the server answered, with either version of its URLs.
        device: The device's name, for errors.
        timeout_ms: What the caller had asked for, for errors.

    Returns:
        The device's JSON; None when it answered with nothing, and for a one-way call.

    Raises:
        DeviceError: The answer is an error.
        WakecallError: No answer, or a refusal of the server (section 4.3).
    """
    if response.status != 200:
        raise _rpc_failure(response, device, timeout_ms)
    if not response.body:
        return None
    try:
        answer = json_text.parse(response.body)
    except ValueError:
        raise WakecallError(
            f"the server's answer to the call of {device} is not JSON",
            code=ExitCode.UNREACHABLE,
            hint="is a ThingsBoard server at that address?",
        ) from None
    if is_error_answer(answer):
        raise DeviceError(device, answer)
    return answer


def no_such_device(device: str, near: list[str]) -> WakecallError:
    """Return the error for a name or id that the server does not know.

    Args:
        device: What was asked for.
        near: Names that are much like it, best first.
    """
    return WakecallError(
        f"the server knows no device {device!r}",
        code=ExitCode.NOT_FOUND,
        hint=f"is it {' or '.join(repr(name) for name in near)}?" if near else "",
    )


def _rpc_failure(response: Response, device: str, timeout_ms: int) -> WakecallError:
    if _is_server_limit(response):
        return _server_limit(device, timeout_ms)
    special = _RPC_FAILURES.get(response.status)
    if special is not None:
        return special(device, timeout_ms)
    return refusal(response, f"call {device}")


def _is_server_limit(response: Response) -> bool:
    """Tell whether the server itself stopped waiting, with its limit of 30 s (issues 5761, 12864).

    That is a 500 since 3.4; a 503 before, which a gateway also says, but as a web page.
    """
    if response.status == 500:
        return "request timeout" in said(response).lower()
    return response.status == 503 and (not response.body or response.json() is not None)


def _server_limit(device: str, timeout_ms: int) -> WakecallError:
    return WakecallError(
        f"the server stopped waiting for {device} before {timeout_ms / 1000:g} s were over",
        code=ExitCode.TIMEOUT,
        hint="its limit is SPRING_MVC_ASYNC_REQUEST_TIMEOUT, 30 s by default; "
        "the command may have run",
    )


def _not_connected(device: str, _: int) -> WakecallError:
    return WakecallError(
        f"{device} was not connected",
        code=ExitCode.TIMEOUT,
        hint="the command has not run, unless the device came just before the timeout",
    )


def _no_answer(device: str, timeout_ms: int) -> WakecallError:
    return WakecallError(
        f"{device} did not answer within {timeout_ms / 1000:g} s",
        code=ExitCode.TIMEOUT,
        hint="it was connected: the command may have run",
    )


def _no_answer_or_not_connected(device: str, timeout_ms: int) -> WakecallError:
    return WakecallError(
        f"no answer of {device} within {timeout_ms / 1000:g} s",
        code=ExitCode.TIMEOUT,
        hint="it is not connected or did not answer; the command may have run",
    )


def _answer_not_json(device: str, _: int) -> WakecallError:
    return WakecallError(
        f"{device} answered something that is not JSON",
        code=ExitCode.DEVICE_ERROR,
        hint="the command may have run; the firmware must answer with JSON",
    )


_RPC_FAILURES: dict[int, Callable[[str, int], WakecallError]] = {
    406: _answer_not_json,
    408: _no_answer,  # v1 only
    409: _not_connected,  # v1 only
    504: _no_answer_or_not_connected,  # v2 says this for both
}
