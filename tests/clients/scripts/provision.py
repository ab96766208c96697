"""Devices that make themselves with the helpers of tb-mqtt-client, over MQTT and over HTTP."""

from reporting import SETTINGS, report
from tb_device_http import TBHTTPDevice, TBProvisionFailure
from tb_device_mqtt import TBDeviceMqttClient

KEY, SECRET = SETTINGS["key"], SETTINGS["secret"]


def over_mqtt(secret, name):
    host, port = SETTINGS["host"], SETTINGS["port"]
    return TBDeviceMqttClient.provision(host, KEY, secret, port=port, device_name=name)


def over_http(secret, name):
    try:
        return TBHTTPDevice.provision(SETTINGS["url"], name, KEY, secret)
    except TBProvisionFailure as error:
        report("refused over http", answer=error.args[0])


report("mqtt", credentials=over_mqtt(SECRET, "made over mqtt"))
report("mqtt with a wrong secret", credentials=over_mqtt("guess", "never made"))
device = over_http(SECRET, "made over http")
report("http", token=device.token, connected=device.test_connection())
over_http("guess", "never made")
