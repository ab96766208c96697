"""Names of devices that a client has met, so that its errors speak of names and not of UUIDs."""

from __future__ import annotations

from host_tools.client.failures import is_unknown_path, no_such_device, refusal
from host_tools.client.http import Response
from host_tools.errors import WakecallError


class Names:
    """Device id to name, as far as they are known."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def remember(self, device_id: str, name: str) -> None:
        """Keep the name of a device."""
        self._names[device_id] = name

    def forget(self, device_id: str) -> None:
        """Drop the name of a device that was deleted."""
        self._names.pop(device_id, None)

    def of(self, device_id: str) -> str:
        """Return the name of a device, or its id where the name is not known."""
        return self._names.get(device_id, device_id)

    def refusal(self, device_id: str, response: Response, doing: str) -> WakecallError:
        """Return the error for a request about a device that the server did not carry out.

        Args:
            device_id: Which device.
            response: What the server answered.
            doing: What was asked, such as ``"read the token of pump"``.
        """
        if response.status == 404 and not is_unknown_path(response):
            return no_such_device(self.of(device_id), [])
        return refusal(response, doing)
