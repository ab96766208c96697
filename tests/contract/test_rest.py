"""Rows 36 to 51 of ``reference/thingsboard-rpc.md`` 10.3: REST."""

from __future__ import annotations

import base64
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import pytest

from tests.contract.paho_device import PahoDevice
from tests.contract.target import Device, Rest, Target

SEND_PATHS = pytest.mark.parametrize("base", ["/api/rpc", "/api/plugins/rpc"], ids=["v2", "v1"])
WAYS = pytest.mark.parametrize("way", ["oneway", "twoway"])


def check_error(response: httpx.Response, status: int, code: int) -> None:
    """Check an error body (4.1)."""
    body = response.json()
    assert (response.status_code, body["status"], body["errorCode"]) == (status, status, code)
    assert set(body) == {"status", "message", "errorCode", "timestamp"}


@pytest.mark.parametrize(("version", "status"), [("v1", 408), ("v2", 504)])
def test_row_36_no_answer(target: Target, device: Device, version: str, status: int):
    with PahoDevice(target, device, lambda _: None):
        response = target.rest.call(device, "any", version=version, timeout=1)
        assert (response.status_code, response.content) == (status, b"")


@pytest.mark.parametrize(("version", "status"), [("v1", 409), ("v2", 504)])
@WAYS
def test_row_37_device_that_never_connected(
    target: Target, device: Device, version: str, status: int, way: str
):
    started = time.monotonic()
    response = target.rest.call(device, "any", version=version, way=way, timeout=1)
    assert (response.status_code, response.content) == (status, b"")
    assert time.monotonic() - started >= target.min_timeout_s * 0.95


@pytest.mark.parametrize("timeout", [1, "1", "soon", 0, -5, False])
def test_row_38_timeout_has_a_floor(target: Target, device: Device, timeout: Any):
    started = time.monotonic()
    target.rest.call(device, "any", timeout=timeout)
    elapsed = time.monotonic() - started
    assert target.min_timeout_s * 0.95 <= elapsed < target.min_timeout_s * 1.95


def test_row_38_absent_timeout_is_twice_the_floor(target: Target, device: Device):
    started = time.monotonic()
    target.rest.call(device, "any")
    assert time.monotonic() - started >= target.min_timeout_s * 1.9


def test_expiration_time_replaces_the_timeout(target: Target, device: Device):
    started = time.monotonic()
    soon_ms = int(time.time() * 1000) + 200
    response = target.rest.call(device, "any", version="v1", expirationTime=soon_ms)
    assert response.status_code == 409
    assert time.monotonic() - started < target.min_timeout_s


@pytest.mark.parametrize("way", ["oneway", "twoway"])
def test_row_39_device_that_comes_in_time_gets_the_call(target: Target, device: Device, way: str):
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(target.rest.call, device, "late", way=way)
        with PahoDevice(target, device) as board:
            assert call.result().status_code == 200
        assert [command.method for command in board.commands] == ["late"]


@SEND_PATHS
def test_row_40_unknown_device_is_404_in_plain_text(target: Target, base: str):
    response = target.rest.post(f"{base}/twoway/{uuid.uuid4()}", {"method": "any"})
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text == "Device with requested id wasn't found!"


@SEND_PATHS
@WAYS
def test_row_41_device_id_that_is_no_uuid(target: Target, base: str, way: str):
    check_error(target.rest.post(f"{base}/{way}/abc", {"method": "any"}), 400, 31)


@SEND_PATHS
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, 31),
        (b"\xff", 400, 31),
        (b"{}", 500, 2),
        (b"[]", 500, 2),
        (b'"text"', 500, 2),
        (b"null", 500, 2),
        (b"", 500, 2),
    ],
)
def test_row_42_wrong_bodies(
    target: Target, device: Device, base: str, body: bytes, status: int, code: int
):
    response = target.rest.request("POST", f"{base}/twoway/{device.id}", content=body)
    check_error(response, status, code)


@pytest.mark.parametrize("path", ["/api/auth/user", "/api/rpc/twoway/abc"])
def test_row_43_no_token_and_no_jwt(target: Target, path: str):
    method = "GET" if path.endswith("user") else "POST"
    check_error(target.rest.client.request(method, path), 401, 10)
    for value in ("Bearer nonsense", "Basic abc", "nonsense"):
        headers = {"X-Authorization": value}
        check_error(target.rest.client.request(method, path, headers=headers), 401, 10)


def test_row_43_token_of_another_key_or_changed_claims(target: Target):
    head, body, signature = target.rest.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["scopes"] = ["SYS_ADMIN"]
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    forged = jwt.encode(claims, "k" * 64, algorithm="HS512")
    for token in (f"{head}.{changed}.{signature}", forged):
        headers = {"X-Authorization": f"Bearer {token}"}
        check_error(target.rest.client.get("/api/auth/user", headers=headers), 401, 11)
    unsigned = jwt.encode(claims, None, algorithm="none")
    headers = {"X-Authorization": f"Bearer {unsigned}"}
    assert target.rest.client.get("/api/auth/user", headers=headers).status_code == 401


