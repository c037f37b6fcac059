"""Figures from plain data. Each function returns the figure and a table of exactly what it shows; nothing else changes.

Colours, safe for the colour blind: viridis for rho, Okabe-Ito for names. Widths are a paper's, in inches; type is 8 pt.
"""

from ltd.plots.common import save
from ltd.plots.decay import decay_curves, portrait, slope_against_rho
from ltd.plots.probes import eigenvalues, exponents, looks, memory_curves, unit_shares
from ltd.plots.sweeps import last_losses, sampled_losses, solved_curve, solved_grid
from ltd.plots.tasks import example
from ltd.plots.training import length_curves, solved_map, training_curves

__all__ = [
    "decay_curves",
    "eigenvalues",
    "example",
    "exponents",
    "last_losses",
    "length_curves",
    "looks",
    "memory_curves",
    "portrait",
    "sampled_losses",
    "save",
    "slope_against_rho",
    "solved_curve",
    "solved_grid",
    "solved_map",
    "training_curves",
    "unit_shares",
]
