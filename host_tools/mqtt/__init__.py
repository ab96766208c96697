"""The server side of MQTT 3.1, 3.1.1 and 5 as a codec without I/O.

``Decoder`` turns the bytes of a client into packets, ``encode`` turns packets into bytes for it.
Nothing here knows what a topic means; sessions live above.
"""

from __future__ import annotations

from host_tools.mqtt.decoder import Decoder
from host_tools.mqtt.encoder import encode
from host_tools.mqtt.errors import MqttError
from host_tools.mqtt.packets import (
    Acknowledgement,
    Auth,
    ConnAck,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    PingReq,
    PingResp,
    Publish,
    Reason,
    SubAck,
    Subscribe,
    Subscription,
    UnsubAck,
    Unsubscribe,
    Version,
    Will,
)

__all__ = [
    "Acknowledgement",
    "Auth",
    "ConnAck",
    "Connect",
    "Decoder",
    "Disconnect",
    "MqttError",
    "Packet",
    "PacketType",
    "PingReq",
    "PingResp",
    "Publish",
    "Reason",
    "SubAck",
    "Subscribe",
    "Subscription",
    "UnsubAck",
    "Unsubscribe",
    "Version",
    "Will",
    "encode",
]
