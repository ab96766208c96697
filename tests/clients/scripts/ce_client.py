"""tb-ce-client as its users write it: devices, calls both ways, data, kept calls."""

import ast
import json

from reporting import SETTINGS, report
from tb_ce_client.client import ThingsboardClient
from tb_ce_client.exceptions import ApiException
from tb_ce_client.models.device import Device

CALL = {"method": "setGpio", "params": {"pin": 23, "value": 1}, "timeout": 5000}
NAME = "made by tb-ce-client"


def main():
    with ThingsboardClient(
        SETTINGS["url"], SETTINGS["user"], SETTINGS["password"], max_retries=0
    ) as client:
        report("user", email=client.get_user().email)
        use_devices(client)
        use_data(client, SETTINGS["awake_id"])
        call(client, SETTINGS["awake_id"])
        keep_a_call(client, SETTINGS["asleep_id"])


def use_devices(client):
    made = client.save_device(Device(name=NAME, type="default"))
    device_id = str(made.id.id)
    token = client.get_device_credentials_by_device_id(device_id).credentials_id
    names = [device.name for device in client.get_tenant_devices(page_size=50, page=0).data]
    found = str(client.get_tenant_device_by_name(NAME).id.id) == device_id
    client.delete_device(device_id)
    report("devices", name=NAME, found=found, names=names, token=token, gone=is_gone(client))


def is_gone(client):
    try:
        client.get_tenant_device_by_name(NAME)
    except ApiException as error:
        return error.status == 404
    return False


def use_data(client, device_id):
    client.save_device_attributes(device_id, "SHARED_SCOPE", json.dumps({"target": 21}))
    client.save_entity_telemetry("DEVICE", device_id, "ANY", json.dumps({"temperature": 20.5}))
    # get_attributes_by_scope itself throws the answer away: its table of answers lacks the 200.
    answer = client.get_attributes_by_scope_without_preload_content(
        "DEVICE", device_id, "SHARED_SCOPE", keys="target"
    )
    attributes = json.loads(answer.read())
    telemetry = client.get_latest_timeseries("DEVICE", device_id, keys="temperature")
    values = [value.to_dict() for value in telemetry["temperature"]]
    report("data", attributes=attributes, telemetry={"temperature": values})


def call(client, device_id):
    body = json.dumps(CALL)
    answers = [
        client.handle_two_way_device_rpc_request_v1(device_id, body),
        client.handle_two_way_device_rpc_request_v2(device_id, body),
    ]
    client.handle_one_way_device_rpc_request_v1(device_id, body)
    client.handle_one_way_device_rpc_request_v2(device_id, body)
    report("calls", answers=[parsed(answer) for answer in answers])


def keep_a_call(client, device_id):
    kept = CALL | {"persistent": True, "timeout": 60_000}
    answer = parsed(client.handle_two_way_device_rpc_request_v2(device_id, json.dumps(kept)))
    rpc_id = answer["rpcId"]
    status = client.get_persisted_rpc(rpc_id).status
    page = parsed(client.get_persisted_rpc_by_device(device_id, 10, 0, rpc_status="QUEUED"))
    client.delete_rpc(rpc_id)
    after = parsed(client.get_persisted_rpc_by_device(device_id, 10, 0))
    report("kept", status=status, queued=page["totalElements"], left=after["totalElements"])


def parsed(answer):
    """Return an answer as JSON: the client calls it a text, and writes the JSON as Python does."""
    return ast.literal_eval(answer)


main()
