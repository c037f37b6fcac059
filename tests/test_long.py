"""Plans that go parallel in time, over more steps than the tables have: values and gradients are those of the loop."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from harness import compiled
from ltd.cells import CELLS
from ltd.settings import Plan
from ltd.unroll import reports, unroll

T, B, D, H = 400, 2, 2, 6
LINEAR = {
    "lru": {}, "s5": {"state": 8}, "min_gru": {}, "min_lstm": {}, "mlstm": {"heads": 2}, "scrn": {}, "lt_rnn": {},
    "lstm1997": {"connectivity": "B"},
}  # fmt: skip
NONLINEAR = ("elman", "lstm", "gru_before", "gru_after", "lem", "slstm")


def both(name, options, plan):
    cell = CELLS[name](jax.random.key(0), D, hidden=H, **options)
    inputs = jax.random.normal(jax.random.key(1), (T, B, D), jnp.result_type(float))
    valid = jax.random.bernoulli(jax.random.key(2), 0.9, (T, B))

    @functools.partial(jax.value_and_grad, has_aux=True)
    def run(inputs, plan):
        with reports() as found:
            outputs = unroll(cell, inputs, cell.initial_state((B,)), plan, valid)[1] * valid[..., None]
        return jnp.sum(jnp.sin(outputs)), (outputs, [report.converged for report in found])

    return compiled(lambda x: (run(x, Plan("stepwise")), run(x, plan)))(inputs)


@pytest.mark.parametrize(
    ("name", "options", "plan"),
    [
        *((name, options, Plan("associative")) for name, options in LINEAR.items()),
        *((name, {}, Plan("newton")) for name in NONLINEAR),
        ("gru_after", {}, Plan("newton", jacobian="diagonal", damping=0.1)),
    ],
    ids=str,
)
def test_four_hundred_steps(name, options, plan):
    """In single precision, and one of each kind in double."""
    for double in (False, True) if name in ("lru", "mlstm", "lstm") else (False,):
        four_hundred_steps(name, options, plan, double)


def four_hundred_steps(name, options, plan, double):
    with jax.enable_x64(double):
        ((_, (wanted, _)), gradient), ((_, (found, converged)), its) = jax.device_get(both(name, options, plan))
    assert all(each == 1 for each in converged) and len(converged) == (plan.type == "newton")
    tolerance = 1e-9 if double else 1e-4
    np.testing.assert_allclose(found, wanted, 0, tolerance * max(1, float(np.max(np.abs(wanted)))))
    np.testing.assert_allclose(its, gradient, 0, tolerance * max(1, float(np.max(np.abs(gradient)))))