def test_row_46_any_content_type_is_taken(target: Target, device: Device):
    with PahoDevice(target, device):
        for kind in ("text/plain", "application/octet-stream", "application/xml"):
            response = target.rest.request(
                "POST",
                f"/api/rpc/twoway/{device.id}",
                content=b'{"method":"echo","params":1}',
                headers={"Content-Type": kind},
            )
            assert response.json() == {"echo": 1}


def test_row_47_delete_with_a_body(target: Target):
    device = target.new_device()
    assert target.rest.delete(f"/api/device/{device.id}", json={}).status_code == 200
    check_error(target.rest.get(f"/api/device/{device.id}"), 404, 32)


def test_row_48_both_headers_work_and_x_authorization_wins(target: Target):
    good = {"Authorization": f"Bearer {target.rest.token}"}
    assert target.rest.client.get("/api/auth/user", headers=good).status_code == 200
    mixed = good | {"X-Authorization": "Bearer nonsense"}
    check_error(target.rest.client.get("/api/auth/user", headers=mixed), 401, 10)


@pytest.mark.parametrize("user", [None, "nobody@thingsboard.org"])
def test_row_49_wrong_login(target: Target, user: str | None):
    body = {"username": user or target.user, "password": "wrong"}
    response = target.rest.client.post("/api/auth/login", json=body)
    check_error(response, 401, 10)
    assert response.json()["message"] == "Invalid username or password"


def test_row_50_tokens_are_good_for_one_thing_only(target: Target):
    rest = Rest(target.url)
    rest.login(target.user, target.password)
    renewed = rest.client.post("/api/auth/token", json={"refreshToken": rest.refresh_token})
    assert set(renewed.json()) == {"token", "refreshToken"}
    wrong = rest.client.post("/api/auth/token", json={"refreshToken": rest.token})
    assert wrong.status_code in (401, 500)
    headers = {"X-Authorization": f"Bearer {rest.refresh_token}"}
    assert rest.client.get("/api/auth/user", headers=headers).status_code in (401, 500)


def test_row_51_wait_beyond_the_limit_is_cut(target: Target, device: Device):
    response = target.rest.call(device, "any", timeout=60_000)
    check_error(response, 500, 2)
    assert response.json()["message"] == "Request timeout"


def test_token_has_the_claims_that_clients_read(target: Target):
    claims = jwt.decode(target.rest.token, options={"verify_signature": False})
    assert claims["sub"] == target.user
    assert claims["scopes"] == ["TENANT_ADMIN"]
    assert claims["iss"] == "thingsboard.io"
    assert claims["exp"] - claims["iat"] == 9_000
    assert jwt.get_unverified_header(target.rest.token)["alg"] == "HS512"


def test_logout_ends_the_login(target: Target):
    rest = Rest(target.url)
    rest.login(target.user, target.password)
    assert rest.post("/api/auth/logout").status_code == 200
    check_error(rest.get("/api/auth/user"), 401, 11)
    assert target.rest.get("/api/auth/user").status_code == 200


def test_user_is_shown(target: Target):
    user = target.rest.get("/api/auth/user").json()
    assert (user["email"], user["authority"]) == (target.user, "TENANT_ADMIN")
    assert user["customerId"]["id"] == "13814000-1dd2-11b2-8080-808080808080"


def test_device_is_created_found_changed_and_listed(target: Target, device: Device):
    for path in ("device", "devices"):
        found = target.rest.get(f"/api/tenant/{path}", params={"deviceName": device.name}).json()
        assert found["id"] == {"entityType": "DEVICE", "id": device.id}
    found["label"] = "on the roof"
    changed = target.rest.post("/api/device", found).json()
    assert changed["label"] == "on the roof"
    assert changed["version"] == found["version"] + 1
    page = target.rest.get("/api/tenant/devices", params={"pageSize": 1, "page": 0}).json()
    assert len(page["data"]) == 1
    assert page["hasNext"] == (page["totalElements"] > 1)


def test_device_name_or_token_that_is_taken(target: Target, device: Device):
    response = target.rest.post("/api/device", {"name": device.name})
    check_error(response, 400, 31)
    assert response.json()["message"] == "Device with such name already exists!"
    path = f"/api/device?accessToken={device.token}"
    check_error(target.rest.post(path, {"name": f"other-{uuid.uuid4()}"}), 400, 31)


def test_device_gets_the_token_that_was_asked_for(target: Target):
    token = uuid.uuid4().hex[:20]
    path = f"/api/device?accessToken={token}"
    created = target.rest.post(path, {"name": f"token-{uuid.uuid4()}"}).json()
    assert target.token_of(created["id"]["id"]) == token


def test_deleting_a_device_closes_its_connection(target: Target):
    from tests.contract.raw_mqtt import RawMqtt

    device = target.new_device()
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        client.connect(device.token)
        target.rest.delete(f"/api/device/{device.id}")
        assert client.is_closed()
