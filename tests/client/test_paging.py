"""Lists in pages: devices of a tenant, of a customer, and kept calls."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from host_tools.errors import ExitCode, WakecallError
from tests.scripted_server import Reply

TENANT = "GET /api/tenant/devices"
CUSTOMER = "GET /api/customer/c1/devices"
REFUSED = Reply(403, {"message": "You don't have permission", "errorCode": 20})


def page(*names: str, more: bool = False) -> Reply:
    rows = [{"id": {"id": f"id of {name}"}, "name": name} for name in names]
    return Reply(200, {"data": rows, "hasNext": more})


def asked(server, request):
    """Return the queries of all requests of one kind."""
    method, path = request.split(" ")
    return [
        {key: values[0] for key, values in parse_qs(urlsplit(sent.path).query).items()}
        for sent in server.requests
        if sent.method == method and urlsplit(sent.path).path == path
    ]


@pytest.fixture
def customer(server):
    """The user is one of a customer: the tenant's URLs are refused."""
    for request in (TENANT, "GET /api/tenant/device"):
        server.reply(request, REFUSED)
    user = {"authority": "CUSTOMER_USER", "customerId": {"id": "c1", "entityType": "CUSTOMER"}}
    server.reply("GET /api/auth/user", Reply(200, user))


def test_all_pages_are_read_one_after_the_other(client, server):
    server.reply(TENANT, page("a", "b", more=True), page("c", more=True), page("d"))
    assert [device.name for device in client.devices()] == ["a", "b", "c", "d"]
    assert [query["page"] for query in asked(server, TENANT)] == ["0", "1", "2"]


def test_a_page_is_read_only_when_it_is_needed(client, server):
    server.reply(TENANT, page("a", more=True), page("b"))
    assert next(client.devices()).name == "a"
    assert len(asked(server, TENANT)) == 1


def test_a_customer_user_sees_the_devices_of_the_customer(client, server, customer):
    server.reply(CUSTOMER, page("a", more=True), page("b"))
    assert [device.name for device in client.devices()] == ["a", "b"]


def test_a_customer_user_finds_a_device_by_its_exact_name(client, server, customer):
    server.reply(CUSTOMER, page("pump-12", "pump-1"))
    assert client.device_by_name("pump-1").id == "id of pump-1"
    assert asked(server, CUSTOMER)[0]["textSearch"] == "pump-1"
    client.device_by_name("pump-12")
    assert len(asked(server, "GET /api/tenant/device")) == 1, "the refusal is remembered"


def test_a_customer_user_is_told_names_near_an_unknown_one(client, server, customer):
    server.reply(CUSTOMER, page("pump-1"))
    with pytest.raises(WakecallError) as caught:
        client.device_by_name("pmup-1")
    assert caught.value.code == ExitCode.NOT_FOUND
    assert "pump-1" in caught.value.hint


def test_another_user_to_whom_the_list_is_refused_is_told(client, server):
    server.reply(TENANT, REFUSED)
    server.reply("GET /api/auth/user", Reply(200, {"authority": "SYS_ADMIN"}))
    with pytest.raises(WakecallError) as caught:
        list(client.devices())
    assert caught.value.code == ExitCode.CREDENTIALS


@pytest.mark.parametrize("content", [b"<html>", [], {"data": 5}, {}, 3])
def test_an_answer_that_is_no_page_is_told(client, server, content):
    server.reply(TENANT, Reply(200, content))
    with pytest.raises(WakecallError, match="no page") as caught:
        list(client.devices())
    assert caught.value.code == ExitCode.UNREACHABLE


def test_kept_calls_are_asked_for_the_newest_first_and_by_state(client, server):
    from host_tools.rpc.model import Status

    url = "GET /api/rpc/persistent/device/d1"
    server.reply(url, Reply(200, {"data": []}))
    assert list(client.persistent.of_device("d1", Status.QUEUED)) == []
    [query] = asked(server, url)
    assert (query["sortProperty"], query["sortOrder"]) == ("createdTime", "DESC")
    assert query["rpcStatus"] == "QUEUED"
