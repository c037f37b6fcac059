"""The plan `newton`: its iterations, its report, its damping, and what it does where it does not come to rest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltd import launch
from ltd.cells import CELLS, rescale
from ltd.config import Choice, ConfigError
from ltd.model import make_body
from ltd.settings import Plan, Run
from ltd.unroll import reports, unroll

T, B, D = 40, 2, 3


def problem(name="gru_after", hidden=5, rho=None, **options):
    cell = CELLS[name](jax.random.key(0), D, hidden=hidden, **options)
    rescale(cell, rho)
    return cell, 2 * jax.random.normal(jax.random.key(1), (T, B, D), jnp.result_type(float))


def run(cell, inputs, plan):
    """Outputs, the gradient by the inputs, the report."""

    @jax.jit
    def all_of_it(inputs):
        def loss(x):
            return jnp.sum(jnp.sin(unroll(cell, x, cell.initial_state((B,)), plan)[1]))

        with reports() as found:
            outputs = unroll(cell, inputs, cell.initial_state((B,)), plan)[1]
        return outputs, jax.grad(loss)(inputs), found

    outputs, gradient, found = all_of_it(inputs)
    return outputs, gradient, [jax.tree.map(float, report) for report in found]


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("jacobian", ["full", "diagonal"])
@pytest.mark.parametrize("damping", [0.0, 0.3])
def test_every_form_comes_to_the_same_rest(jacobian, damping):
    cell, inputs = problem()
    wanted, gradient, none = run(cell, inputs, Plan("stepwise"))
    assert none == []
    found, its, (report,) = run(cell, inputs, Plan("newton", jacobian=jacobian, damping=damping))
    np.testing.assert_allclose(found, wanted, 0, 1e-9)
    np.testing.assert_allclose(its, gradient, 0, 1e-9)
    assert report.converged == 1 and report.residual < 1e-10
    assert 2 <= report.iterations <= T + 1


@pytest.mark.usefixtures("x64")
def test_newtons_method_needs_few_iterations_and_the_diagonal_more():
    cell, inputs = problem()
    full = run(cell, inputs, Plan("newton"))[2][0].iterations
    diagonal = run(cell, inputs, Plan("newton", jacobian="diagonal"))[2][0].iterations
    assert full < 12 < T and full < diagonal


@pytest.mark.usefixtures("x64")
def test_a_linear_network_needs_one_iteration():
    cell, inputs = problem("elman", activation="linear")
    assert run(cell, inputs, Plan("newton"))[2][0].iterations == 2  # the second finds nothing left to do


@pytest.mark.parametrize("name", ["elman", "lstm"])
def test_what_does_not_come_to_rest_falls_back_and_says_so(name):
    """A chaotic network, and too few iterations: the numbers are those of the loop all the same."""
    cell, inputs = problem(name, hidden=20, rho=3.0, init="gaussian")
    wanted, gradient, _ = run(cell, inputs, Plan("stepwise"))
    found, its, (report,) = run(cell, inputs, Plan("newton", iterations=3))
    assert report.converged == 0 and report.iterations == 3 and report.residual > 1e-3
    np.testing.assert_array_equal(found.shape, wanted.shape)
    np.testing.assert_allclose(found, wanted, 0, 1e-4)
    np.testing.assert_allclose(its, gradient, 1e-3, 1e-3 * float(jnp.max(jnp.abs(gradient))))


def test_gradients_stay_finite_where_products_of_jacobians_overflow():
    """A linear network that grows tenfold a step: in 40 steps its products leave float32, under vmap too."""
    cell, inputs = problem("elman", activation="linear", rho=10.0)
    plan = Plan("newton", iterations=2)

    def last(x, plan):
        return unroll(cell, x, cell.initial_state((B,)), plan)[1][-1, 0, 0] * 1e-38

    lanes = jnp.stack([inputs[:30], 2 * inputs[:30]])
    wanted = jax.vmap(jax.grad(lambda x: last(x, Plan("stepwise"))))(lanes)
    found = jax.vmap(jax.grad(lambda x: last(x, plan)))(lanes)
    assert np.all(np.isfinite(found))
    np.testing.assert_allclose(found, wanted, 1e-3, 1e-3 * float(jnp.max(jnp.abs(wanted))))


@pytest.mark.parametrize("lanes", [False, True])
def test_a_trajectory_that_leaves_the_numbers_is_none_at_rest(lanes):
    """Growing tenfold a step, 60 steps overflow: the report says so, and the outputs are those of the loop."""
    cell, _ = problem("elman", activation="linear", rho=10.0)
    inputs = jax.random.normal(jax.random.key(3), (2, 60, B, D))

    def both(x):
        with reports() as found:
            outputs = unroll(cell, x, cell.initial_state((B,)), Plan("newton"))[1]
        return outputs, unroll(cell, x, cell.initial_state((B,)), Plan("stepwise"))[1], found[0].converged

    found, wanted, converged = jax.vmap(both)(inputs) if lanes else both(inputs[0])
    assert np.all(np.asarray(converged) == 0)
    assert not np.all(np.isfinite(wanted))
    assert not np.any(np.isfinite(np.asarray(found)[..., -5:, :, :]))  # 10^55 is no float32
    live = np.isfinite(wanted) & np.isfinite(found)
    np.testing.assert_allclose(np.asarray(found)[live], np.asarray(wanted)[live], 1e-3)


def test_only_lanes_that_need_it_fall_back():
    """One lane too far from rest after three iterations beside one that is at rest."""
    cell, inputs = problem("elman", hidden=20, rho=1.5, init="gaussian")
    lanes = jnp.stack([inputs, 0 * inputs])

    def run(x):
        with reports() as found:
            outputs = unroll(cell, x, cell.initial_state((B,)), Plan("newton", iterations=3))[1]
        return outputs, found[0].converged

    outputs, converged = jax.jit(jax.vmap(run))(lanes)
    np.testing.assert_array_equal(converged, [0, 1])
    np.testing.assert_allclose(outputs[0], unroll(cell, inputs, cell.initial_state((B,)), Plan("stepwise"))[1], 0, 1e-4)


def test_nets_report_each_unroll_inside():
    net = make_body(Choice("gru_after", {"hidden": 3}), Choice("stacked", {"inner": Choice("bidirectional")}))
    body = net(jax.random.key(0), D)
    inputs = jax.random.normal(jax.random.key(1), (T, B, D))
    with reports() as found:
        unroll(body, inputs, body.initial_state((B,)), Plan("newton"))
    assert len(found) == 4 and all(float(report.converged) == 1 for report in found)
    with reports() as none:
        unroll(body, inputs, body.initial_state((B,)), Plan("chunked"))
    assert none == []


FIELDS = {
    "task.type": "adding/arjovsky2016", "task.length": 10, "cell.type": "elman", "cell.hidden": 8, "train.steps": 4,
    "train.eval_every": 2, "train.batch": 4, "train.eval_batch": 8, "plan.type": "newton",
}  # fmt: skip


def test_a_run_records_iterations_residual_and_fallbacks(tmp_path):
    good, bad = (launch.configure(Run, {**FIELDS, "plan.iterations": n}) for n in (50, 1))
    good, bad = launch.run([good, bad], tmp_path)
    assert good.summary["plan/fallbacks"] == 0 and bad.summary["plan/fallbacks"] == 7  # 4 updates, checks at 0, 2, 4
    assert 1 < good.summary["plan/iterations"] <= 11 and bad.summary["plan/iterations"] == 1
    assert good.summary["plan/residual"] < 1e-4 < bad.summary["plan/residual"]
    assert all("plan/iterations" in row for row in good.metrics())
    assert good.summary["eval/loss"] == pytest.approx(bad.summary["eval/loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"damping": 1.0}, r"damping = 1.0 must lie in \[0, 1\)"),
        ({"iterations": 0}, "iterations = 0 must be a finite number above 0"),
        ({"tolerance": -1e-3}, "tolerance = -0.001 must be a finite number above 0"),
        ({"chunk": 5}, "chunk = 5 has no meaning for the plan newton"),
        ({"type": "chunked", "damping": 0.5}, "damping = 0.5 has no meaning for the plan chunked"),
        ({"type": "stepwise", "chunk": 5}, "chunk = 5 has no meaning for the plan stepwise"),
        ({"unroll": 2}, "unroll = 2 has no meaning for the plan newton"),
        ({"type": "chunked", "unroll": 0}, "unroll = 0 must be a finite number above 0"),
        ({"type": "resident", "unroll": 2}, "unroll = 2 has no meaning for the plan resident"),
        ({"jacobian": "none"}, "must be one of full, diagonal"),
    ],
)
def test_impossible_plans_are_refused(fields, words):
    with pytest.raises(ConfigError, match=words):
        launch.configure(Run, {f"plan.{name}": value for name, value in {"type": "newton", **fields}.items()})
