"""Logging in, and keeping logged in."""

from __future__ import annotations

import jwt
import pytest

from host_tools.client import Client
from host_tools.client.session import Session
from host_tools.errors import ExitCode, WakecallError
from host_tools.profile import Profile
from tests.scripted_server import Reply, ScriptedServer

LOGIN = "POST /api/auth/login"
REFRESH = "POST /api/auth/token"
DEVICE = "DELETE /api/device/d1"
EXPIRED = Reply(401, {"status": 401, "message": "Token has expired", "errorCode": 11})


def token(lifetime_s: int, name: str) -> str:
    """Make a token whose times are far from ours: only their difference may count."""
    claims = {"iat": 1_000, "exp": 1_000 + lifetime_s, "sub": name}
    return jwt.encode(claims, "k" * 64, algorithm="HS512")


def pair(name: str, refresh: str = "fresh") -> Reply:
    return Reply(200, {"token": name, "refreshToken": refresh})


def refused(client: Client) -> WakecallError:
    with pytest.raises(WakecallError) as caught:
        client.login()
    return caught.value


def test_one_login_serves_many_requests(client, server):
    server.reply(DEVICE, Reply(200))
    client.delete_device("d1")
    client.delete_device("d1")
    assert server.paths() == [LOGIN, DEVICE, DEVICE]
    assert server.requests[0].json() == {
        "username": "tenant@thingsboard.org",
        "password": "secret",
    }


def test_an_expired_token_is_refreshed_and_the_request_sent_again(client, server):
    server.reply(DEVICE, EXPIRED, Reply(200))
    server.reply(REFRESH, pair("second"))
    client.delete_device("d1")
    assert server.paths() == [LOGIN, DEVICE, REFRESH, DEVICE]
    assert server.requests[2].json() == {"refreshToken": "fresh"}
    assert server.requests[3].headers["X-Authorization"] == "Bearer second"


def test_a_refused_refresh_token_leads_to_a_new_login(client, server):
    """As after a restart of a server whose signing key changed."""
    server.reply(LOGIN, pair("first"), pair("third"))
    server.reply(DEVICE, EXPIRED, Reply(200))
    server.reply(REFRESH, EXPIRED)
    client.delete_device("d1")
    assert server.paths() == [LOGIN, DEVICE, REFRESH, LOGIN, DEVICE]
    assert server.requests[-1].headers["X-Authorization"] == "Bearer third"


def test_a_server_that_refuses_every_token_is_asked_twice_and_no_more(client, server):
    server.reply(DEVICE, EXPIRED)
    server.reply(REFRESH, pair("second"))
    with pytest.raises(WakecallError, match="401: Token has expired") as caught:
        client.delete_device("d1")
    assert caught.value.code == ExitCode.CREDENTIALS
    assert server.paths().count(DEVICE) == 2


def test_a_token_is_renewed_before_its_end_by_its_own_lifetime(server: ScriptedServer):
    now_s = 50.0
    server.reply(LOGIN, pair(token(100, "a")))
    server.reply(REFRESH, pair(token(100, "b")))
    server.reply(DEVICE, Reply(200))
    session = Session(Profile(server.url, "u", "p"), monotonic=lambda: now_s)
    session.request("DELETE", "/api/device/d1")
    now_s = 139.0
    session.request("DELETE", "/api/device/d1")
    assert REFRESH not in server.paths()
    now_s = 140.0
    session.request("DELETE", "/api/device/d1")
    assert server.paths()[-2:] == [REFRESH, DEVICE]
    now_s = 229.0
    session.request("DELETE", "/api/device/d1")
    assert server.paths().count(REFRESH) == 1
    session.close()


def test_a_wrong_password_is_told_with_the_servers_words_and_without_the_password(client, server):
    server.reply(LOGIN, Reply(401, {"message": "Invalid username or password", "errorCode": 10}))
    error = refused(client)
    assert error.code == ExitCode.CREDENTIALS
    assert "Invalid username or password" in error.message
    assert "tenant@thingsboard.org" in error.message
    assert "secret" not in error.message + error.hint + repr(error)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, {"status": 404}),
        Reply(405),
        Reply(200, b"<html>a web page</html>"),
        Reply(200, {"hello": "world"}),
        Reply(200, [1]),
        Reply(200, {"token": 5}),
        Reply(200),
    ],
)
def test_what_is_no_thingsboard_is_told(client, server, reply):
    server.reply(LOGIN, reply)
    error = refused(client)
    assert error.code == ExitCode.UNREACHABLE
    assert "is not a ThingsBoard server" in error.message


def test_a_second_factor_is_told_and_not_taken_for_a_login(client, server):
    scope = {"token": "t", "refreshToken": None, "scope": "PRE_VERIFICATION_TOKEN"}
    server.reply(LOGIN, Reply(200, scope))
    error = refused(client)
    assert error.code == ExitCode.CREDENTIALS
    assert "second factor" in error.message


def test_a_redirected_login_names_the_other_address(client, server):
    server.reply(LOGIN, Reply(301, headers={"Location": "https://example.org/api/auth/login"}))
    error = refused(client)
    assert error.code == ExitCode.UNREACHABLE
    assert "https://example.org" in error.hint
    assert len(server.requests) == 1, "a password is not sent on to where a redirection points"
