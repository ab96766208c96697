"""Devices: looked up by name on servers of any age, created, deleted; their tokens."""

from __future__ import annotations

import pytest

from host_tools.client import Client, Device
from host_tools.errors import ExitCode, WakecallError
from tests.scripted_server import Reply

NEW = "GET /api/tenant/device"
OLD = "GET /api/tenant/devices"
CREDENTIALS = "GET /api/device/d1/credentials"
NO_ITEM = Reply(404, {"status": 404, "message": "Requested item wasn't found!", "errorCode": 32})
NO_PATH = Reply(404, {"status": 404, "error": "Not Found", "path": "/api/tenant/device"})


def device(name: str = "pump", identifier: str = "d1") -> Reply:
    return Reply(200, {"id": {"entityType": "DEVICE", "id": identifier}, "name": name})


def failure(client: Client, method: str, *arguments: str) -> WakecallError:
    with pytest.raises(WakecallError) as caught:
        getattr(client, method)(*arguments)
    return caught.value


def test_a_device_is_found_by_name(client, server):
    server.reply(NEW, device())
    assert client.device_by_name("pump") == Device("d1", "pump")


def test_a_name_with_blanks_and_signs_reaches_the_server_whole(client, server):
    server.reply(NEW, device("a&b =é/#"))
    client.device_by_name("a&b =é/#")
    assert server.paths()[-1] == "GET /api/tenant/device?deviceName=a%26b%20%3D%C3%A9%2F%23"


@pytest.mark.parametrize("reply", [NO_PATH, Reply(405), Reply(400), Reply(200, b"<html></html>")])
def test_an_older_server_is_asked_in_the_older_way(client, server, reply):
    server.reply(NEW, reply)
    server.reply(OLD, device())
    assert client.device_by_name("pump") == Device("d1", "pump")
    assert server.paths()[-1] == "GET /api/tenant/devices?deviceName=pump"


def test_an_unknown_name_suggests_names_much_like_it(client, server):
    names = ["Pump-1", "pump-2", "oven"]
    server.reply(NEW, NO_ITEM)
    server.reply(OLD, Reply(200, {"data": [device(name, name).content for name in names]}))
    error = failure(client, "device_by_name", "pum-1")
    assert error.code == ExitCode.NOT_FOUND
    assert "'pum-1'" in error.message
    assert "'Pump-1'" in error.hint
    assert "oven" not in error.hint


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(200, {"data": 5}),
        Reply(200, [{}]),
        Reply(200, headers={"Content-Length": "9"}, chunks=lambda: iter([b"short"])),
    ],
)
def test_an_unknown_name_is_told_also_when_no_names_are_to_be_had(client, server, reply):
    server.reply(NEW, NO_ITEM)
    server.reply(OLD, reply)
    error = failure(client, "device_by_name", "pump")
    assert (error.code, error.hint) == (ExitCode.NOT_FOUND, "")


def test_a_refused_look_up_is_not_tried_in_another_way(client, server):
    server.reply(NEW, Reply(403, {"message": "no permission", "errorCode": 20}))
    server.reply("GET /api/auth/user", Reply(200, {"authority": "TENANT_ADMIN"}))
    error = failure(client, "device_by_name", "pump")
    assert error.code == ExitCode.CREDENTIALS
    assert not any(path.startswith(OLD) for path in server.paths())


def test_a_device_is_created(client, server):
    server.reply("POST /api/device", device("oven", "d7"))
    assert client.create_device("oven") == Device("d7", "oven")
    assert server.requests[-1].json() == {"name": "oven", "type": "default"}


def test_a_taken_name_is_told(client, server):
    content = {"message": "Device with such name already exists!", "errorCode": 31}
    server.reply("POST /api/device", Reply(400, content))
    error = failure(client, "create_device", "oven")
    assert error.code == ExitCode.BUSY
    assert "'oven'" in error.message


def test_a_reached_limit_of_devices_is_told(client, server):
    server.reply("POST /api/device", Reply(403, {"message": "Devices limit", "errorCode": 41}))
    error = failure(client, "create_device", "oven")
    assert error.code == ExitCode.FAILED
    assert "Devices limit" in error.message


def test_the_token_of_a_device_is_read(client, server):
    server.reply(
        CREDENTIALS, Reply(200, {"credentialsType": "ACCESS_TOKEN", "credentialsId": "abc"})
    )
    assert client.device_token("d1") == "abc"


def test_a_device_with_a_certificate_has_no_token(client, server):
    content = {"credentialsType": "X509_CERTIFICATE", "credentialsId": "3f"}
    server.reply(CREDENTIALS, Reply(200, content))
    assert "X509_CERTIFICATE" in failure(client, "device_token", "d1").message


def test_errors_speak_of_the_name_once_it_is_known(client, server):
    server.reply(NEW, device())
    server.reply("POST /api/rpc/twoway/d1", Reply(409))
    client.device_by_name("pump")
    assert failure(client, "call", "d1", "ping").message == "pump was not connected"


@pytest.mark.parametrize("method", ["device_token", "delete_device"])
def test_a_device_that_is_gone_is_told(client, server, method):
    server.reply(CREDENTIALS, NO_ITEM)
    server.reply("DELETE /api/device/d1", NO_ITEM)
    error = failure(client, method, "d1")
    assert error.code == ExitCode.NOT_FOUND
    assert "no device 'd1'" in error.message


def test_a_device_is_deleted(client, server):
    server.reply("DELETE /api/device/d1", Reply(200))
    client.delete_device("d1")
    assert server.paths()[-1] == "DELETE /api/device/d1"


def test_an_identifier_cannot_reach_another_url(client, server):
    server.reply("DELETE /api/device/a%2Fb%3Fc", Reply(200))
    client.delete_device("a/b?c")
