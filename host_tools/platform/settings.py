"""What a platform is started with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from host_tools.platform.addresses import Address
from host_tools.platform.tls import Tls
from host_tools.rpc import Limits


def epoch_ms() -> int:
    """Return the time since 1970 in milliseconds, the clock of ThingsBoard's rows."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one platform; defaults are ThingsBoard's (``thingsboard-rpc.md`` 11)."""

    data: Path
    http: Address = field(default_factory=Address)
    mqtt: Address = field(default_factory=Address)
    tls: Tls | None = None
    """MQTT over TLS, beside the plain one."""
    administrator_password: str | None = field(default=None, repr=False)
    """Sets the password of the administrators when the data folder is made."""

    rules: Path | None = None
    """A file of rules, beside the shipped ones."""
    rule_timeout_ms: int = 10_000
    """How long a rule may run before it is called hanging."""
    min_rpc_timeout_ms: int = 5_000
    default_rpc_timeout_ms: int = 10_000
    max_held_request_ms: int = 30_000
    """How long any HTTP request is held open at most (4.3)."""
    http_poll_timeout_ms: int = 60_000
    """How long a poll of a device lasts that does not say (2)."""
    client_rpc_timeout_ms: int = 60_000
    puback_timeout_ms: int = 10_000
    max_payload_bytes: int = 65_536
    """The largest MQTT packet, and the largest RPC answer over HTTP."""
    max_body_bytes: int = 16_777_216
    """The largest REST body."""
    max_inflight_messages: int = 100
    inactivity_timeout_ms: int = 600_000
    login_timeout_ms: int = 10_000
    """How long a connection may stay without a CONNECT."""
    strict: bool = False
    """Behave as ThingsBoard also where it loses commands; the README has the list."""
    faults: bool = False
    """Serve the endpoints that make the platform misbehave."""
    rpc_days: int = 0
    """How long finished persistent commands are kept; 0 keeps them for ever."""
    audit_days: int = 90
    """How long the audit log is kept; 0 keeps it for ever."""
    limits: Limits = field(default_factory=Limits)
    now_ms: Callable[[], int] = epoch_ms
