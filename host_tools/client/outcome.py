"""What the final state of a persistent call means: its answer or a typed error, without I/O."""

from __future__ import annotations

from host_tools.client.failures import DeviceError, is_error_answer
from host_tools.client.persistent import PersistentCall
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json
from host_tools.rpc.model import Status


def answer_of_call(call: PersistentCall, device: str) -> Json:
    """Return the device's answer to a persistent call; None for a one-way call.

    Args:
        call: As the server last told of it.
        device: The device's name, for errors.

    Raises:
        DeviceError: The answer is an error.
        WakecallError: The call expired (TIMEOUT), the server gave it up (FAILED), or it is not
            over yet (TIMEOUT).
    """
    if call.status is Status.EXPIRED:
        raise WakecallError(
            f"the call {call.rpc_id} expired before {device} answered",
            code=ExitCode.TIMEOUT,
            hint="the command has run only if the device got it: its state was DELIVERED then",
        )
    if call.status is Status.FAILED:
        raise WakecallError(
            f"the server gave up the call {call.rpc_id} of {device}{_reason(call.response)}",
            hint="the command may have run",
        )
    if not call.is_final:
        raise WakecallError(
            f"the call {call.rpc_id} of {device} is still {call.status.value}",
            code=ExitCode.TIMEOUT,
            hint=f"`wakecall rpc show {call.rpc_id}` tells later how it ended",
        )
    if call.one_way:
        return None
    if is_error_answer(call.response):
        raise DeviceError(device, call.response)
    return call.response


def _reason(response: Json) -> str:
    text = response.get("error") if isinstance(response, dict) else None
    return f": {text}" if isinstance(text, str) and text.isprintable() else ""
