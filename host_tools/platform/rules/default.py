"""The rules of a fresh platform. A function of the same name in a rules file replaces one."""

from __future__ import annotations

from host_tools.platform.rules import Message, Nodes, rule


@rule("TO_SERVER_RPC_REQUEST")
def current_time(message: Message, nodes: Nodes) -> None:
    """Answer ``getCurrentTime`` with the time in epoch milliseconds."""
    if message.data["method"] == "getCurrentTime":
        nodes.rpc_call_reply(message.with_data(nodes.now_ms()))
