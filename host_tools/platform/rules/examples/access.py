"""A door asks whether a card may enter; a third party decides.

``{"method": "mayEnter", "params": {"card": "1234"}}``. The decision is asked for at the address
in the variable ``ACCESS_URL``; anything but a clear yes keeps the door shut.
"""

from __future__ import annotations

import os

from host_tools.platform.rules import Message, NodeError, Nodes, rule

DECISION_URL = os.environ.get("ACCESS_URL", "http://127.0.0.1:9000/decide")


@rule("TO_SERVER_RPC_REQUEST")
def may_enter(message: Message, nodes: Nodes) -> None:
    """Answer ``mayEnter`` with true or false."""
    if message.data["method"] != "mayEnter":
        return
    question = {"door": message.metadata["deviceName"], "card": message.data["params"]["card"]}
    try:
        decision = nodes.rest_api_call("POST", DECISION_URL, question, timeout_s=5)
    except NodeError:
        decision = {}
    allowed = isinstance(decision, dict) and decision.get("allow") is True
    nodes.rpc_call_reply(message.with_data(allowed))
