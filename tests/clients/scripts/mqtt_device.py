"""A device on tb-mqtt-client: calls both ways, telemetry, attributes, until its test ends it."""

import logging
import threading
import time

from reporting import SETTINGS, report
from tb_device_mqtt import TBDeviceMqttClient

_DEADLINE_S = 20


def main():
    logging.basicConfig(level=logging.INFO)
    client = TBDeviceMqttClient(SETTINGS["host"], SETTINGS["port"], SETTINGS["token"])
    client.set_server_side_rpc_request_handler(
        lambda request_id, content: answer(client, request_id, content)
    )
    connect(client)
    send(client)
    request_attributes(client)
    call_server(client)
    client.subscribe_to_all_attributes(
        lambda content, _: report("attribute update", content=content)
    )
    report("ready")
    threading.Event().wait()


def connect(client):
    def take(request_id, content, *more):
        report("limits", content=content)
        client.on_service_configuration(request_id, content, *more)

    # The client asks for the limits of its session itself, each time that it connects. Its own
    # callback for a connection is set too late when the server is as near as ours.
    client.service_configuration_callback = take
    client.connect()
    deadline = time.monotonic() + _DEADLINE_S
    while not (client.is_connected() and client.rate_limits_received):
        assert time.monotonic() < deadline, "not connected"
        time.sleep(0.01)
    report("connected", protocol=client._client._protocol)


def send(client):
    client.send_attributes({"firmware": "build 7", "agent": {"identity": True}}).get()
    codes = [
        client.send_telemetry({"temperature": 20.5, "open": False}).get(),
        client.send_telemetry({"ts": 1_700_000_000_000, "values": {"humidity": 40}}).get(),
    ]
    report("sent", codes=codes)


def request_attributes(client):
    arrived = threading.Event()

    def take(content, error):
        report("attributes", content=content, error=repr(error))
        arrived.set()

    client.request_attributes(["firmware"], ["target"], callback=take)
    assert arrived.wait(_DEADLINE_S), "no attributes"


def call_server(client):
    answered = threading.Event()

    def take(request_id, content, error):
        report("answer of the server", content=content)
        answered.set()

    client.send_rpc_call("getCurrentTime", {}, take)
    assert answered.wait(_DEADLINE_S), "no answer of the server"


def answer(client, request_id, content):
    report("command", id=request_id, content=content)
    client.send_rpc_reply(request_id, {"done": content["method"]})


main()
