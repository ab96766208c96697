"""Lists of devices."""

from __future__ import annotations

from sqlalchemy import Connection, select

from host_tools.platform.storage import devices as device_rows
from host_tools.platform.storage import pages
from host_tools.platform.storage.devices import Device
from host_tools.platform.storage.pages import Page
from host_tools.platform.storage.schema import devices

SORTABLE = {
    "createdTime": devices.c.created_ms,
    "name": devices.c.name,
    "type": devices.c.type,
    "label": devices.c.label,
}


def page(
    connection: Connection, wanted: Page, customer_id: str | None = None
) -> tuple[list[Device], int]:
    """Return a page of devices and their total number.

    Args:
        connection: Open.
        wanted: The page; its text search looks for a part of the name, whatever the case.
        customer_id: Only the devices of this customer, where given.
    """
    statement = select(devices)
    if customer_id is not None:
        statement = statement.where(devices.c.customer_id == customer_id)
    if wanted.text_search:
        statement = statement.where(devices.c.name.icontains(wanted.text_search, autoescape=True))
    rows, total = pages.fetch(connection, statement, wanted, SORTABLE, "createdTime")
    return [device_rows.from_row(row) for row in rows], total
