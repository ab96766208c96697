"""A device commands another one, which its server attribute ``controls`` names.

``{"method": "forward", "params": {"method": "setGpio", "params": {"pin": 1, "value": 1}}}``: a
wall switch never needs to know which lamp it switches.
"""

from __future__ import annotations

from host_tools.platform.rules import Message, NodeError, Nodes, rule

MAX_WAIT_S = 10


@rule("TO_SERVER_RPC_REQUEST")
def forward(message: Message, nodes: Nodes) -> None:
    """Pass ``forward`` on and answer with what the other device answered."""
    if message.data["method"] != "forward":
        return
    name = nodes.attribute(message.originator, "SERVER_SCOPE", "controls")
    nodes.rpc_call_reply(message.with_data(_call(message, nodes, name)))


def _call(message: Message, nodes: Nodes, name: object) -> object:
    if not isinstance(name, str):
        return {"error": "the server attribute 'controls' names no device"}
    command = message.data["params"]
    try:
        request = Message("RPC_CALL_FROM_SERVER_TO_DEVICE", nodes.device_id(name), command)
        return nodes.rpc_call_request(request, timeout_s=MAX_WAIT_S).data
    except NodeError as error:
        return error.data
