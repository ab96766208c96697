"""Every end of a persistent call is posted to another server, at the variable ``WEBHOOK_URL``."""

from __future__ import annotations

import os

from host_tools.platform.rules import Message, Nodes, rule

URL = os.environ.get("WEBHOOK_URL", "http://127.0.0.1:9000/events")


@rule("RPC_SUCCESSFUL", "RPC_EXPIRED", "RPC_FAILED")
def tell(message: Message, nodes: Nodes) -> None:
    """Post the event as ``{"type", "originator", "data", "metadata"}``."""
    nodes.webhook(URL, message)
