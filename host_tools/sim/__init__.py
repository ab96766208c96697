"""Simulated boards: the genuine firmware on hardware that a test can look at, drive and cut off."""

from __future__ import annotations

from host_tools.sim.board import State
from host_tools.sim.effects import Cut, Effect
from host_tools.sim.pins import Change, Pin
from host_tools.sim.simulated_board import SimulatedBoard
from host_tools.sim.virtual.board import VirtualBoard
from host_tools.sim.virtual.network import Weather
from host_tools.sim.virtual.world import World

__all__ = [
    "Change",
    "Cut",
    "Effect",
    "Pin",
    "SimulatedBoard",
    "State",
    "VirtualBoard",
    "Weather",
    "World",
]
