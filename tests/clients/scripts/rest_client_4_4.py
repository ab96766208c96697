"""tb-rest-client 4.4 as its users write it: devices, calls both ways, data, kept calls."""

from reporting import SETTINGS, report
from tb_rest_client.models import Device, DeviceId, RpcId
from tb_rest_client.rest import ApiException
from tb_rest_client.rest_client import RestClient

CALL = {"method": "setGpio", "params": {"pin": 23, "value": 1}, "timeout": 5000}
NAME = "made by tb-rest-client 4.4"


def main():
    with RestClient(base_url=SETTINGS["url"]) as client:
        client.login(username=SETTINGS["user"], password=SETTINGS["password"])
        report("user", email=client.get_user().email)
        use_devices(client)
        use_data(client, DeviceId(SETTINGS["awake_id"], "DEVICE"))
        call(client, DeviceId(SETTINGS["awake_id"], "DEVICE"))
        keep_a_call(client, DeviceId(SETTINGS["asleep_id"], "DEVICE"))


def use_devices(client):
    made = client.save_device(Device(name=NAME, type="default"))
    token = client.get_device_credentials_by_device_id(made.id).credentials_id
    names = [device.name for device in client.get_tenant_devices(page_size=50, page=0).data]
    found = client.get_tenant_device(NAME).id.id == made.id.id
    client.delete_device(made.id)
    report("devices", name=NAME, found=found, names=names, token=token, gone=is_gone(client))


def is_gone(client):
    try:
        client.get_tenant_device(NAME)
    except ApiException as error:
        return error.status == 404
    return False


def use_data(client, device_id):
    client.save_device_attributes(device_id, "SHARED_SCOPE", {"target": 21})
    client.save_entity_telemetry(device_id, "ANY", {"temperature": 20.5})
    attributes = client.get_attributes_by_scope(device_id, "SHARED_SCOPE", "target")
    telemetry = client.get_latest_timeseries(device_id, "temperature")
    values = [value.to_dict() for value in telemetry["temperature"]]
    rows = [attribute.to_dict() for attribute in attributes]
    report("data", attributes=rows, telemetry={"temperature": values})


def call(client, device_id):
    answers = [
        client.handle_two_way_device_rpc_request(device_id, CALL),
        client.handle_two_way_device_rpc_request_v1(device_id, CALL),
    ]
    client.handle_one_way_device_rpc_request(device_id, CALL)
    client.handle_one_way_device_rpc_request_v1(device_id, CALL)
    report("calls", answers=answers)


def keep_a_call(client, device_id):
    kept = CALL | {"persistent": True, "timeout": 60_000}
    answer = client.handle_two_way_device_rpc_request_v1(device_id, kept)
    rpc_id = RpcId(answer["rpcId"], "RPC")
    status = client.get_persisted_rpc(rpc_id).status
    page = client.get_persisted_rpc_by_device(device_id, 10, 0, rpc_status="QUEUED")
    client.delete_rpc(rpc_id)
    after = client.get_persisted_rpc_by_device(device_id, 10, 0)
    report("kept", status=status, queued=page["totalElements"], left=after["totalElements"])


main()
