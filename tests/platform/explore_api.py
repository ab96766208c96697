"""Calls every operation of an OpenAPI description with data of schemathesis's making.

Runs in an environment of its own (``tests/clients/schemathesis.lock``); the settings come as JSON
in the variable ``SETTINGS``. Prints one JSON object for each answer of 500 and above.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase, given

SETTINGS = json.loads(os.environ["SETTINGS"])
HEADERS = {"X-Authorization": f"Bearer {SETTINGS['token']}"}
LOGIN_PATHS = ("/api/auth/logout", "/api/auth/changePassword")
"""Left out: they would end the login that the exploration runs under."""


def main() -> int:
    """Explore and report."""
    schema = schemathesis.openapi.from_url(f"{SETTINGS['url']}/v3/api-docs")
    operations = calls = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in LOGIN_PATHS:
            continue
        operations += 1
        calls += explore(operation)
    print(json.dumps({"operations": operations, "calls": calls}))
    return 0


def explore(operation: Any) -> int:
    """Call one operation again and again and return how often."""
    calls = 0

    @hypothesis.seed(SETTINGS["seed"])
    @hypothesis.settings(
        max_examples=SETTINGS["examples"],
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        nonlocal calls
        calls += 1
        for name, value in SETTINGS["path"].items():
            if name in (case.path_parameters or {}) and calls % 2:
                case.path_parameters[name] = value
        response = case.call(base_url=SETTINGS["url"], headers=HEADERS, timeout=20)
        if response.status_code >= 500:
            where = f"{operation.method.upper()} {operation.path}"
            text = response.content.decode("utf-8", "replace")
            report = {"where": where, "status": response.status_code, "text": text[:500]}
            print(json.dumps(report), flush=True)

    call()
    return calls


if __name__ == "__main__":
    sys.exit(main())
