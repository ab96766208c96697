"""The RPC engine of one device: what is pending, what is sent when, and how each call ends.

Pure: it takes events and the time and returns actions (``reference/thingsboard-rpc.md`` 5). The
platform and the simulator's server model both run it.
"""

from __future__ import annotations

from host_tools.rpc.actions import Action, CloseSessions, Finish, Outcome, Save, Send
from host_tools.rpc.engine import Engine
from host_tools.rpc.model import (
    Command,
    Delivery,
    Limits,
    SessionKind,
    Status,
    Strategy,
)

__all__ = [
    "Action",
    "CloseSessions",
    "Command",
    "Delivery",
    "Engine",
    "Finish",
    "Limits",
    "Outcome",
    "Save",
    "Send",
    "SessionKind",
    "Status",
    "Strategy",
]
