"""Sweeps: a W&B sweep file becomes configs, configs become groups, a group the lanes of one compiled program."""

from ltd.sweep.lanes import SMALL, over_lanes, places, shares, stack, vectorised

__all__ = ["SMALL", "over_lanes", "places", "shares", "stack", "vectorised"]
