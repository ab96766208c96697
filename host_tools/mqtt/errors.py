"""The one exception of the codec: a client broke the protocol."""

from __future__ import annotations

from host_tools.mqtt.packets import Reason


class MqttError(Exception):
    """A packet that the protocol forbids; the connection cannot go on.

    Args:
        reason: The MQTT 5 reason code that names the fault.
        message: What was wrong, for the log.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def malformed(message: str) -> MqttError:
    """Make the error for bytes that are no packet (MQTT 5, 1.2: malformed packet)."""
    return MqttError(Reason.MALFORMED_PACKET, message)


def protocol_error(message: str) -> MqttError:
    """Make the error for a packet that is well formed but not allowed here."""
    return MqttError(Reason.PROTOCOL_ERROR, message)
