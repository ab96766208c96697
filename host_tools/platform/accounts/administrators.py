"""The users of a new data folder."""

from __future__ import annotations

import secrets
import uuid

from sqlalchemy import Connection

from host_tools.platform.accounts.passwords import hash_password, matches
from host_tools.platform.storage import users
from host_tools.platform.storage.database import Database
from host_tools.platform.storage.users import Authority, User

TENANT_ADMINISTRATOR = "tenant@thingsboard.org"
SYSTEM_ADMINISTRATOR = "sysadmin@thingsboard.org"
TENANT_ID = "tenant_id"

RANDOM_PASSWORD_BYTES = 15


def new_password() -> str:
    """Make a password nobody can guess (120 bits)."""
    return secrets.token_urlsafe(RANDOM_PASSWORD_BYTES)


def found(connection: Connection, password: str, now_ms: int) -> None:
    """Store the tenant and its two administrators in an empty database."""
    users.keep_fact(connection, TENANT_ID, str(uuid.uuid4()))
    for email, authority in (
        (TENANT_ADMINISTRATOR, Authority.TENANT),
        (SYSTEM_ADMINISTRATOR, Authority.SYSTEM),
    ):
        password_hash = hash_password(password)
        user = User(str(uuid.uuid4()), now_ms, email, authority, password_hash=password_hash)
        users.insert(connection, user)


def password_matches(database: Database, password: str) -> bool:
    """Tell whether the tenant administrator still has this password."""
    user = database.read(lambda connection: users.by_email(connection, TENANT_ADMINISTRATOR))
    return user is not None and matches(password, user.password_hash)
