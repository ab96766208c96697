"""What each status of the RPC endpoints becomes (reference/thingsboard-rpc.md 4.3)."""

from __future__ import annotations

import httpx
import pytest

from host_tools.client import Client, DeviceError
from host_tools.errors import ExitCode, WakecallError
from host_tools.profile import Profile
from tests.scripted_server import Reply

V2 = "POST /api/rpc/twoway/d1"
V1 = "POST /api/plugins/rpc/twoway/d1"
PAGE = b"<!DOCTYPE html><html><body>Bad gateway</body></html>"
NO_DEVICE = Reply(404, b"Device with requested id wasn't found!")


def error_body(status: int, message: str, code: int) -> Reply:
    """Build ThingsBoard's error body (4.1)."""
    content = {"status": status, "message": message, "errorCode": code, "timestamp": 1}
    return Reply(status, content)


def failure(client: Client, **options: object) -> WakecallError:
    with pytest.raises(WakecallError) as caught:
        client.call("d1", "setGpio", {"pin": 23}, **options)
    return caught.value


@pytest.mark.parametrize(
    "answer", [{"pin": 23, "changed": True}, [1, 2], "on", 0, False, {"error": "text"}, {}]
)
def test_any_json_of_the_device_is_returned_as_it_is(client, server, answer):
    server.reply(V2, Reply(200, answer))
    assert client.call("d1", "setGpio", {"pin": 23, "value": 1}, timeout_ms=7000) == answer
    sent = server.requests[-1]
    assert sent.json() == {
        "method": "setGpio",
        "params": {"pin": 23, "value": 1},
        "timeout": 7000,
    }
    assert sent.headers["X-Authorization"] == "Bearer first"


def test_an_empty_answer_is_none(client, server):
    server.reply(V2, Reply(200))
    assert client.call("d1", "ping") is None


def test_a_one_way_call_goes_to_the_one_way_url(client, server):
    server.reply("POST /api/rpc/oneway/d1", Reply(200))
    assert client.call("d1", "ping", one_way=True) is None
    assert server.paths()[-1] == "POST /api/rpc/oneway/d1"


def test_parameters_that_utf_8_cannot_carry_are_sent_escaped(client, server):
    server.reply(V2, Reply(200, {}))
    client.call("d1", "show", {"text": "\ud800 é"})
    assert server.requests[-1].json()["params"] == {"text": "\ud800 é"}


def test_an_error_answer_is_a_device_error_with_the_whole_answer(client, server):
    answer = {"error": {"code": "NOT_FOUND", "message": "no method fly", "effect": "none"}}
    server.reply(V2, Reply(200, answer))
    error = failure(client)
    assert isinstance(error, DeviceError)
    assert error.answer == answer
    assert error.code == ExitCode.DEVICE_ERROR
    assert "NOT_FOUND: no method fly" in error.message


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (Reply(504), ExitCode.TIMEOUT, "no answer of d1 within 10 s"),
        (Reply(504, PAGE), ExitCode.TIMEOUT, "no answer of d1"),
        (Reply(408), ExitCode.TIMEOUT, "d1 did not answer within 10 s"),
        (Reply(409), ExitCode.TIMEOUT, "d1 was not connected"),
        (Reply(406), ExitCode.DEVICE_ERROR, "not JSON"),
        (error_body(500, "Request timeout", 2), ExitCode.TIMEOUT, "server stopped waiting"),
        (error_body(503, "Request timeout", 2), ExitCode.TIMEOUT, "server stopped waiting"),
        (Reply(503), ExitCode.TIMEOUT, "server stopped waiting"),
        (Reply(503, PAGE), ExitCode.UNREACHABLE, "503"),
        (Reply(502, PAGE), ExitCode.UNREACHABLE, "502"),
        (error_body(500, "Cannot invoke get()", 2), ExitCode.FAILED, "500: Cannot invoke get()"),
        (error_body(400, "Invalid request body", 31), ExitCode.FAILED, "Invalid request body"),
        (error_body(413, "Too large", 31), ExitCode.FAILED, "413"),
        (error_body(429, "Too many requests", 33), ExitCode.FAILED, "Too many requests"),
        (error_body(403, "You don't have permission", 20), ExitCode.CREDENTIALS, "permission"),
        (Reply(403, b"You don't have permission"), ExitCode.CREDENTIALS, "permission"),
        (error_body(403, "Limit reached", 41), ExitCode.FAILED, "Limit reached"),
        (NO_DEVICE, ExitCode.NOT_FOUND, "no device 'd1'"),
        (Reply(200, PAGE), ExitCode.UNREACHABLE, "not JSON"),
        (Reply(200, b'{"a": NaN}'), ExitCode.UNREACHABLE, "not JSON"),
        (Reply(302, headers={"Location": "https://x"}), ExitCode.UNREACHABLE, "302"),
    ],
)
def test_each_status_has_its_exit_code_and_words(client, server, reply, code, words):
    server.reply(V2, reply)
    error = failure(client)
    assert error.code == code
    assert words in error.message
    assert len(server.requests) == 2, (
        "one login, one call: a call that may have run is not repeated"
    )


def test_no_answer_and_not_connected_tell_apart_whether_the_command_may_have_run(client, server):
    server.reply(V2, Reply(408))
    assert "may have run" in failure(client).hint
    server.reply(V2, Reply(409))
    assert "has not run" in failure(client).hint


def test_a_redirection_is_told_and_not_followed(client, server):
    server.reply(V2, Reply(307, headers={"Location": "https://example.org/api"}))
    assert "https://example.org/api" in failure(client).hint


def test_control_characters_of_a_server_do_not_reach_the_terminal(client, server):
    server.reply(V2, error_body(400, "\x1b[31mred\x07\nsecond line" + "x" * 500, 31))
    message = failure(client).message
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize("missing", [Reply(405), Reply(404, {"status": 404, "error": "Not Found"})])
def test_a_server_without_version_2_is_called_by_version_1_from_then_on(client, server, missing):
    server.reply(V2, missing)
    server.reply(V1, Reply(200, {"first": 1}), Reply(409))
    assert client.call("d1", "ping") == {"first": 1}
    assert "not connected" in failure(client).message
    assert server.paths()[1:] == [V2, V1, V1]


def test_an_unknown_device_does_not_make_the_client_think_the_server_old(client, server):
    server.reply(V2, NO_DEVICE, Reply(200, {}))
    failure(client)
    assert client.call("d1", "ping") == {}


def test_a_server_with_neither_url_is_told(client, server):
    error = failure(client)
    assert error.code == ExitCode.NOT_FOUND
    assert "404" in error.message


def test_the_server_gets_longer_than_the_call_and_then_the_client_gives_up():
    """The least wait is the server's own minimum of 5 s plus the margin: shown without waiting."""
    seen: list[float] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/auth/login":
            return httpx.Response(200, json={"token": "t"})
        seen.append(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("")

    with Client(Profile("http://h", "u", "p"), transport=httpx.MockTransport(handle)) as client:
        for timeout_ms in (500, 5_000, 60_000):
            error = failure(client, timeout_ms=timeout_ms)
            assert error.code == ExitCode.TIMEOUT
    assert seen == [10, 10, 65]
