"""A device asks for the weather; the forecast comes from an HTTP service.

``{"method": "getWeather", "params": {"latitude": 52.5, "longitude": 13.4}}``. The service's
address is the variable ``WEATHER_URL``; it is asked with both coordinates in the query.
"""

from __future__ import annotations

import os
from urllib.parse import urlencode

from host_tools.platform.rules import Message, NodeError, Nodes, rule

SERVICE = os.environ.get("WEATHER_URL", "https://api.open-meteo.com/v1/forecast?current_weather=1")


@rule("TO_SERVER_RPC_REQUEST")
def weather(message: Message, nodes: Nodes) -> None:
    """Answer ``getWeather``, with an error object when the service fails."""
    if message.data["method"] != "getWeather":
        return
    place = message.data["params"]
    query = urlencode({name: place[name] for name in ("latitude", "longitude")})
    join = "&" if "?" in SERVICE else "?"
    try:
        answer = nodes.rest_api_call("GET", f"{SERVICE}{join}{query}")
    except NodeError as error:
        answer = {"error": f"no forecast: {error.data}"}
    nodes.rpc_call_reply(message.with_data(answer))
