"""The identity of a command inside its params (delivery.md 4): how a device knows a repetition."""

from __future__ import annotations

import secrets

from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json

_RANDOM_BYTES = 12  # 16 characters: short in the journal of a board, and never twice by chance
_KEYS = ("_id", "_exp")


def new_id() -> str:
    """Return a random id for a command."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def with_identity(params: Json, command_id: str, expires_ms: int | None = None) -> Json:
    """Return params with the keys ``_id`` and ``_exp``, which an agent takes out again.

    Args:
        params: Any JSON value; what is no object goes under the key ``_params``.
        command_id: The same for every try of one command, 1 to 128 characters (the agent's limit).
        expires_ms: When the command is not to be run any more, in epoch milliseconds; None adds
            no ``_exp``.

    Raises:
        WakecallError: The params use one of these keys themselves (USAGE).
    """
    if isinstance(params, dict):
        for key in _KEYS:
            if key in params:
                raise WakecallError(
                    f"the parameter {key!r} is the identity of the command",
                    code=ExitCode.USAGE,
                    hint="leave it to --id and --expires, or leave these out",
                )
    # An object that is {"_params": ...} itself would come out as what is in it.
    plain = isinstance(params, dict) and set(params) != {"_params"}
    identity = {"_id": command_id} | ({} if expires_ms is None else {"_exp": expires_ms})
    return (params if plain else {"_params": params}) | identity
