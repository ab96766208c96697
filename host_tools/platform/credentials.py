"""The MQTT basic credentials of a device: client id, user name, password (1.1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from host_tools import json_text


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """What an MQTT basic credential asks for; None where it does not matter."""

    client_id: str | None = None
    user_name: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> BasicCredentials:
        """Read the JSON text of the credential's value; ValueError when it is not valid."""
        value = json_text.parse(text)
        if not isinstance(value, dict):
            raise ValueError("the credentials value is not an object")
        fields = [value.get(name) or None for name in ("clientId", "userName", "password")]
        if not all(item is None or isinstance(item, str) for item in fields):
            raise ValueError("clientId, userName and password are texts")
        client_id, user_name, password = fields
        if client_id is None and user_name is None:
            raise ValueError("clientId and userName are both empty")
        if password is not None and user_name is None:
            raise ValueError("a password needs a user name")
        return cls(client_id, user_name, password)

    @property
    def key(self) -> str:
        """The credentials id under which the device is found."""
        if self.client_id is None:
            return self.user_name or ""
        return basic_key(self.client_id, self.user_name or "")


def basic_key(client_id: str, user_name: str) -> str:
    """Return the id of a basic credential for a client id, with a user name or without.

    Empty when the client id is: such credentials are found by the bare user name.
    """
    if not client_id:
        return ""
    text = f"{client_id}|{user_name}" if user_name else client_id
    return hashlib.sha3_256(text.encode()).hexdigest()
