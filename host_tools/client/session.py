"""A user logged in at a server: every request carries a token, which is renewed when it must be."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from host_tools.client.failures import refusal, said
from host_tools.client.http import Http, Response
from host_tools.errors import ExitCode, WakecallError
from host_tools.profile import Profile

if TYPE_CHECKING:
    import httpx

REQUEST_DEADLINE_MS = 20_000
RENEWAL_SHARE = 0.9
"""The part of its life after which a token is renewed, so that it does not end on its way."""


class Session:
    """The tokens of one user, and requests with them.

    Args:
        profile: The server and the user.
        transport: In place of the network, for tests.
        monotonic: The clock, in seconds, that ages the token.
    """

    def __init__(
        self,
        profile: Profile,
        transport: httpx.BaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._profile = profile
        self._http = Http(profile.url, transport)
        self._monotonic = monotonic
        self._token = ""
        self._refresh_token = ""
        self._renew_at: float | None = None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def login(self) -> None:
        """Get new tokens for the user and password.

        Raises:
            WakecallError: Refused (CREDENTIALS), no answer or no ThingsBoard (UNREACHABLE).
        """
        user = self._profile.user
        response = self._post(
            "/api/auth/login", {"username": user, "password": self._profile.password}
        )
        if response.status == 200 and self._accept(response):
            return
        if response.status in (200, 404, 405):
            raise self._no_thingsboard()
        if response.status == 401:
            reason = said(response) or "wrong user or password"
            raise WakecallError(
                f"{self._profile.url} refused the login of {user}: {reason}",
                code=ExitCode.CREDENTIALS,
                hint="run `wakecall login URL` again, or correct WAKECALL_USER and _PASSWORD",
            )
        raise refusal(response, f"log in at {self._profile.url} as {user}")

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        deadline_ms: int = REQUEST_DEADLINE_MS,
    ) -> Response:
        """Send a request as the user, logging in first where needed.

        A 401 means that the server has done nothing yet; the request is sent once more with new
        tokens.

        Args:
            method: The HTTP method.
            path: Path and query, beginning with a slash.
            body: Sent as JSON; None sends no body.
            deadline_ms: How long the server may take for this request.

        Raises:
            WakecallError: As `Http.exchange` and `login`.
        """
        if not self._token:
            self.login()
        elif self._renew_at is not None and self._monotonic() >= self._renew_at:
            self._renew()
        response = self._authorized(method, path, body, deadline_ms)
        if response.status == 401:
            self._renew()
            response = self._authorized(method, path, body, deadline_ms)
        return response

    def _renew(self) -> None:
        if self._refresh_token:
            response = self._post("/api/auth/token", {"refreshToken": self._refresh_token})
            if response.status == 200 and self._accept(response):
                return
        self.login()

    def _accept(self, response: Response) -> bool:
        """Keep the pair of tokens of a response; tell whether it has one."""
        content = response.json()
        if not isinstance(content, dict):
            return False
        if content.get("scope"):
            raise WakecallError(
                f"{self._profile.url} asks {self._profile.user} for a second factor",
                code=ExitCode.CREDENTIALS,
                hint="log in as a user without one",
            )
        token, refresh_token = content.get("token"), content.get("refreshToken")
        if not isinstance(token, str) or not token:
            return False
        self._token = token
        self._refresh_token = refresh_token if isinstance(refresh_token, str) else ""
        lifetime_s = _lifetime_s(token)
        self._renew_at = None
        if lifetime_s is not None:
            self._renew_at = self._monotonic() + RENEWAL_SHARE * lifetime_s
        return True

    def _authorized(self, method: str, path: str, body: object, deadline_ms: int) -> Response:
        headers = {"X-Authorization": f"Bearer {self._token}"}
        return self._http.exchange(
            method, path, body=body, headers=headers, deadline_ms=deadline_ms
        )

    def _post(self, path: str, body: dict[str, str]) -> Response:
        return self._http.exchange(
            "POST", path, body=body, headers={}, deadline_ms=REQUEST_DEADLINE_MS
        )

    def _no_thingsboard(self) -> WakecallError:
        return WakecallError(
            f"{self._profile.url} is not a ThingsBoard server: it has no login",
            code=ExitCode.UNREACHABLE,
            hint="give the address of the server's web page, without a path behind it",
        )


def _lifetime_s(token: str) -> float | None:
    """Return how long a JWT lives; None when its claims do not tell.

    From its own two times, not from our clock, which may differ from the server's.
    """
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return float(claims["exp"]) - float(claims["iat"])
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
        return None
