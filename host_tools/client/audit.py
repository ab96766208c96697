"""The audit log of a server: which calls were made, by whom, and how they ended.

ThingsBoard's log holds more than calls; only those are asked for (thingsboard-rpc.md 4.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from host_tools import json_text
from host_tools.client.paging import items
from host_tools.client.session import Session
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json

_URL = "/api/audit/logs"


@dataclass(frozen=True)
class AuditEntry:
    """A call as the log has it.

    Args:
        created_ms: When, in epoch milliseconds.
        user: Who called, by e-mail.
        device: The name of the device.
        method: The method's name.
        params: As they were given.
        one_way: Whether no answer was waited for.
        succeeded: Whether the server calls it a success.
        outcome: How it ended, in the server's words; empty where it has none.
    """

    created_ms: int
    user: str
    device: str
    method: str
    params: Json
    one_way: bool
    succeeded: bool
    outcome: str


class AuditLog:
    """Reads the log; for that one has to be a tenant administrator.

    Args:
        session: With whose rights.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def calls(self, device_id: str | None = None) -> Iterator[AuditEntry]:
        """Give the calls, the newest first.

        Args:
            device_id: Only those of this device.
        """
        query = {"sortProperty": "createdTime", "sortOrder": "DESC", "actionTypes": "RPC_CALL"}
        url = _URL if device_id is None else f"{_URL}/entity/DEVICE/{quote(device_id, safe='')}"
        return (_parse(item) for item in items(self._session, url, query, "read the audit log"))


def _parse(content: Json) -> AuditEntry:
    try:
        action = content.get("actionData") or {}
        succeeded = content["actionStatus"] == "SUCCESS"
        return AuditEntry(
            created_ms=int(content["createdTime"]),
            user=str(content["userName"]),
            device=str(content["entityName"]),
            method=str(action.get("method", "")),
            params=_parsed(action.get("params")),
            one_way=bool(action.get("oneWay")),
            succeeded=succeeded,
            outcome=str(action.get("outcome") or content.get("actionFailureDetails") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise WakecallError(
            "the server described its audit log in an unknown way", code=ExitCode.UNREACHABLE
        ) from None


def _parsed(params: Json) -> Json:
    """Return params as a value: the server shows them as a text of JSON."""
    if not isinstance(params, str):
        return params
    try:
        return json_text.parse(params)
    except ValueError:
        return params
