"""Rows as the API shows them (``thingsboard-rpc.md`` 4.5)."""

from __future__ import annotations

from typing import Any

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.platform.accounts.tokens import NULL_UUID
from host_tools.platform.profile_store import DeviceProfile
from host_tools.platform.storage.audit import AuditEntry
from host_tools.platform.storage.customers import Customer
from host_tools.platform.storage.devices import Credentials, Device
from host_tools.platform.storage.rpcs import RpcRow
from host_tools.platform.storage.users import Authority, User
from host_tools.rpc import Status

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


def profile_json(profile: DeviceProfile, tenant_id: str) -> dict[str, Any]:
    """Return the device profile as the API shows one."""
    kind = profile.provision_type.value
    return {
        "id": entity("DEVICE_PROFILE", DEFAULT_PROFILE_ID),
        "tenantId": entity("TENANT", tenant_id),
        "name": "default",
        "default": True,
        "type": "DEFAULT",
        "transportType": "MQTT",
        "provisionType": kind,
        "provisionDeviceKey": profile.provision_key,
        "profileData": {
            "configuration": {"type": "DEFAULT"},
            "transportConfiguration": {
                "type": "MQTT",
                "sendAckOnValidationException": profile.acknowledge_malformed,
            },
            "provisionConfiguration": {
                "type": kind,
                "provisionDeviceSecret": profile.provision_secret,
            },
        },
    }


def user_json(user: User, tenant_id: str) -> dict[str, Any]:
    """Return a user as the API shows one."""
    tenant = NULL_UUID if user.authority is Authority.SYSTEM else tenant_id
    return {
        "id": {"entityType": "USER", "id": user.id},
        "createdTime": user.created_ms,
        "tenantId": {"entityType": "TENANT", "id": tenant},
        "customerId": {"entityType": "CUSTOMER", "id": user.customer_id or NULL_UUID},
        "email": user.email,
        "name": user.email,
        "authority": user.authority.value,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "phone": None,
        "version": 1,
        "additionalInfo": {},
    }


def rpc_json(row: RpcRow, tenant_id: str, status: Status) -> dict[str, Any]:
    """Return a persistent command as the API shows one (4.4); params are a text of JSON there."""
    return {
        "id": entity("RPC", row.id),
        "createdTime": row.created_ms,
        "tenantId": entity("TENANT", tenant_id),
        "deviceId": entity("DEVICE", row.device_id),
        "expirationTime": row.expires_ms,
        "request": {
            "id": row.id,
            "tenantId": entity("TENANT", tenant_id),
            "deviceId": entity("DEVICE", row.device_id),
            "oneway": row.one_way,
            "expirationTime": row.expires_ms,
            "body": {"method": row.method, "params": row.params},
            "persisted": True,
            "retries": row.retries,
            "additionalInfo": row.additional_info,
        },
        "response": _parsed(row.response),
        "status": status.value,
        "additionalInfo": _parsed(row.additional_info),
    }


def customer_json(customer: Customer, tenant_id: str) -> dict[str, Any]:
    """Return a customer as the API shows one."""
    return {
        "id": entity("CUSTOMER", customer.id),
        "createdTime": customer.created_ms,
        "tenantId": entity("TENANT", tenant_id),
        "title": customer.title,
        "name": customer.title,
        "email": customer.email,
        "additionalInfo": customer.additional_info,
        "version": customer.version,
    }


def audit_json(entry: AuditEntry, tenant_id: str) -> dict[str, Any]:
    """Return an entry of the audit log as the API shows one."""
    failed = not entry.outcome.startswith("200")
    return {
        "id": entity("AUDIT_LOG", entry.id),
        "createdTime": entry.created_ms,
        "tenantId": entity("TENANT", tenant_id),
        "customerId": entity("CUSTOMER", entry.customer_id),
        "entityId": entity("DEVICE", entry.device_id),
        "entityName": entry.device_name,
        "userId": entity("USER", entry.user_id),
        "userName": entry.user_name,
        "actionType": "RPC_CALL",
        "actionData": {
            "entityId": entry.device_id,
            "oneWay": entry.one_way,
            "persistent": entry.persistent,
            "rpcId": entry.rpc_id,
            "method": entry.method,
            "params": entry.params,
            "outcome": entry.outcome,
        },
        "actionStatus": "FAILURE" if failed else "SUCCESS",
        "actionFailureDetails": entry.outcome if failed else "",
    }


def _parsed(text: str | None) -> Json:
    return None if text is None else json_text.parse(text)
