"""The topics of ThingsBoard's MQTT device API, and what those of attributes carry. Pure.

The facts are from reference/thingsboard-rpc.md 1.4 to 1.8.
"""

import json

COMMANDS = b"v1/devices/me/rpc/request/"
ANSWERS = b"v1/devices/me/rpc/response/"
ATTRIBUTES = b"v1/devices/me/attributes"
ATTRIBUTES_ASKED = b"v1/devices/me/attributes/request/1"
ATTRIBUTES_ANSWER = b"v1/devices/me/attributes/response/1"
PUBLISHED = {
    "attributes": ATTRIBUTES,
    "telemetry": b"v1/devices/me/telemetry",
    "claim": b"v1/devices/me/claim",
}
#: The order counts: pending commands come as soon as theirs is subscribed.
SUBSCRIPTIONS = (ANSWERS + b"+", b"v1/devices/me/attributes/response/+", COMMANDS + b"+")


def last_level(topic, beginning):
    """Return what follows the beginning of a topic as text; nothing when it is no text."""
    try:
        return topic[len(beginning) :].decode()
    except UnicodeError:
        return ""


def read_object(payload):
    """Return the JSON object that a payload is, or an empty one when it is none."""
    try:
        content = json.loads(payload)
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {}


def section(content, name):
    """Return a section of an attribute answer, ``client`` or ``shared``: absent ones are empty."""
    found = content.get(name)
    return found if isinstance(found, dict) else {}
