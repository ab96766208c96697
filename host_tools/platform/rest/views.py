"""Rows as the API shows them (``thingsboard-rpc.md`` 4.5)."""

from __future__ import annotations

from typing import Any

from host_tools.platform.accounts.tokens import NULL_UUID
from host_tools.platform.storage.devices import Credentials, Device

DEFAULT_PROFILE_ID = "5bd2e8a0-7c10-11f0-8a4b-3f1d6c0e9a57"
"""The id of the one device profile; the same in every data folder."""


def entity(kind: str, identifier: str | None) -> dict[str, str]:
    """Return an id in the form of the API; the null UUID stands for none."""
    return {"entityType": kind, "id": identifier or NULL_UUID}


def device_json(device: Device, tenant_id: str) -> dict[str, Any]:
    """Return a device as the API shows one."""
    return {
        "id": entity("DEVICE", device.id),
        "createdTime": device.created_ms,
        "tenantId": entity("TENANT", tenant_id),
        "customerId": entity("CUSTOMER", device.customer_id),
        "name": device.name,
        "type": device.type,
        "label": device.label,
        "deviceProfileId": entity("DEVICE_PROFILE", DEFAULT_PROFILE_ID),
        "deviceData": {
            "configuration": {"type": "DEFAULT"},
            "transportConfiguration": {"type": "DEFAULT"},
        },
        "firmwareId": None,
        "softwareId": None,
        "externalId": None,
        "version": device.version,
        "additionalInfo": device.additional_info,
    }


def credentials_json(key: Credentials) -> dict[str, Any]:
    """Return credentials as the API shows them."""
    return {
        "id": {"id": key.id},
        "createdTime": key.created_ms,
        "deviceId": entity("DEVICE", key.device_id),
        "credentialsType": key.type,
        "credentialsId": key.credentials_id,
        "credentialsValue": key.value,
        "version": key.version,
    }


def profile_info_json(tenant_id: str) -> dict[str, Any]:
    """Return the default device profile in its short form."""
    return {
        "id": entity("DEVICE_PROFILE", DEFAULT_PROFILE_ID),
        "tenantId": entity("TENANT", tenant_id),
        "name": "default",
        "image": None,
        "defaultDashboardId": None,
        "type": "DEFAULT",
        "transportType": "DEFAULT",
    }
