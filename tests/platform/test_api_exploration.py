"""schemathesis against every endpoint: no 5xx but where the reference demands one."""

from __future__ import annotations

import json
import logging
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients import environments
from tests.contract.target import Target, own_platform

SEED = 20261121
DEMANDED = {
    ("/api/rpc/", 504, ""): "nobody answers (4.3)",
    ("/api/rpc/", 500, "The request body has no method"): "4.3",
    ("/api/plugins/rpc/", 500, "The request body has no method"): "4.3",
    ("", 500, "Required request parameter"): "a list without pageSize or page (4.4)",
    ("/api/rpc/persistent/", 500, "RPC status DELETED"): "4.4",
    ("/api/v1/", 500, ""): "a malformed payload of a device (2)",
    ("/api/v1/", 503, "Request timeout"): "a poll beyond the limit of any request (2)",
}
"""Path, status and words of the answers that ThingsBoard gives too, and where that is said."""


def is_demanded(report: dict[str, Any]) -> bool:
    """Tell whether the reference demands an answer."""
    path = report["where"].partition(" ")[2]
    return any(
        path.startswith(prefix) and report["status"] == status and words in report["text"]
        for prefix, status, words in DEMANDED
    )


@pytest.mark.parametrize(
    "examples", [8, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_no_endpoint_fails_whatever_it_is_given(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, examples: int
):
    python = environments.programs("schemathesis") / "python"
    limits = {"min_rpc_timeout_ms": 1, "default_rpc_timeout_ms": 1, "max_held_request_ms": 50}
    with caplog.at_level(logging.ERROR), own_platform(tmp_path, **limits) as target:
        reports = explore(target, python, examples)
    *failures, total = reports
    assert total["operations"] > 50
    assert total["calls"] > total["operations"] * examples / 2
    assert [report for report in failures if not is_demanded(report)] == []
    assert "Traceback" not in caplog.text


def explore(target: Target, python: Path, examples: int) -> list[dict[str, Any]]:
    """Run the exploration in its own environment and return what it reports."""
    device = target.new_device()
    settings = {
        "url": target.url,
        "token": target.rest.token,
        "examples": examples,
        "seed": SEED,
        "path": {
            "device_id": device.id,
            "deviceId": device.id,
            "access_token": device.token,
            "entity_type": "DEVICE",
            "device_name": device.name,
            "scope": "SHARED_SCOPE",
        },
    }
    finished = subprocess.run(
        [python, Path(__file__).with_name("explore_api.py")],
        env={"SETTINGS": json.dumps(settings), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3_000:]
    return [json.loads(line) for line in finished.stdout.splitlines()]
