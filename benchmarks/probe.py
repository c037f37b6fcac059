"""The `jacobian` probe against the way it is written by hand: a step Jacobian row by row from autograd.

    python -m benchmarks.probe [--length 1000] [--hidden 64] [--repeats N] [--out FILE]

Both take one Elman network on one sequence and give, for every lag, 2-norm, Frobenius norm and all singular values of
the product of step Jacobians, in float64. By hand: for each of T steps H calls of torch.autograd.grad, one product for
each lag, and one batched SVD. Ours is the compiled probe (its compilation is a row of its own), which also keeps norms
below 1e-308. Theirs is measured once, since it is long.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.profile import shares
from benchmarks.step import circumstances, row, time_in_turn, write
from ltd import runtime

INPUTS, AT_MOST = 2, 0.01


def network(length: int, hidden: int) -> tuple[Any, Any]:
    """A model and a batch of one sequence."""
    import jax

    from ltd.config import Choice
    from ltd.model import make_model
    from ltd.settings import Run
    from ltd.types import Batch

    class Sizes:
        inputs, outputs, tokens = INPUTS, 1, False

    run = Run(cell=Choice("elman", {"hidden": hidden}), rho=1.0)
    model = make_model(run, Sizes())(jax.random.key(0), run.rho, run.sigma)
    inputs = jax.random.normal(jax.random.key(1), (length, 1, INPUTS))
    return model, Batch(inputs, inputs[..., :1], inputs[..., 0] == 0, None)


def ours(model: Any, batch: Any) -> tuple[Any, float]:
    """The compiled probe, and the seconds that compiling it took."""
    import jax
    from flax import nnx

    from ltd.probes.jacobian import jacobian
    from ltd.trees import disassemble

    graphdef, params, rest = disassemble(model)
    began = time.perf_counter()
    program = jax.jit(lambda p, b: jacobian(nnx.merge(graphdef, p, rest), jax.random.key(0), b).arrays)
    program = program.lower(params, batch).compile()
    return lambda: program(params, batch), time.perf_counter() - began


def by_hand(model: Any, batch: Any) -> dict[str, np.ndarray]:
    """The same by torch."""
    import torch

    cell, H = model.net, model.net.U[...].shape[0]
    W, U, b = (torch.tensor(np.asarray(w[...]), dtype=torch.float64) for w in (cell.W, cell.U, cell.b))
    x = torch.tensor(np.asarray(batch.inputs), dtype=torch.float64)
    h, steps = torch.zeros(1, H, dtype=torch.float64), []
    for t in range(len(x)):
        old = h.detach().requires_grad_()
        new = torch.tanh(x[t] @ W + old @ U + b)
        rows = [torch.autograd.grad(new[0, i], old, retain_graph=True)[0][0] for i in range(H)]
        steps.append(torch.stack(rows))
        h = new
    products = [torch.eye(H, dtype=torch.float64)]
    for J in reversed(steps[1:]):
        products.append(products[-1] @ J)
    M = torch.stack(products)
    values = torch.linalg.svdvals(M)
    frobenius = torch.linalg.matrix_norm(M)
    found = {"jacobian_log10": values[:, 0], "frobenius_log10": frobenius, "singular_log10": values}
    return {name: value.log10().numpy() for name, value in found.items()}


def measure(length: int, hidden: int, repeats: int) -> list[dict[str, Any]]:
    """The row of the comparison, and that of the compilation."""
    model, batch = network(length, hidden)
    probe, compiling = ours(model, batch)
    seconds = time_in_turn({"ours": probe}, repeats)["ours"]
    peers = {}
    if find_spec("torch"):
        by_hand(*network(2, hidden))  # what is done once is done now
        began = time.perf_counter()
        theirs = by_hand(model, batch)
        peers["torch.autograd.grad, row by row"] = time.perf_counter() - began
        mine = np.asarray(probe()["jacobian_log10"])[:, 0]
        np.testing.assert_allclose(mine[: len(theirs["jacobian_log10"])], theirs["jacobian_log10"], atol=1e-6)
    case, around = f"elman T={length} B=1 H={hidden}, all lags, float64", circumstances()
    compared = row("P4: the jacobian probe", case, seconds, peers, "s", around, {"ratio": AT_MOST})
    compared["profile"] = shares(probe) if compared["met"] is False else None
    return [compared, row("P4: compiling it", case, compiling, {}, "s", around)]


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=1000)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="default benchmarks/results/MACHINE_probe.json")
    given = parser.parse_args(words)
    runtime.start()
    with runtime.precision("float64"):
        rows = measure(given.length, given.hidden, given.repeats)
    for found in rows:
        print(f"{found['goal']}, {found['case']}: {found['ours']:.3f} s, {found['peers']}, ratio {found['ratio']}")
    print(f"written: {write(rows, 'probe', given.out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
