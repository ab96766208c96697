"""The scenarios that are shipped, for ``wakecall torture``."""

from __future__ import annotations

import difflib

from host_tools.errors import ExitCode, WakecallError
from host_tools.sim.scenarios.delivery import DELIVERY
from host_tools.sim.scenarios.target import TARGET
from host_tools.sim.virtual.crash_points import Scenario

SCENARIOS = {scenario.name: scenario for scenario in (TARGET, *DELIVERY)}


def find(name: str) -> Scenario:
    """Return a scenario by its name.

    Raises:
        WakecallError: There is none (NOT_FOUND).
    """
    if name not in SCENARIOS:
        near = difflib.get_close_matches(name, SCENARIOS, n=1)
        suggestion = f"did you mean {near[0]}? " if near else ""
        raise WakecallError(
            f"there is no scenario {name!r}",
            code=ExitCode.NOT_FOUND,
            hint=f"{suggestion}Shipped: {', '.join(SCENARIOS)}",
        )
    return SCENARIOS[name]
