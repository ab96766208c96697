"""The identity of a command inside its params (``delivery.md`` 4)."""

from __future__ import annotations

from host_tools import json_text


def with_identity(params: str, rpc_id: str, expires_at_ms: int) -> str:
    """Return params with ``_id`` and ``_exp``, by which a device tells a command for certain.

    Args:
        params: JSON text; anything but an object is put under ``_params``.
        rpc_id: The id of the command.
        expires_at_ms: When it is not to be run any more, in epoch milliseconds.
    """
    value = json_text.parse(params)
    identity = {"_id": rpc_id, "_exp": expires_at_ms}
    wrapped = value if isinstance(value, dict) else {"_params": value}
    return json_text.dump(wrapped | identity)
