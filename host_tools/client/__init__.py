"""The REST client of the host tools, for our platform and any ThingsBoard server alike."""

from __future__ import annotations

from host_tools.client.client import DEFAULT_TIMEOUT_MS, Client
from host_tools.client.data import DeviceData, Scope, Value
from host_tools.client.directory import Device
from host_tools.client.failures import DeviceError
from host_tools.client.persistent import PersistentCall, PersistentCalls

__all__ = [
    "DEFAULT_TIMEOUT_MS",
    "Client",
    "Device",
    "DeviceData",
    "DeviceError",
    "PersistentCall",
    "PersistentCalls",
    "Scope",
    "Value",
]
