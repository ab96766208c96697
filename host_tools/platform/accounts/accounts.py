"""Logging in over REST, and who a request comes from."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Connection, select

from host_tools.platform.accounts import passwords
from host_tools.platform.accounts.tokens import (
    REFRESH_LIFETIME_S,
    NotATokenError,
    TokenExpiredError,
    Tokens,
)
from host_tools.platform.storage import users
from host_tools.platform.storage.database import Database
from host_tools.platform.storage.schema import revoked_sessions
from host_tools.platform.storage.users import User

MAX_CONCURRENT_HASHES = 2
"""Password checks that run at once: each takes 19 MiB, and a flood of logins must not take all."""


class LoginRefusedError(Exception):
    """Wrong e-mail or password."""


class UserDisabledError(Exception):
    """The user exists and may not log in."""


class Accounts:
    """The users of one data folder.

    Args:
        database: Open.
        tokens: Makes and checks tokens.
    """

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self._database = database
        self._tokens = tokens
        self._users: dict[str, User] = {}
        self._hashes = asyncio.Semaphore(MAX_CONCURRENT_HASHES)
        rows = database.read(lambda connection: connection.execute(select(revoked_sessions)).all())
        self._revoked = {row.session_id for row in rows}

    async def login(self, email: str, password: str) -> dict[str, str]:
        """Return a pair of tokens; raises LoginRefusedError or UserDisabledError."""
        user = self._database.read(lambda connection: users.by_email(connection, email))
        async with self._hashes:
            password_hash = user.password_hash if user else None
            good = await asyncio.to_thread(passwords.matches, password, password_hash)
        if user is None or not good:
            raise LoginRefusedError
        if not user.enabled:
            raise UserDisabledError
        return self._tokens.pair(user)

    def renew(self, refresh_token: str) -> dict[str, str]:
        """Return a new pair for a refresh token; raises as ``user_of_claims`` and tokens do."""
        return self._tokens.pair(self._user_of(self._tokens.refresh(refresh_token)))

    def authenticate(self, access_token: str) -> User:
        """Return whose access token this is.

        Raises TokenExpiredError, NotATokenError or UserDisabledError.
        """
        return self._user_of(self._tokens.access(access_token))

    async def logout(self, access_token: str, now_ms: int) -> None:
        """End the login that an access token belongs to, with its refresh token."""
        session_id = str(self._tokens.access(access_token)["sessionId"])
        until_ms = now_ms + REFRESH_LIFETIME_S * 1_000
        self._revoked.add(session_id)
        await self._database.write(lambda c: _revoke(c, session_id, until_ms, now_ms))

    def changed(self, user_id: str) -> None:
        """Forget what is known of a user whose row was changed or removed."""
        self._users.pop(user_id, None)

    def _user_of(self, claims: dict[str, Any]) -> User:
        if claims["sessionId"] in self._revoked:
            raise TokenExpiredError
        user_id = str(claims["userId"])
        user = self._users.get(user_id)
        if user is None:
            user = self._database.read(lambda connection: users.by_id(connection, user_id))
            if user is None:
                raise NotATokenError
            self._users[user_id] = user
        if not user.enabled:
            raise UserDisabledError
        if claims["iat"] * 1_000 < user.tokens_valid_from_ms:
            raise TokenExpiredError
        return user


def _revoke(connection: Connection, session_id: str, until_ms: int, now_ms: int) -> None:
    table = revoked_sessions
    connection.execute(table.delete().where(table.c.until_ms < now_ms))
    row = {"session_id": session_id, "until_ms": until_ms}
    connection.execute(table.insert().prefix_with("OR REPLACE").values(row))
