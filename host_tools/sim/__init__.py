"""Simulated boards: the genuine firmware on hardware that a test can look at, drive and cut off."""

from __future__ import annotations

from host_tools.sim.board import State
from host_tools.sim.pins import Change, Pin
from host_tools.sim.simulated_board import SimulatedBoard

__all__ = ["Change", "Pin", "SimulatedBoard", "State"]
