"""Access and refresh tokens: JWT with HS512 (``thingsboard-rpc.md`` 4.1)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import jwt

from host_tools.platform.storage.users import User

ALGORITHM = "HS512"
ISSUER = "thingsboard.io"
REFRESH_SCOPE = "REFRESH_TOKEN"
ACCESS_LIFETIME_S = 9_000
REFRESH_LIFETIME_S = 604_800
CACHE_SIZE = 1_024

NULL_UUID = "13814000-1dd2-11b2-8080-808080808080"
"""Stands for "no customer" and "no tenant" in everything that leaves the server (4.1)."""


class TokenExpiredError(Exception):
    """The token is over, was signed by someone else, or was made before a logout (4.1)."""


class NotATokenError(Exception):
    """The text is no JWT of the wanted kind."""


class Tokens:
    """Makes and checks the tokens of one data folder.

    Args:
        key: The signing key of the folder.
        tenant_id: The tenant that all tokens name.
        now_ms: The clock, in epoch milliseconds.
    """

    def __init__(self, key: bytes, tenant_id: str, now_ms: Callable[[], int]) -> None:
        self._key = key
        self._tenant_id = tenant_id
        self._now_ms = now_ms
        self._checked: dict[str, dict[str, Any]] = {}

    def pair(self, user: User) -> dict[str, str]:
        """Make an access and a refresh token for a user who logged in."""
        session = str(uuid.uuid4())
        made_s = max(self._now_ms(), user.tokens_valid_from_ms) // 1_000
        access = self._access_claims(user, session)
        refresh = self._refresh_claims(user, session)
        return {
            "token": self._sign(access, made_s, ACCESS_LIFETIME_S),
            "refreshToken": self._sign(refresh, made_s, REFRESH_LIFETIME_S),
        }

    def access(self, token: str) -> dict[str, Any]:
        """Return the claims of an access token.

        Raises TokenExpiredError, or NotATokenError, also for a refresh token. A token that was
        found good is remembered, as the signature costs more than the rest of a request.
        """
        claims = self._checked.get(token)
        if claims is None:
            claims = self._verify(token)
            if len(self._checked) >= CACHE_SIZE:
                self._checked.clear()
            self._checked[token] = claims
        self._check_age(claims)
        if REFRESH_SCOPE in claims["scopes"]:
            raise NotATokenError
        return claims

    def refresh(self, token: str) -> dict[str, Any]:
        """Return the claims of a refresh token; raises as ``access`` does."""
        claims = self._verify(token)
        self._check_age(claims)
        if REFRESH_SCOPE not in claims["scopes"]:
            raise NotATokenError
        return claims

    def _access_claims(self, user: User, session: str) -> dict[str, Any]:
        return {
            "sub": user.email,
            "userId": user.id,
            "scopes": [user.authority.value],
            "sessionId": session,
            "firstName": user.first_name or "",
            "lastName": user.last_name or "",
            "enabled": user.enabled,
            "isPublic": False,
            "tenantId": self._tenant_id,
            "customerId": user.customer_id or NULL_UUID,
        }

    @staticmethod
    def _refresh_claims(user: User, session: str) -> dict[str, Any]:
        return {
            "sub": user.email,
            "userId": user.id,
            "scopes": [REFRESH_SCOPE],
            "sessionId": session,
            "isPublic": False,
            "jti": str(uuid.uuid4()),
        }

    def _sign(self, claims: dict[str, Any], made_s: int, lifetime_s: int) -> str:
        claims |= {"iss": ISSUER, "iat": made_s, "exp": made_s + lifetime_s}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def _verify(self, token: str) -> dict[str, Any]:
        try:
            # The age is judged by our own clock, also for tokens from the cache.
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidSignatureError as error:
            raise TokenExpiredError from error
        except jwt.InvalidTokenError as error:
            raise NotATokenError from error
        return claims

    def _check_age(self, claims: dict[str, Any]) -> None:
        if claims["exp"] * 1_000 <= self._now_ms():
            raise TokenExpiredError
