"""The body of a send call (``thingsboard-rpc.md`` 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.platform.api_errors import ApiError, ErrorCode, bad_request, parse_uuid
from host_tools.platform.settings import Settings

MAX_INT = (1 << 31) - 1
MAX_LONG = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class RpcRequest:
    """What a caller wants; ``params`` is JSON text, ``expires_at_ms`` epoch time."""

    method: str
    params: str
    one_way: bool
    expires_at_ms: int
    persistent: bool = False
    retries: int | None = None
    additional_info: str | None = None
    rpc_id: str | None = None
    identity: bool = False
    """Add ``_id`` and ``_exp`` to the params, where the device understands them."""

    @classmethod
    def parse(cls, body: bytes, one_way: bool, settings: Settings) -> RpcRequest:
        """Read a body; raises ApiError 400 or, where ThingsBoard does, 500 (4.3)."""
        try:
            value = json_text.parse(body) if body else None
        except ValueError as error:
            raise bad_request("Invalid request body") from error
        if not isinstance(value, dict) or "method" not in value:
            raise ApiError(500, ErrorCode.GENERAL, "The request body has no method")
        return cls(
            method=_method(value["method"]),
            params=json_text.dump(value.get("params")),
            one_way=one_way,
            expires_at_ms=_expiry_ms(value, settings),
            persistent=value.get("persistent") is True,
            retries=None if value.get("retries") is None else _as_int(value["retries"]),
            additional_info=_optional_json(value.get("additionalInfo")),
            rpc_id=_rpc_id(value.get("requestUUID")),
            identity=value.get("identity") is True,
        )


def _method(value: Json) -> str:
    """Take a number or boolean as its text, as ThingsBoard does."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json_text.dump(value)
    raise bad_request("The method is not a text")


def _expiry_ms(value: dict[str, Json], settings: Settings) -> int:
    if value.get("expirationTime") is not None:
        return _as_long(value["expirationTime"])
    timeout_ms = settings.default_rpc_timeout_ms
    if value.get("timeout") is not None:
        timeout_ms = _as_long(value["timeout"])
    now_ms = settings.now_ms()
    return min(now_ms + max(settings.min_rpc_timeout_ms, timeout_ms), MAX_LONG)


def _as_long(value: Json) -> int:
    """Read a number or a numeric text; anything else counts as 0 (4.2)."""
    try:
        number = int(value) if isinstance(value, int | float | str) else 0
    except ValueError:
        number = 0
    return max(-MAX_LONG, min(number, MAX_LONG))


def _as_int(value: Json) -> int:
    return max(-MAX_INT, min(_as_long(value), MAX_INT))


def _optional_json(value: Json) -> str | None:
    return None if value is None else json_text.dump(value)


def _rpc_id(value: Json) -> str | None:
    if value is None:
        return None
    return parse_uuid(value if isinstance(value, str) else json_text.dump(value))
