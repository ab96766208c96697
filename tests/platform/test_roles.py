"""Who may do what: every endpoint with every role, and the life of a user."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.contract.target import PASSWORD, Device, Rest, Target, own_platform
from tests.contract.test_persistent import submit
from tests.contract.test_rest import check_error


@dataclass
class House:
    """A platform with a customer, his user and two devices: one his, one not."""

    target: Target
    customer_id: str
    user_id: str
    roles: dict[str, Rest]
    own: Device
    foreign: Device
    own_rpc: str
    foreign_rpc: str


def new_customer(target: Target, title: str) -> str:
    """Create a customer."""
    return str(target.rest.post("/api/customer", {"title": title}).json()["id"]["id"])


def new_user(target: Target, customer_id: str, email: str, password: str) -> str:
    """Create and activate a user of a customer."""
    body = {
        "email": email,
        "authority": "CUSTOMER_USER",
        "customerId": {"entityType": "CUSTOMER", "id": customer_id},
    }
    user_id = target.rest.post("/api/user", body).raise_for_status().json()["id"]["id"]
    link = target.rest.get(f"/api/user/{user_id}/activationLink").text
    token = link.rpartition("=")[2]
    activation = {"activateToken": token, "password": password}
    assert target.rest.client.post("/api/noauth/activate", json=activation).status_code == 200
    return str(user_id)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with own_platform(tmp_path_factory.mktemp("roles")) as target:
        customer_id = new_customer(target, "Smith & Sons")
        user_id = new_user(target, customer_id, "user@smith.example", "customer password")
        own, foreign = target.new_device(), target.new_device()
        target.rest.post(f"/api/customer/{customer_id}/device/{own.id}")
        roles = {"tenant": target.rest, "nobody": Rest(target.url)}
        for name, email, password in (
            ("system", "sysadmin@thingsboard.org", PASSWORD),
            ("customer", "user@smith.example", "customer password"),
        ):
            roles[name] = Rest(target.url)
            roles[name].login(email, password)
        calls = submit(target, own), submit(target, foreign)
        yield House(target, customer_id, user_id, roles, own, foreign, *calls)


PAGE = "pageSize=1&page=0"
TELEMETRY = "/api/plugins/telemetry/DEVICE"
ROLES = ("nobody", "system", "tenant", "customer")
TENANT_ONLY = (401, 403, 200, 403)
READERS = (401, 403, 200, 200)
NOT_HIS = (401, 403, 200, 403)

TABLE = [
    ("GET", "/api/auth/user", (401, 200, 200, 200)),
    ("POST", "/api/device", (401, 403, 400, 403)),
    ("GET", "/api/device/{own}", READERS),
    ("GET", "/api/device/{foreign}", NOT_HIS),
    ("GET", "/api/device/{own}/credentials", READERS),
    ("GET", "/api/device/{foreign}/credentials", NOT_HIS),
    ("DELETE", "/api/device/{unknown}", (401, 403, 404, 403)),
    ("POST", "/api/device/credentials", (401, 403, 400, 403)),
    ("GET", "/api/tenant/device?deviceName=x", (401, 403, 404, 403)),
    ("GET", f"/api/tenant/devices?{PAGE}", TENANT_ONLY),
    ("GET", f"/api/tenant/deviceInfos?{PAGE}", TENANT_ONLY),
    ("GET", f"/api/deviceInfos/all?{PAGE}", TENANT_ONLY),
    ("GET", "/api/deviceProfileInfo/default", READERS),
    ("GET", "/api/rpc/persistent/{own_rpc}", READERS),
    ("GET", "/api/rpc/persistent/{foreign_rpc}", NOT_HIS),
    ("DELETE", "/api/rpc/persistent/{unknown}", (401, 403, 404, 403)),
    ("GET", f"/api/rpc/persistent/device/{{own}}?{PAGE}", READERS),
    ("GET", f"/api/rpc/persistent/device/{{foreign}}?{PAGE}", NOT_HIS),
    ("GET", f"{TELEMETRY}/{{own}}/values/timeseries", READERS),
    ("GET", f"{TELEMETRY}/{{foreign}}/values/timeseries", NOT_HIS),
    ("GET", f"{TELEMETRY}/{{own}}/values/attributes", READERS),
    ("GET", f"{TELEMETRY}/{{foreign}}/values/attributes/SERVER_SCOPE", NOT_HIS),
    ("GET", f"{TELEMETRY}/{{foreign}}/keys/timeseries", NOT_HIS),
    ("GET", f"{TELEMETRY}/{{foreign}}/keys/attributes", NOT_HIS),
    ("GET", f"{TELEMETRY}/{{foreign}}/keys/attributes/SHARED_SCOPE", NOT_HIS),
    ("POST", f"{TELEMETRY}/{{own}}/timeseries/ANY", READERS),
    ("POST", f"{TELEMETRY}/{{foreign}}/timeseries/ANY", NOT_HIS),
    ("POST", f"{TELEMETRY}/{{foreign}}/timeseries/ANY/0", NOT_HIS),
    ("POST", f"{TELEMETRY}/{{foreign}}/SHARED_SCOPE", NOT_HIS),
    ("DELETE", f"{TELEMETRY}/{{foreign}}/SHARED_SCOPE?keys=a", NOT_HIS),
    ("DELETE", f"{TELEMETRY}/{{foreign}}/timeseries/delete?keys=a", NOT_HIS),
    ("GET", f"/api/audit/logs?{PAGE}", TENANT_ONLY),
    ("GET", f"/api/audit/logs/entity/DEVICE/{{own}}?{PAGE}", TENANT_ONLY),
    ("GET", f"/api/audit/logs/user/{{user}}?{PAGE}", TENANT_ONLY),
    ("POST", "/api/customer", (401, 403, 400, 403)),
    ("GET", "/api/customer/{customer}", READERS),
    ("GET", "/api/customer/{other_customer}", NOT_HIS),
    ("DELETE", "/api/customer/{unknown}", (401, 403, 404, 403)),
    ("GET", f"/api/customers?{PAGE}", TENANT_ONLY),
    ("GET", f"/api/customer/{{customer}}/devices?{PAGE}", READERS),
    ("GET", f"/api/customer/{{other_customer}}/devices?{PAGE}", NOT_HIS),
    ("GET", f"/api/customer/{{customer}}/users?{PAGE}", TENANT_ONLY),
    ("POST", "/api/customer/{customer}/device/{own}", TENANT_ONLY),
    ("DELETE", "/api/customer/device/{foreign}", TENANT_ONLY),
    ("POST", "/api/user", (401, 403, 400, 403)),
    ("GET", "/api/user/{user}", READERS),
    ("DELETE", "/api/user/{unknown}", (401, 403, 404, 403)),
    ("GET", "/api/user/{user}/activationLink", (401, 403, 400, 403)),
    ("POST", "/api/customer/device/none/claim", (401, 403, 403, 400)),
    ("DELETE", "/api/customer/device/none/claim", (401, 403, 404, 404)),
    ("GET", "/api/deviceProfile/{unknown}", (401, 403, 404, 403)),
    ("POST", "/api/deviceProfile", (401, 403, 400, 403)),
    ("POST", "/api/auth/changePassword", (401, 400, 400, 400)),
]


@pytest.fixture(scope="module")
def other_customer(house: House) -> str:
    return new_customer(house.target, "Another")


@pytest.mark.parametrize(("method", "path", "statuses"), TABLE, ids=lambda v: str(v)[:60])
def test_every_endpoint_with_every_role(
    house: House, other_customer: str, method: str, path: str, statuses: tuple[int, ...]
):
    url = path.format(
        own=house.own.id,
        foreign=house.foreign.id,
        own_rpc=house.own_rpc,
        foreign_rpc=house.foreign_rpc,
        customer=house.customer_id,
        other_customer=other_customer,
        user=house.user_id,
        unknown=uuid.uuid4(),
    )
    body = {"json": {}} if method == "POST" else {}
    answers = [house.roles[role].request(method, url, **body) for role in ROLES]
    assert tuple(answer.status_code for answer in answers) == statuses


CALLS = ("/api/rpc/oneway", "/api/rpc/twoway", "/api/plugins/rpc/")
"""These refuse in plain text, and have a test of their own below."""


def test_the_table_has_every_endpoint(house: House):
    paths = httpx.get(f"{house.target.url}/v3/api-docs").json()["paths"]
    public = {"/healthz", "/api/auth/login", "/api/auth/token", "/api/noauth/activate"}
    covered = {tuple(path.split("?")[0].split("/")) for _, path, _ in TABLE}

    def matches(template: str) -> bool:
        parts = template.split("/")
        return any(
            len(parts) == len(known)
            and all(a == b or a.startswith("{") for a, b in zip(parts, known, strict=True))
            for known in covered
        )

    missing = [
        path
        for path in paths
        if path not in public and not path.startswith(("/api/v1/", *CALLS)) and not matches(path)
    ]
    # Logging out would end the roles; the history is the same code as the latest values.
    assert sorted(missing) == [
        "/api/auth/logout",
        "/api/plugins/telemetry/{device_id}/{scope}",
        "/api/plugins/telemetry/{entity_type}/{device_id}/attributes/{scope}",
        "/api/plugins/telemetry/{entity_type}/{device_id}/values/timeseries/history",
    ]


@pytest.mark.parametrize("base", ["/api/rpc", "/api/plugins/rpc"])
def test_rows_44_and_45_calls_are_refused_in_plain_text(house: House, base: str):
    for role, words in (
        ("customer", "You don't have permission to perform this operation!"),
        ("system", "System administrator is not allowed to perform this operation!"),
    ):
        path = f"{base}/twoway/{house.foreign.id}"
        response = house.roles[role].post(path, {"method": "any"})
        assert (response.status_code, response.text) == (403, words)
        assert response.headers["content-type"].startswith("text/plain")


def test_customer_calls_his_own_device(house: House):
    body = {"method": "any", "persistent": True}
    response = house.roles["customer"].post(f"/api/rpc/twoway/{house.own.id}", body)
    assert response.status_code == 200


def test_row_69_customer_may_not_delete_a_call(house: House):
    response = house.roles["customer"].delete(f"/api/rpc/persistent/{house.own_rpc}")
    check_error(response, 403, 20)


def test_customers_user_can_do_nothing_after_he_was_removed(tmp_path: Path):
    with own_platform(tmp_path) as target:
        customer_id = new_customer(target, "Brief")
        user_id = new_user(target, customer_id, "u@brief.example", "password")
        rest = Rest(target.url)
        rest.login("U@Brief.example", "password")
        assert target.rest.delete(f"/api/user/{user_id}").status_code == 200
        assert rest.get("/api/auth/user").status_code == 401
        body = {"username": "u@brief.example", "password": "password"}
        assert rest.client.post("/api/auth/login", json=body).status_code == 401


def test_removed_customer_leaves_his_devices(tmp_path: Path):
    with own_platform(tmp_path) as target:
        customer_id = new_customer(target, "Brief")
        new_user(target, customer_id, "u@brief.example", "password")
        rest = Rest(target.url)
        rest.login("u@brief.example", "password")
        device = target.new_device()
        target.rest.post(f"/api/customer/{customer_id}/device/{device.id}")
        assert rest.get(f"/api/device/{device.id}").status_code == 200
        assert target.rest.delete(f"/api/customer/{customer_id}").status_code == 200
        assert rest.get(f"/api/device/{device.id}").status_code == 401
        shown = target.rest.get(f"/api/device/{device.id}").json()
        assert shown["customerId"]["id"] == "13814000-1dd2-11b2-8080-808080808080"


def test_password_change_ends_every_login_but_its_own(tmp_path: Path):
    with own_platform(tmp_path) as target:
        body = {"currentPassword": PASSWORD, "newPassword": "another one"}
        pair = target.rest.post("/api/auth/changePassword", body).json()
        check_error(target.rest.get("/api/auth/user"), 401, 11)
        target.rest.token = pair["token"]
        assert target.rest.get("/api/auth/user").status_code == 200
        Rest(target.url).login(target.user, "another one")
        wrong = {"currentPassword": PASSWORD, "newPassword": "yet another"}
        assert target.rest.post("/api/auth/changePassword", wrong).status_code == 400


def test_activation_works_once(tmp_path: Path):
    with own_platform(tmp_path) as target:
        customer_id = new_customer(target, "Brief")
        user_id = new_user(target, customer_id, "u@brief.example", "password")
        assert target.rest.get(f"/api/user/{user_id}/activationLink").status_code == 400
        again = {"activateToken": "x", "password": "password"}
        assert target.rest.client.post("/api/noauth/activate", json=again).status_code == 400


def test_login_that_fails_too_often_has_to_wait(tmp_path: Path):
    now = [1_700_000_000_000]
    with own_platform(tmp_path, now_ms=lambda: now[0]) as target:
        wrong = {"username": target.user, "password": "wrong"}
        right = {"username": target.user, "password": PASSWORD}
        login = "/api/auth/login"
        for _ in range(10):
            check_error(target.rest.client.post(login, json=wrong), 401, 10)
        check_error(target.rest.client.post(login, json=wrong), 429, 33)
        check_error(target.rest.client.post(login, json=right), 429, 33)
        now[0] += 30_000
        assert target.rest.client.post(login, json=right).status_code == 200


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE devices; --", '"', "%", "_", "\u0000", "\U0001f600"]
)
def test_names_are_data_and_never_sql(house: House, name: str):
    unique = f"{name}{uuid.uuid4()}"
    response = house.target.rest.post("/api/device", {"name": unique})
    if "\0" in name:
        check_error(response, 400, 31)
        return
    assert response.json()["name"] == unique
    query = {"pageSize": 10, "page": 0, "textSearch": unique}
    page = house.target.rest.get("/api/tenant/devices", params=query).json()
    assert [device["name"] for device in page["data"]] == [unique]
