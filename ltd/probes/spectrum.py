"""`spectrum`: the recurrent blocks themselves, their eigenvalues and how far they are from orthogonal and normal."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

from ltd.cells import recurrent_blocks
from ltd.config import ConfigError
from ltd.linalg import schur, singular_values
from ltd.types import Batch, Curves, Network, Task


def spectrum(model: Network, key: Array, batch: Batch, task: Task | None = None) -> Curves:
    """Eigenvalues, largest modulus and singular value, orthogonality defect and departure from normality (A1.23).

        rho        = max |lambda|                       sigma = |U|_2
        defect     = |U'U - 1|_F / sqrt(H)              0: orthogonal
        departure  = sqrt(|U|_F^2 - sum |lambda|^2)     0: normal, and rho = sigma; the departure of Henrici

    For every square recurrent block of every cell on its own: `U` of an Elman network, `i`, `f`, `o`, `g` of an LSTM,
    `1.f` of the second layer of a stack. All are in the units of the matrix; neither inputs nor states matter. A block
    that is far from normal can let a gradient grow for many steps although rho is below 1.

    Shapes, for each block
        <block>/eigenvalues   [unit, part]   parts: real, imaginary
        <block>/rho, sigma, defect, departure   []

    Raises
        ConfigError  where the network names no recurrent block.

    Source
        Henrici (1962), Numerische Mathematik 4, 24-40, for the departure, by Schur's form.
    """
    blocks = recurrent_blocks(model.net)
    if not blocks:
        name = type(getattr(model.net, "cell", model.net)).__name__
        raise ConfigError(f"{name} names no recurrent block, so there is no spectrum: take jacobian.")
    arrays: dict[str, Array] = {}
    axes: dict[str, tuple[str, ...]] = {}
    for name, U in blocks.items():
        values, departure = schur(U)
        eye = jnp.eye(len(U), dtype=U.dtype)
        product = jnp.matmul(U.T, U, precision="highest")
        arrays |= {
            f"{name}/eigenvalues": values,
            f"{name}/rho": jnp.max(jnp.hypot(values[:, 0], values[:, 1])),
            f"{name}/sigma": singular_values(U)[0],
            f"{name}/defect": jnp.linalg.norm(product - eye) / jnp.sqrt(jnp.asarray(len(U), U.dtype)),
            f"{name}/departure": departure,
        }
        axes |= {f"{name}/{each}": () for each in ("rho", "sigma", "defect", "departure")}
        axes[f"{name}/eigenvalues"] = ("unit", "part")
    return Curves(arrays, axes)


def summary(curves: Curves) -> dict[str, float]:
    """The scalars of every block."""
    return {name: float(array) for name, array in curves.arrays.items() if "/" in name and not curves.axes[name]}


def table(curves: Curves) -> dict[str, np.ndarray]:
    """A row per eigenvalue of every block."""
    found = {n.removesuffix("/eigenvalues"): a for n, a in curves.arrays.items() if n.endswith("/eigenvalues")}
    blocks = np.concatenate([[name] * len(values) for name, values in found.items()])
    real, imaginary = np.concatenate(list(found.values())).T
    return {"block": blocks, "real": real, "imaginary": imaginary}
