"""Fields of request bodies, read with one kind of refusal."""

from __future__ import annotations

from host_tools.json_text import Json
from host_tools.platform.api_errors import bad_request

MAX_TEXT_LENGTH = 255


def text(body: dict[str, Json], key: str) -> str | None:
    """Return a text of a body, None when it is absent; raises ApiError 400 for anything else."""
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH or "\0" in value:
        raise bad_request(f"{key} has to be a text of at most {MAX_TEXT_LENGTH} characters")
    return value


def required_text(body: dict[str, Json], key: str, thing: str) -> str:
    """Return a text that must not be empty."""
    value = text(body, key)
    if not value or not value.strip():
        raise bad_request(f"{thing} should be specified!")
    return value


def entity_id(value: Json) -> str:
    """Read an id given as ``{"entityType": ..., "id": "<uuid>"}`` or as a bare text."""
    inner = value.get("id") if isinstance(value, dict) else value
    if not isinstance(inner, str):
        raise bad_request("An id is missing")
    return inner
