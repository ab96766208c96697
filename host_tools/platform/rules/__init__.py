"""Rules: small Python functions that see what happens and act on it.

A rules file imports from here; ``examples`` beside this file has whole ones.
"""

from __future__ import annotations

from host_tools.platform.rules.message import (
    RELATIONS,
    GeneratorFunction,
    Message,
    NodeError,
    Nodes,
    generator,
    rule,
)

__all__ = [
    "RELATIONS",
    "GeneratorFunction",
    "Message",
    "NodeError",
    "Nodes",
    "generator",
    "rule",
]
