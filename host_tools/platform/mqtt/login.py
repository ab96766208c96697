"""Who a CONNECT belongs to (``thingsboard-rpc.md`` 1.1): a device, or the code of its refusal."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from host_tools.mqtt import Connect, Reason, Version
from host_tools.platform.credentials import BasicCredentials, basic_key
from host_tools.platform.storage.devices import ACCESS_TOKEN, MQTT_BASIC, Credentials

Lookup = Callable[[str], Credentials | None]


def decide(connect: Connect, lookup: Lookup) -> str | Reason:
    """Return the id of the device that logs in, or why it is refused.

    Args:
        connect: The first packet.
        lookup: Finds credentials by their id.
    """
    found = _find(connect, lookup)
    if found is not None:
        return found.device_id
    return _refusal(connect)


def _find(connect: Connect, lookup: Lookup) -> Credentials | None:
    user_name = connect.user_name or ""
    key = basic_key(connect.client_id, user_name)
    found = lookup(key) if key else None
    if found is not None and found.type == MQTT_BASIC:
        return found if _password_matches(found, connect) else None
    found = lookup(user_name) if user_name else None
    if found is None or found.type == ACCESS_TOKEN:
        return found
    return found if _password_matches(found, connect) else None


def _password_matches(found: Credentials, connect: Connect) -> bool:
    wanted = BasicCredentials.parse(found.value or "{}").password
    given = connect.password or b""
    return hmac.compare_digest((wanted or "").encode(), given)


def _refusal(connect: Connect) -> Reason:
    has_user, has_password = bool(connect.user_name), connect.password is not None
    if (connect.client_id and has_user and has_password) or has_user != has_password:
        reason = Reason.BAD_USER_NAME_OR_PASSWORD
    elif connect.client_id.strip():
        reason = Reason.CLIENT_IDENTIFIER_NOT_VALID
    else:
        reason = Reason.NOT_AUTHORIZED
    if connect.version is not Version.V5 and reason is Reason.BAD_USER_NAME_OR_PASSWORD:
        return Reason.NOT_AUTHORIZED  # ThingsBoard never sends return code 4 (1.1)
    return reason
