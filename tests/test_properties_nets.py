"""What defines each net, shown by a minimal experiment."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from sklearn.datasets import load_digits

from ltd.config import Choice
from ltd.launch import configure, lanes_of, probe
from ltd.model import Model, make_body
from ltd.probes import gradient, jacobian
from ltd.settings import Initial, Measure, Plan
from ltd.trees import disassemble
from ltd.types import Batch
from ltd.unroll import unroll


def reach(net, length=40, inputs=2):
    """At which distances an input moves an output: {t - s} over all steps, from the matrices d y_t / d x_s."""
    x = jax.random.normal(jax.random.key(1), (length, 1, inputs))
    middle = length // 2

    def output(x):
        return unroll(net, x, net.initial_state((1,)))[1][middle, 0]

    J = np.asarray(jax.jit(jax.jacrev(output))(x))[:, :, 0]
    return {int(middle - s) for s in np.flatnonzero(np.any(J != 0, axis=(0, 2)))}


@pytest.mark.parametrize(("layers", "past", "ahead"), [(1, 3, 0), (3, 4, 0), (2, 3, 2)])
@pytest.mark.parametrize("memory", ["scalar", "vector"])
def test_fsmn_reaches_exactly_layers_times_taps(layers, past, ahead, memory, key):
    options = {"hidden": 6, "layers": layers, "past": past, "ahead": ahead, "memory": memory, "activation": "tanh"}
    net = make_body(None, Choice("fsmn", options))(key, 2)
    assert reach(net) == set(range(-layers * ahead, layers * past + 1))


def test_a_window_reaches_exactly_its_length(key):
    assert reach(make_body(None, Choice("window", {"past": 7, "hidden": 5}))(key, 2)) == set(range(8))


@pytest.mark.parametrize(("past", "ahead"), [(4, 2), (0, 3), (5, 0)])
def test_a_sliding_window_reaches_exactly_its_ends(past, ahead, key):
    net = make_body(Choice("gru_after", {"hidden": 4}), Choice("sliding_window", {"past": past, "ahead": ahead}))(
        key, 2
    )
    assert reach(net) == set(range(-ahead, past + 1))


FAST = {"xla_backend_optimization_level": 2, "xla_cpu_use_fusion_emitters": True}  # here running is most of it


def trained(body, x, y, updates, learning_rate=1e-2, classes=2):
    """A network trained on x -> y by Adam; the share of right answers on the last third of the sequences."""
    graphdef, params, rest = disassemble(Model(jax.random.key(5), body, classes, False, Initial()))
    cut = 2 * x.shape[1] // 3
    rule = optax.adam(learning_rate)

    def logits(params, x):
        return nnx.merge(graphdef, params, rest)(x)

    def loss(params):
        found = logits(params, x[:, :cut])
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(found, y[:, :cut]))

    @functools.partial(jax.jit, compiler_options=FAST)
    def train(params):
        def update(carry, _):
            params, moments = carry
            moves, moments = rule.update(jax.grad(loss)(params), moments, params)
            return (optax.apply_updates(params, moves), moments), None

        return jax.lax.scan(update, (params, rule.init(params)), length=updates)[0][0]

    return float(jnp.mean(jnp.argmax(logits(train(params), x[:, cut:]), -1) == y[:, cut:]))


def test_two_directions_solve_a_label_of_the_future_and_one_stays_at_chance():
    """The label at t is the bit at t + 3: a fair coin for who only looks back."""
    bits = jax.random.bernoulli(jax.random.key(0), 0.5, (20, 150)).astype(jnp.int32)
    x, y = bits[:17, :, None] * 2.0 - 1, bits[3:, :]
    x = jnp.concatenate([x, bits[17:, :, None] * 2.0 - 1])
    y = jnp.concatenate([y, y[-3:]])  # the last three labels are no future: they repeat
    cell = Choice("gru_after", {"hidden": 12})
    both = trained(make_body(cell, Choice("bidirectional"))(jax.random.key(1), 1), x[:17], y[:17], 300)
    one = trained(make_body(cell, None)(jax.random.key(1), 1), x[:17], y[:17], 300)
    # within the 17 steps shown, the label of the last three cannot be seen by anyone
    assert both > (14 + 3 * 0.5) / 17 - 0.03
    assert abs(one - 0.5) < 0.05


def test_highway_at_depth_900_trains_where_plain_at_20_does_not():
    """8x8 digits, tanh, width 32, Adam, 60 updates on 300 images, equal settings; chance is 0.1.

    Why the plain net fails is where its weights start: with variance kept from layer to layer 20 of them do train.
    """
    digits = load_digits()
    x = jnp.asarray(digits.data[:450] / 16, jnp.float32)[None]
    y = jnp.asarray(digits.target[:450])[None]
    options = {"hidden": 32, "activation": "tanh"}
    deep = make_body(None, Choice("highway", {**options, "depth": 900, "carry_bias": -6.0}))(jax.random.key(1), 64)
    flat = make_body(None, Choice("plain", {**options, "depth": 20}))(jax.random.key(1), 64)
    accuracy = trained(deep, x, y, 60, 5e-3, 10)
    assert accuracy > 0.6, accuracy
    assert trained(flat, x, y, 60, 5e-3, 10) < 0.25
    kept = make_body(None, Choice("plain", {**options, "depth": 20, "init": "variance"}))(jax.random.key(1), 64)
    assert trained(kept, x, y, 60, 5e-3, 10) > 0.5


# ------------------------------------------------------------------------------------------------ probes


def test_the_gradient_along_depth_is_that_of_automatic_differentiation(key):
    """A zero perturbation at every layer of a highway net, and its gradient."""
    with jax.enable_x64(True):
        net = make_body(None, Choice("highway", {"hidden": 5, "depth": 7, "activation": "tanh"}))(key, 2)
        model = Model(key, net, 1, False, Initial())
        x = jax.random.normal(key, (3, 2, 2))
        batch = Batch(x, x[..., 0], jnp.ones((3, 2), bool), None)

        class Sum:
            def loss(self, outputs, batch):
                return jnp.sum(outputs**2)

        curves = gradient(model, key, batch, Sum())

        def perturbed(bumps):
            y = net.first(x)
            for i in range(7):
                y = net.layer([w[i] for w in net.layers()], y) + bumps[i]
            return Sum().loss(model.readout(y), batch)

        found = jax.grad(perturbed)(jnp.zeros((7, 3, 2, 5)))
        wanted = np.log10(np.linalg.norm(found, axis=-1)).reshape(7, 6)[::-1]
        # lag 0 is the activity of the last layer
        np.testing.assert_allclose(curves["adjoint_log10"], wanted, atol=1e-9)
        J = jacobian(model, key, batch)["jacobian_log10"]
        assert J.shape == (7, 6) and np.all(J[0] == 0)


def test_depth_keeps_what_the_carry_gate_keeps(key):
    """Gates nearly shut: the gradient at depth 200 is what entered; a plain net has lost it."""
    fields = {"probe": "jacobian", "length": 2, "batch": 1, "net.hidden": 8, "net.depth": 200, "net.activation": "tanh"}
    kept, lost = (
        probe(lanes_of(configure(Measure, {**fields, **more}), [None], 1))[0]["jacobian_log10"][-1]
        for more in ({"net.type": "highway", "net.carry_bias": -9.0}, {"net.type": "plain"})
    )
    assert np.all(np.abs(kept) < 0.1) and np.all(lost < -1)


@pytest.mark.parametrize("name", ["gradient", "jacobian"])
def test_a_net_that_sees_the_future_is_probed_by_its_inputs(name, key):
    with jax.enable_x64(True):
        body = make_body(Choice("elman", {"hidden": 3}), Choice("bidirectional"))(key, 2)
        model = Model(key, body, 1, False, Initial())
        x = jax.random.normal(key, (9, 2, 2))
        valid = jnp.ones((9, 2), bool).at[6:, 1].set(False)
        batch = Batch(x, x[..., 0], jnp.zeros((9, 2), bool), valid)

        def last(x, n):
            end = 9 if n == 0 else 6
            return unroll(body, x[:end, n : n + 1], body.initial_state((1,)))[1][-1, 0]

        curves = (jacobian if name == "jacobian" else gradient)(model, key, batch)
        for n, end in ((0, 9), (1, 6)):
            J = np.asarray(jax.jacrev(last)(x, n))[:, :end, n]  # [W, T, D]
            if name == "jacobian":
                wanted = [np.linalg.norm(J[:, end - 1 - k], 2) for k in range(end)]
                found = 10 ** np.asarray(curves["jacobian_log10"][:end, n])
                np.testing.assert_allclose(found, wanted, 1e-9)
            else:
                assert np.all(np.isfinite(curves["adjoint_log10"][:end, n]))
            assert np.all(np.isnan(curves["jacobian_log10" if name == "jacobian" else "adjoint_log10"][end:, n]))


def test_a_window_forgets_at_once_and_the_probe_says_exactly_zero(key):
    body = make_body(None, Choice("window", {"past": 3, "hidden": 4}))(key, 1)
    x = jax.random.normal(key, (10, 1, 1))
    batch = Batch(x, x[..., 0], jnp.zeros((10, 1), bool), None)
    curve = jacobian(Model(key, body, 1, False, Initial()), key, batch)["jacobian_log10"][:, 0]
    np.testing.assert_array_equal(curve[:3], 0)  # the buffer moves on unchanged
    assert np.all(np.isneginf(curve[3:]))
    assert Plan().type == "chunked"
