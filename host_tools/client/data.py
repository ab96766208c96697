"""What a device reports and what is set for it (reference/thingsboard-rpc.md 4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from host_tools.client.names import Names
from host_tools.client.session import Session
from host_tools.json_text import Json

AGENT = "agent"
"""The client attribute in which an agent tells its abilities."""


class Scope(StrEnum):
    """Who writes an attribute, and whether the device sees it."""

    CLIENT = "CLIENT_SCOPE"
    SHARED = "SHARED_SCOPE"
    SERVER = "SERVER_SCOPE"


@dataclass(frozen=True)
class Value:
    """A value and when it came to be, in epoch milliseconds."""

    value: Json
    ts_ms: int


class DeviceData:
    """Reads telemetry and attributes.

    Args:
        session: With whose rights.
        names: For errors.
    """

    def __init__(self, session: Session, names: Names) -> None:
        self._session = session
        self._names = names

    def telemetry(self, device_id: str) -> dict[str, Value]:
        """Return the newest value of each key that the device has sent."""
        content = self._get(device_id, "timeseries?useStrictDataTypes=true", "telemetry")
        points = content.items() if isinstance(content, dict) else ()
        return {
            key: Value(rows[0].get("value"), int(rows[0].get("ts") or 0))
            for key, rows in points
            if isinstance(rows, list) and rows and isinstance(rows[0], dict)
        }

    def attributes(self, device_id: str, scope: Scope) -> dict[str, Value]:
        """Return the attributes of one scope."""
        content = self._get(device_id, f"attributes/{scope}", "attributes")
        return {
            str(row["key"]): Value(row.get("value"), int(row.get("lastUpdateTs") or 0))
            for row in (content if isinstance(content, list) else [])
            if isinstance(row, dict) and "key" in row
        }

    def understands_identity(self, device_id: str) -> bool:
        """Tell whether the device has said that it takes ``_id`` and ``_exp`` out of params.

        An agent says so in its client attribute ``agent``, as ``{"identity": true}``; what these
        keys are for is told in delivery.md 4.
        """
        agent = self.attributes(device_id, Scope.CLIENT).get(AGENT)
        abilities = agent.value if agent is not None else None
        return isinstance(abilities, dict) and abilities.get("identity") is True

    def _get(self, device_id: str, rest: str, what: str) -> Json:
        url = f"/api/plugins/telemetry/DEVICE/{quote(device_id, safe='')}/values/{rest}"
        response = self._session.request("GET", url)
        if response.status != 200:
            doing = f"read the {what} of {self._names.of(device_id)}"
            raise self._names.refusal(device_id, response, doing)
        return response.json()
