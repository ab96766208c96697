"""The OpenAPI description, with what the framework cannot see by itself.

Bodies are parsed by hand, as any Content-Type is taken, and the send endpoints of RPC stand in
front of the framework; both are added here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from host_tools.platform.rest.access import json_body
from host_tools.platform.rest.device_api import device_body
from host_tools.platform.rest.rpc import PREFIXES

Schema = dict[str, Any]

SECURITY = {
    "token": {"type": "apiKey", "in": "header", "name": "X-Authorization"},
}
ERROR_SCHEMA: Schema = {
    "type": "object",
    "required": ["status", "message", "errorCode", "timestamp"],
    "properties": {
        "status": {"type": "integer"},
        "message": {"type": "string"},
        "errorCode": {"type": "integer"},
        "timestamp": {"type": "integer"},
    },
}
CALL_SCHEMA: Schema = {
    "type": "object",
    "required": ["method"],
    "properties": {
        "method": {"type": "string"},
        "params": {},
        "timeout": {"type": "integer", "description": "Milliseconds, at least 5000"},
        "expirationTime": {"type": "integer", "description": "Epoch ms, in place of timeout"},
        "persistent": {"type": "boolean"},
        "retries": {"type": "integer"},
        "additionalInfo": {},
        "requestUUID": {"type": "string", "format": "uuid"},
        "identity": {"type": "boolean", "description": "Add _id and _exp to the params"},
    },
}
CALL_RESPONSES = {
    "200": "The device's answer, or the id of a persistent call",
    "406": "The device answered something that is not JSON",
    "408": "No answer (version 1)",
    "409": "The device is not connected (version 1)",
    "504": "No answer, or not connected (version 2)",
}


def describe(app: FastAPI, routers: Iterable[APIRouter]) -> Schema:
    """Return the whole description of the API; made once and kept.

    Args:
        app: The application.
        routers: All that it includes.
    """
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version="1", description=app.description, routes=app.routes
        )
        for router in routers:
            for route in router.routes:
                if isinstance(route, APIRoute) and route.include_in_schema:
                    _complete(schema["paths"][route.path_format], route)
        for prefix, (version, one_way) in PREFIXES.items():
            schema["paths"][f"{prefix}{{deviceId}}"] = {"post": _call(version, one_way)}
        schema["components"]["securitySchemes"] = SECURITY
        schema["components"]["schemas"]["Error"] = ERROR_SCHEMA
        app.openapi_schema = schema
    return app.openapi_schema


def _complete(path: Schema, route: APIRoute) -> None:
    """Add body, errors and login to the operations of a route."""
    calls = _dependencies(route.dependant)
    for method in route.methods or ():
        operation = path[method.lower()]
        if json_body in calls:
            operation["requestBody"] = _body({"type": "object"})
        elif device_body in calls:
            operation["requestBody"] = _body({})
        operation["responses"].pop("422", None)  # wrong parameters are answered 400
        operation["responses"]["default"] = _error_response()
        if not route.path.startswith(("/api/v1/", "/api/noauth/", "/healthz")):
            operation["security"] = [{"token": []}]


def _dependencies(dependant: Dependant) -> set[object]:
    found: set[object] = set()
    for part in dependant.dependencies:
        found |= {part.call} | _dependencies(part)
    return found


def _call(version: str, one_way: bool) -> Schema:
    way = "without waiting for the answer" if one_way else "and wait for the answer"
    responses: Schema = {code: {"description": text} for code, text in CALL_RESPONSES.items()}
    return {
        "tags": ["rpc"],
        "summary": f"Call a method of a device {way} ({version})",
        "parameters": [
            {
                "name": "deviceId",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "format": "uuid"},
            }
        ],
        "requestBody": _body(CALL_SCHEMA),
        "responses": responses | {"default": _error_response()},
        "security": [{"token": []}],
    }


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _error_response() -> Schema:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": "What was wrong", "content": content}
