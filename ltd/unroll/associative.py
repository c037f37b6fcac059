"""Parallel in time, for cells that are linear in their state: log T combinations in place of T steps."""

from __future__ import annotations


def associative(cell, inputs, state, plan, valid=None):
    """The cell's own `associate` on the drive of all steps; see `ltd.types.LinearCell`."""
    return cell.associate(cell.kernel(), state, cell.project(inputs), valid, plan.chunk)
