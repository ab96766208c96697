"""The REST client of the host tools, for our platform and any ThingsBoard server alike."""

from __future__ import annotations

from host_tools.client.client import Client, Device
from host_tools.client.failures import DeviceError

__all__ = ["Client", "Device", "DeviceError"]
