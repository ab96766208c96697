"""Customers, and the users who have not set a password yet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from host_tools.platform.storage import pages, users
from host_tools.platform.storage.pages import Page
from host_tools.platform.storage.schema import activations, customers, devices
from host_tools.platform.storage.schema import users as users_table
from host_tools.platform.storage.users import User

SORTABLE = {"createdTime": customers.c.created_ms, "title": customers.c.title}
USERS_SORTABLE = {"createdTime": users_table.c.created_ms, "email": users_table.c.email}


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer, who owns devices and has users."""

    id: str
    created_ms: int
    title: str
    email: str | None = None
    additional_info: Any = None
    version: int = 1


def insert(connection: Connection, customer: Customer) -> None:
    """Store a new customer; raises sqlalchemy's IntegrityError when the title is taken."""
    connection.execute(customers.insert().values(**_columns(customer)))


def update(connection: Connection, customer: Customer) -> None:
    """Store a changed customer; raises IntegrityError when its new title is taken."""
    statement = customers.update().where(customers.c.id == customer.id)
    connection.execute(statement.values(**_columns(customer)))


def delete(connection: Connection, customer_id: str) -> bool:
    """Remove a customer with its users; its devices stay, without an owner."""
    owned = devices.update().where(devices.c.customer_id == customer_id)
    connection.execute(owned.values(customer_id=None))
    connection.execute(users_table.delete().where(users_table.c.customer_id == customer_id))
    return connection.execute(customers.delete().where(customers.c.id == customer_id)).rowcount > 0


def by_id(connection: Connection, customer_id: str) -> Customer | None:
    """Find a customer by id."""
    row = connection.execute(select(customers).where(customers.c.id == customer_id)).first()
    return None if row is None else _from_row(row)


def page(connection: Connection, wanted: Page) -> tuple[list[Customer], int]:
    """Return a page of customers and their total number."""
    statement = select(customers)
    if wanted.text_search:
        statement = statement.where(
            customers.c.title.icontains(wanted.text_search, autoescape=True)
        )
    rows, total = pages.fetch(connection, statement, wanted, SORTABLE, "createdTime")
    return [_from_row(row) for row in rows], total


def users_page(connection: Connection, wanted: Page, customer_id: str) -> tuple[list[User], int]:
    """Return a page of the users of a customer and their total number."""
    statement = select(users_table).where(users_table.c.customer_id == customer_id)
    rows, total = pages.fetch(connection, statement, wanted, USERS_SORTABLE, "createdTime")
    return [users.from_row(row) for row in rows], total


def users_of(connection: Connection, customer_id: str) -> list[str]:
    """Return the ids of all users of a customer."""
    statement = select(users_table.c.id).where(users_table.c.customer_id == customer_id)
    return list(connection.execute(statement).scalars())


def add_activation(connection: Connection, token_hash: str, user_id: str) -> None:
    """Let a user set a password with a token; an earlier token is worth nothing any more."""
    connection.execute(activations.delete().where(activations.c.user_id == user_id))
    connection.execute(activations.insert().values(token_hash=token_hash, user_id=user_id))


def take_activation(connection: Connection, token_hash: str) -> str | None:
    """Use up a token and return the id of its user; None for an unknown one."""
    statement = activations.delete().where(activations.c.token_hash == token_hash)
    return connection.execute(statement.returning(activations.c.user_id)).scalar()


def _from_row(row: Row[Any]) -> Customer:
    columns = dict(row._mapping)
    info = columns.pop("additional_info")
    return Customer(**columns, additional_info=None if info is None else json.loads(info))


def _columns(customer: Customer) -> dict[str, Any]:
    info = customer.additional_info
    return {
        "id": customer.id,
        "created_ms": customer.created_ms,
        "title": customer.title,
        "email": customer.email,
        "additional_info": None if info is None else json.dumps(info),
        "version": customer.version,
    }
