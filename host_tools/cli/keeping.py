"""A persistent call of `wakecall call`: handed to the server, and followed to its end."""

from __future__ import annotations

import argparse
import sys
import time

from host_tools.cli.output import print_json, print_line, time_text
from host_tools.client import Client, Device, PersistentCall
from host_tools.client.client import MINIMUM_TIMEOUT_MS
from host_tools.client.identity import new_id, with_identity
from host_tools.client.outcome import answer_of_call
from host_tools.client.waiting import Patience, follow
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json

DEFAULT_LIFETIME_MS = 24 * 3_600_000
"""ThingsBoard's own default is 10 s, which no board that sleeps is awake in (issue 10444)."""
EXPIRY_MARGIN_MS = 10_000
"""How long after a call's time we go on to ask; the server notes the expiry a little later."""


def call_persistently(
    client: Client, device: Device, arguments: argparse.Namespace, params: Json
) -> None:
    """Hand a call to the server, print its id, or with ``--wait`` its answer.

    Args:
        client: Logged in.
        device: Which device.
        arguments: The options of `wakecall call`.
        params: As the user gave them.

    Raises:
        DeviceError: The device answered with an error.
        WakecallError: The server refused the call, or it ended without an answer.
    """
    lifetime_ms = arguments.expires or DEFAULT_LIFETIME_MS
    command_id = _command_id(client, device, arguments)
    if command_id is not None:
        expires_ms = round(time.time() * 1000) + lifetime_ms if arguments.expires else None
        params = with_identity(params, command_id, expires_ms)
    try:
        rpc_id = client.submit(
            device.id,
            arguments.method,
            params,
            lifetime_ms=lifetime_ms,
            one_way=arguments.oneway,
            retries=arguments.retries,
        )
    except WakecallError as error:
        raise _with_advice(error, command_id) from error
    if not arguments.wait:
        _print_id(rpc_id, command_id, as_json=arguments.json)
        return
    wait_ms = arguments.timeout or max(lifetime_ms, MINIMUM_TIMEOUT_MS) + EXPIRY_MARGIN_MS
    last = _follow(client, rpc_id, wait_ms, as_json=arguments.json)
    answer = answer_of_call(last, device.name)
    if not arguments.oneway:
        print_json(answer)


def _command_id(client: Client, device: Device, arguments: argparse.Namespace) -> str | None:
    """Return the id that the command carries; None for a device that would not understand it."""
    asked = arguments.named or arguments.id is not None
    if asked or client.data.understands_identity(device.id):
        return str(arguments.id or new_id())
    return None


def _with_advice(error: WakecallError, command_id: str | None) -> WakecallError:
    """Say how to try again where it is not known whether the server took the call."""
    if command_id is None or error.code not in (ExitCode.UNREACHABLE, ExitCode.TIMEOUT):
        return error
    return WakecallError(
        error.message,
        code=error.code,
        hint=f"the server may have it: to try again without a second effect, --id {command_id}",
    )


def _print_id(rpc_id: str, command_id: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json({"rpcId": rpc_id} | ({} if command_id is None else {"id": command_id}))
    else:
        print_line(rpc_id)


def _follow(client: Client, rpc_id: str, wait_ms: int, *, as_json: bool) -> PersistentCall:
    """Tell each state of a call on standard error, and return the last that was seen."""
    patience = Patience(lambda line: print_line(line, sys.stderr))
    last: PersistentCall | None = None
    for call in follow(lambda: patience.ask(lambda: client.persistent.get(rpc_id)), wait_ms):
        last = call
        _print_state(call, as_json=as_json)
    if last is None:
        raise WakecallError(
            f"the state of the call {rpc_id} could not be read in time",
            code=ExitCode.TIMEOUT,
            hint=f"`wakecall rpc show {rpc_id}` tells later how it ended",
        )
    return last


def _print_state(call: PersistentCall, *, as_json: bool) -> None:
    now_ms = round(time.time() * 1000)
    if as_json:
        print_json({"rpcId": call.rpc_id, "status": call.status.value, "ts": now_ms}, sys.stderr)
    else:
        print_line(f"{time_text(now_ms)}  {call.rpc_id}  {call.status.value}", sys.stderr)
