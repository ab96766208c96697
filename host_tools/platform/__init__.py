"""A local server that ThingsBoard's own clients take for ThingsBoard.

``Platform(Settings(data=folder))`` is an asynchronous context manager; see ``server``.
"""

from __future__ import annotations

from host_tools.platform.addresses import Address
from host_tools.platform.server import Platform
from host_tools.platform.settings import Settings
from host_tools.platform.tls import Tls

__all__ = ["Address", "Platform", "Settings", "Tls"]
