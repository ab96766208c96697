"""The devices that a user may see: listed, and looked up by name.

URLs and their history: reference/thingsboard-rpc.md 4.5 and 4.6. A tenant administrator sees the
devices of the tenant, a customer user those of the customer; the server refuses each the other's
list, so what works is found out once.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote, urlencode

from host_tools.client.failures import ITEM_NOT_FOUND, error_code, no_such_device, refusal
from host_tools.client.http import Response
from host_tools.client.paging import items
from host_tools.client.session import Session
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json

BY_NAME_URLS = ("/api/tenant/device", "/api/tenant/devices")
"""Since 4.4, and before."""
TENANT_URL = "/api/tenant/devices"
NAMES_TO_COMPARE = 1_000


@dataclass(frozen=True)
class Device:
    """A device as the server knows it.

    Args:
        id: Its UUID as text.
        name: Unique among the devices of a tenant.
        type: The name of its device profile; empty where the server does not tell.
        label: A text of its owner.
        created_ms: When it was made, in epoch milliseconds; 0 where the server does not tell.
    """

    id: str
    name: str
    type: str = ""
    label: str = ""
    created_ms: int = 0


class Directory:
    """Looks devices up with the rights of one user.

    Args:
        session: The user's.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._url = TENANT_URL

    def by_name(self, name: str) -> Device:
        """Return the device of a name; raises WakecallError NOT_FOUND with names much like it."""
        if self._url != TENANT_URL:
            return self._by_name_in_list(name)
        query = urlencode({"deviceName": name}, quote_via=quote)
        for url in BY_NAME_URLS:
            response = self._session.request("GET", f"{url}?{query}")
            device = device_of(response)
            if device is not None:
                return device
            if error_code(response) == ITEM_NOT_FOUND:
                raise no_such_device(name, self._names_near(name))
            if response.status == 403:
                self._url = self._customer_url(refusal(response, _looking_up(name)))
                return self._by_name_in_list(name)
            if response.status not in (200, 400, 404, 405):  # no sign of an older server
                break
        raise refusal(response, _looking_up(name))

    def all(self, text: str = "") -> Iterator[Device]:
        """Give the devices that the user may see, in the order of their names.

        Args:
            text: Only those that the server finds with this text.
        """
        query = {"sortProperty": "name", "sortOrder": "ASC"}
        if text:
            query["textSearch"] = text
        try:
            yield from self._listed(query)
        except WakecallError as error:
            if error.code != ExitCode.CREDENTIALS or self._url != TENANT_URL:
                raise
            self._url = self._customer_url(error)
            yield from self._listed(query)

    def _listed(self, query: dict[str, str]) -> Iterator[Device]:
        for item in items(self._session, self._url, query, "list the devices"):
            device = parse_device(item)
            if device is not None:
                yield device

    def _customer_url(self, refused: WakecallError) -> str:
        user = self._session.request("GET", "/api/auth/user").json()
        if not isinstance(user, dict) or user.get("authority") != "CUSTOMER_USER":
            raise refused
        return f"/api/customer/{quote(entity_id(user.get('customerId')), safe='')}/devices"

    def _by_name_in_list(self, name: str) -> Device:
        for device in self.all(name):
            if device.name == name:
                return device
        raise no_such_device(name, self._names_near(name))

    def _names_near(self, name: str) -> list[str]:
        names: dict[str, str] = {}
        with contextlib.suppress(WakecallError):  # a suggestion is not worth an error of its own
            devices = islice(self.all(), NAMES_TO_COMPARE)
            names = {device.name.casefold(): device.name for device in devices}
        return [names[near] for near in difflib.get_close_matches(name.casefold(), names)]


def _looking_up(name: str) -> str:
    return f"look up the device {name!r}"


def parse_device(content: Json) -> Device | None:
    """Return the device that the server's JSON describes; None when it describes none."""
    if not isinstance(content, dict):
        return None
    identifier, name = entity_id(content.get("id")), content.get("name")
    if not identifier or not isinstance(name, str):
        return None
    created_ms = content.get("createdTime")
    return Device(
        identifier,
        name,
        type=str(content.get("type") or ""),
        label=str(content.get("label") or ""),
        created_ms=created_ms if isinstance(created_ms, int) else 0,
    )


def entity_id(content: Json) -> str:
    """Return the UUID of ``{"entityType": ..., "id": "<uuid>"}``; empty when it is none."""
    identifier = content.get("id") if isinstance(content, dict) else None
    return identifier if isinstance(identifier, str) else ""


def device_of(response: Response) -> Device | None:
    """Return the device that a successful response describes; None for any other."""
    return parse_device(response.json()) if response.status == 200 else None
