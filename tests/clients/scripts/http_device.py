"""A device on the HTTP variant of tb-mqtt-client, until its test ends it."""

import logging
import threading

from reporting import SETTINGS, report
from tb_device_http import TBHTTPDevice


def main():
    logging.basicConfig(level=logging.INFO)
    device = TBHTTPDevice(SETTINGS["url"], SETTINGS["token"], "pump")
    report("connected", connected=device.connect())
    device.send_attributes({"firmware": "build 7"})
    device.send_telemetry({"temperature": 20.5}, queued=False)
    report("attributes", content=device.request_attributes(["firmware"], ["target"]))
    report("answer of the server", content=device.send_rpc("getCurrentTime"))
    device.subscribe("attributes", lambda content: report("attribute update", content=content))
    device.subscribe("rpc", lambda content: answer(device, content))
    report("ready")
    threading.Event().wait()


def answer(device, content):
    report("command", content=content)
    # The client takes the id 0 for none: its answer would be a call that nobody answers.
    if content["id"] != 0:
        # It can answer with a method and params only, as if it called.
        device.send_rpc("done", {"did": content["method"]}, content["id"])


main()
