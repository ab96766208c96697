"""People and programs that log in over REST."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from host_tools.platform.storage.schema import facts, users


class Authority(StrEnum):
    """What a user may do (4.1)."""

    SYSTEM = "SYS_ADMIN"
    TENANT = "TENANT_ADMIN"
    CUSTOMER = "CUSTOMER_USER"


@dataclass(frozen=True, slots=True)
class User:
    """One user; the hash of the password stays out of ``repr``."""

    id: str
    created_ms: int
    email: str
    authority: Authority
    customer_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    password_hash: str = field(default="", repr=False)
    enabled: bool = True
    tokens_valid_from_ms: int = 0


def insert(connection: Connection, user: User) -> None:
    """Store a new user; raises sqlalchemy's IntegrityError when the e-mail is taken."""
    connection.execute(users.insert().values(**_columns(user)))


def update(connection: Connection, user: User) -> None:
    """Store the changed fields of a user."""
    connection.execute(users.update().where(users.c.id == user.id).values(**_columns(user)))


def delete(connection: Connection, user_id: str) -> None:
    """Remove a user."""
    connection.execute(users.delete().where(users.c.id == user_id))


def by_id(connection: Connection, user_id: str) -> User | None:
    """Find a user by id."""
    return _one(connection.execute(select(users).where(users.c.id == user_id)).first())


def by_email(connection: Connection, email: str) -> User | None:
    """Find a user by e-mail, whatever its case."""
    statement = select(users).where(users.c.email == email.lower())
    return _one(connection.execute(statement).first())


def fact(connection: Connection, name: str) -> str | None:
    """Return a single value of the folder, such as the tenant's id."""
    return connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()


def keep_fact(connection: Connection, name: str, value: str) -> None:
    """Store a single value of the folder."""
    connection.execute(facts.insert().prefix_with("OR REPLACE").values(name=name, value=value))


def _one(row: Row[Any] | None) -> User | None:
    return None if row is None else from_row(row)


def from_row(row: Row[Any]) -> User:
    """Turn a row of the table ``users`` into a user."""
    columns = dict(row._mapping)
    columns["authority"] = Authority(columns["authority"])
    return User(**columns)


def _columns(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "created_ms": user.created_ms,
        "email": user.email.lower(),
        "authority": user.authority.value,
        "customer_id": user.customer_id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "password_hash": user.password_hash,
        "enabled": user.enabled,
        "tokens_valid_from_ms": user.tokens_valid_from_ms,
    }
