"""Logging in over REST, and who a request comes from."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select

from host_tools.platform.accounts import passwords
from host_tools.platform.accounts.attempts import Attempts
from host_tools.platform.accounts.tokens import (
    REFRESH_LIFETIME_S,
    NotATokenError,
    TokenExpiredError,
    Tokens,
)
from host_tools.platform.storage import customers, users
from host_tools.platform.storage.database import Database
from host_tools.platform.storage.schema import revoked_sessions
from host_tools.platform.storage.users import User

MAX_CONCURRENT_HASHES = 2
"""Password checks that run at once: each takes 19 MiB, and a flood of logins must not take all."""

MAX_EMAIL_LENGTH = 255
ACTIVATION_TOKEN_BYTES = 24


class LoginRefusedError(Exception):
    """Wrong e-mail or password."""


class UserDisabledError(Exception):
    """The user exists and may not log in."""


class Accounts:
    """The users of one data folder.

    Args:
        database: Open.
        tokens: Makes and checks tokens.
        now_ms: The clock, in epoch milliseconds.
    """

    def __init__(self, database: Database, tokens: Tokens, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._tokens = tokens
        self._now_ms = now_ms
        self._attempts = Attempts(now_ms)
        self._users: dict[str, User] = {}
        self._hashes = asyncio.Semaphore(MAX_CONCURRENT_HASHES)
        rows = database.read(lambda connection: connection.execute(select(revoked_sessions)).all())
        self._revoked = {row.session_id for row in rows}

    async def login(self, email: str, password: str, host: str) -> dict[str, str]:
        """Return a pair of tokens.

        Raises LoginRefusedError, UserDisabledError, or TooManyAttemptsError when the name has
        failed too often from this host.
        """
        key = (email.lower()[:MAX_EMAIL_LENGTH], host)
        self._attempts.check(key)
        user = self._database.read(lambda connection: users.by_email(connection, email))
        good = await self._matches(password, user.password_hash if user else None)
        if user is None or not good:
            self._attempts.failed(key)
            raise LoginRefusedError
        if not user.enabled:
            raise UserDisabledError
        self._attempts.succeeded(key)
        return self._tokens.pair(user)

    async def new_activation(self, user: User) -> str:
        """Return a fresh token with which a user sets the first password."""
        token = secrets.token_urlsafe(ACTIVATION_TOKEN_BYTES)
        await self._database.write(lambda c: customers.add_activation(c, _digest(token), user.id))
        return token

    async def activate(self, token: str, password: str) -> dict[str, str] | None:
        """Set the first password by a token and log in; None for an unknown token."""
        password_hash = await self._hash(password)
        changes = {"password_hash": password_hash, "enabled": True}
        user = await self._database.write(lambda c: _activate(c, _digest(token), changes))
        if user is None:
            return None
        self.changed(user.id)
        return self._tokens.pair(user)

    async def change_password(self, user: User, current: str, new: str) -> dict[str, str] | None:
        """Change a password and return new tokens; None when the current one is wrong."""
        if not await self._matches(current, user.password_hash):
            return None
        # Tokens carry whole seconds; rounded up, no token of this second outlives the change.
        valid_from_ms = -(-self._now_ms() // 1_000) * 1_000
        changed = dataclasses.replace(
            user,
            password_hash=await self._hash(new),
            tokens_valid_from_ms=valid_from_ms,
        )
        await self._database.write(lambda connection: users.update(connection, changed))
        self.changed(user.id)
        return self._tokens.pair(changed)

    async def _matches(self, password: str, password_hash: str | None) -> bool:
        async with self._hashes:
            return await asyncio.to_thread(passwords.matches, password, password_hash or None)

    async def _hash(self, password: str) -> str:
        async with self._hashes:
            return await asyncio.to_thread(passwords.hash_password, password)

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


def _activate(connection: Connection, token_hash: str, changes: dict[str, Any]) -> User | None:
    user_id = customers.take_activation(connection, token_hash)
    user = users.by_id(connection, user_id) if user_id else None
    if user is None:
        return None
    changed = dataclasses.replace(user, **changes)
    users.update(connection, changed)
    return changed


def _digest(token: str) -> str:
    """Return what is stored of a token: a copy of the database lets nobody in."""
    return hashlib.sha256(token.encode()).hexdigest()
