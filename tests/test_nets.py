"""Every net against its twin, every plan against the loop, nested, padded, from the command line."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from experiments.cli import main
from harness import assert_close, builder, by_plan, case, compiled, directions, first_of_each, gradients, inner, plan_of
from ltd import launch
from ltd.cells import cells_of, recurrent_blocks, width_of
from ltd.config import Choice, ConfigError
from ltd.model import Model, load, make_body, make_model, make_task
from ltd.nets import NETS
from ltd.nets.base import delays
from ltd.probes import PROBES
from ltd.probes.gradient import gradient, parts
from ltd.settings import Initial, Plan, Run, body_of
from ltd.trees import disassemble
from ltd.types import Batch, Net
from ltd.unroll import plans_of, unroll
from tables.nets import NET_ROWS

T, B, D, H = 12, 2, 3, 4


@pytest.fixture(params=NET_ROWS, ids=str)
def row(request):
    return request.param


@functools.cache
def sketch(row):
    return nnx.eval_shape(lambda: row.build(jax.random.key(0), D, H))


BY_PLAN = by_plan(NET_ROWS)
COARSE = first_of_each(NET_ROWS)


def test_every_net_has_a_row():
    assert set(NETS) <= {row.name for row in COARSE}


def test_a_net_says_what_it_is(row):
    net = sketch(row)
    assert isinstance(net, Net)
    assert width_of(net) == row.width(H)
    assert net.causal == row.causal
    assert set(plans_of(net)) - {"resident"} == {row.reference, *row.plans}
    assert parts(net.initial_state((B,))) == list(row.fields)
    assert all(leaf.shape[:2] == (5, B) for leaf in jax.tree.leaves(net.initial_state((5, B))))


def test_number_of_parameters(row):
    for inputs, hidden in [(D, H), (1, 6)]:
        net = nnx.eval_shape(lambda i=inputs, h=hidden: row.build(jax.random.key(0), i, h))
        count = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(net, nnx.Param)))
        assert count == row.parameters(inputs, hidden)


@pytest.mark.usefixtures("x64")
def test_against_oracle(row, key):
    c = case(row, key)
    net = nnx.merge(c.graphdef, c.params, c.rest)
    final, outputs = compiled(functools.partial(c.run, Plan(row.reference)))(*c.arguments)
    state = [np.asarray(leaf) for leaf in jax.tree.leaves(c.state)]
    wanted_final, wanted = row.oracle(row.numpy_weights(net), np.asarray(c.inputs), state)
    assert outputs.dtype == np.float64
    np.testing.assert_allclose(outputs, wanted, 1e-10, 1e-10)
    for found, part in zip(jax.tree.leaves(final), wanted_final, strict=True):
        np.testing.assert_allclose(found, part, 1e-10, 1e-10)


@pytest.mark.parametrize(("row", "plan"), BY_PLAN)
def test_every_plan_has_the_same_gradients(row, plan):
    wanted = gradients(row, True, Plan(row.reference), True)
    assert np.all([np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(wanted)])
    *_, (_, (d_params, d_inputs, d_state)) = wanted
    assert np.all([np.any(leaf) for leaf in (*jax.tree.leaves(d_params), d_inputs, *row.moving(d_state))])
    assert_close(gradients(row, True, plan_of(plan, 5), True), wanted, 1e-9)


@pytest.mark.parametrize(("row", "plan"), by_plan(COARSE, "newton"))
def test_every_plan_has_the_same_gradients_for_lanes_in_single_precision(row, plan):
    assert_close(gradients(row, False, plan_of(plan, 5), True), gradients(row, False, Plan(row.reference), True), 1e-4)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("row", COARSE, ids=str)
def test_gradients_against_finite_differences(row, key):
    c = case(row, key)
    gradient = gradients(row, True, Plan(row.reference), True)[-1][1]
    lines = directions(c.arguments, jax.random.key(7))

    @compiled
    @functools.partial(jax.vmap, in_axes=(None, 0))
    def along(arguments, line):
        def loss(step):
            return c.loss(Plan(row.reference), *jax.tree.map(lambda a, d: a + step * d, arguments, line), c.valid)

        return (loss(1e-5) - loss(-1e-5)) / 2e-5

    reverse = jax.vmap(functools.partial(inner, gradient))(lines)
    seen = np.abs(reverse) > 1e-7  # no gradient reaches a clock
    assert np.sum(~seen) == len(jax.tree.leaves(c.state)) - len(row.moving(c.state))
    np.testing.assert_allclose(along(c.arguments, lines)[seen], reverse[seen], 1e-6, 1e-7)


def test_steps_that_are_not_valid_do_nothing(row):
    """What stands there does not matter: not to the state, not to the gradient, not to either direction."""
    reference = Plan(row.reference)
    with jax.enable_x64(True):
        c = case(row, jax.random.key(0))
        padding = ~np.asarray(c.valid)
        alone, run = [], compiled(functools.partial(c.run, reference))
        for n in range(B):
            short = np.asarray(c.inputs)[~padding[:, n], n : n + 1]
            state = jax.tree.map(lambda leaf, n=n: leaf[n : n + 1], c.state)
            alone.append(jax.device_get(run(c.params, jnp.asarray(short), state)))
    for plan in [reference, *(plan_of(name, 5) for name in row.plans if name != "newton" or row in COARSE)]:
        final, outputs, (_, (_, d_inputs, _)) = gradients(row, True, plan, True)
        assert not np.any(d_inputs[padding])
        for n, (wanted, out) in enumerate(alone):
            assert_close(jax.tree.map(lambda leaf, n=n: leaf[n : n + 1], final), wanted, 1e-11)
            np.testing.assert_allclose(outputs[~padding[:, n], n], out[:, 0], 1e-11, 1e-11)


@pytest.mark.parametrize("row", COARSE, ids=str)
def test_vmap_over_seeds_builds_the_same_nets(row, key):
    keys = jax.random.split(key, 3)
    make = builder(row, False)
    together = compiled(jax.vmap(lambda k: nnx.state(row.build(k, D, H), nnx.Param)))(keys)
    for i, k in enumerate(keys):
        assert_close(jax.tree.map(lambda leaf, i=i: leaf[i], together), make(k)[1], 1e-6)
    assert any(not np.allclose(leaf[0], leaf[1]) for leaf in jax.tree.leaves(together))


@pytest.mark.parametrize("row", COARSE, ids=str)
def test_one_program_per_shape(row):
    traces = []

    def run(net, inputs):
        traces.append(inputs.shape)
        return unroll(net, inputs, net.initial_state((B,)))[1]

    run = nnx.jit(run)
    for seed in range(3):
        run(row.build(jax.random.key(seed), D, H), jnp.full((T, B, D), float(seed)))
    assert len(traces) == 1


@pytest.mark.parametrize(("ahead", "holes"), [(0, False), (2, False), (0, True), (3, True)])
def test_delays_against_lists(ahead, holes, key):
    length, past = 7, 3
    sequence = np.asarray(jax.random.normal(key, (length, B, 2)))
    buffer = np.asarray(jax.random.normal(jax.random.key(1), (B, past, 2)))
    valid = np.ones((length, B), bool)
    if holes:
        valid[[1, 2, 6], 0] = False
        valid[[0, 4], 1] = False
    found, last = delays(jnp.asarray(sequence), jnp.asarray(buffer), jnp.asarray(valid) if holes else None, ahead)
    for n in range(B):
        real = np.flatnonzero(valid[:, n])
        line = [*buffer[n], *sequence[real, n], *np.zeros((ahead, 2))]
        for i, t in enumerate(real):
            for k in range(past + 1):
                np.testing.assert_array_equal(found[k][t, n], line[past + i - k])
            for j in range(1, ahead + 1):
                np.testing.assert_array_equal(found[past + j][t, n], line[past + i + j])
        np.testing.assert_array_equal(last[n], line[len(real) : len(real) + past])


# ------------------------------------------------------------------------------------------------ nested nets


def test_blocks_and_cells_of_nested_nets_have_dotted_names(key):
    net = make_body(Choice("lstm", {"hidden": H}), Choice("stacked", {"inner": Choice("bidirectional")}))(key, D)
    assert list(cells_of(net)) == ["0.forward", "0.backward", "1.forward", "1.backward"]
    assert list(recurrent_blocks(net))[:5] == [
        "0.forward.i",
        "0.forward.f",
        "0.forward.o",
        "0.forward.g",
        "0.backward.i",
    ]
    task = make_task(Choice("adding/arjovsky2016", {"length": 6}))
    build = make_model(Run(cell=Choice("elman", {"hidden": H}), net=Choice("stacked")), task)
    for block in recurrent_blocks(build(key, 0.7).net).values():
        assert np.max(np.abs(np.linalg.eigvals(block))) == pytest.approx(0.7, rel=1e-4)


NESTED = {
    "net.type": "stacked",
    "net.layers": 2,
    "net.inner.type": "bidirectional",
    "cell.type": "lstm",
    "cell.hidden": 3,
    "task.type": "adding/arjovsky2016",
    "task.length": 6,
    "train.steps": 4,
    "train.eval_every": 2,
    "train.batch": 4,
    "train.eval_batch": 8,
}


def test_nets_nest_in_the_settings_and_come_back_from_the_ledger(tmp_path):
    one = launch.configure(Run, NESTED)
    assert one.net.options["inner"] == Choice("bidirectional", {"inner": None})
    (record,) = launch.run([one], tmp_path)
    assert body_of(record.config) == "stacked(bidirectional(lstm))"
    model, again, task = load(tmp_path / record.digest)
    assert again == one
    assert model.V.shape == (6, 1)
    outputs = model(task.sample(jax.random.key(0), 4).inputs)
    assert outputs.shape == (6, 4, 1) and np.all(np.isfinite(outputs))
    assert launch.run([one], tmp_path)[0].times == record.times  # not repeated
    assert main(["probe", "gradient", f"--run={record.folder}", "--batch=2", f"--out={tmp_path / 'probe'}"]) == 0
    (lane,) = json.loads((tmp_path / "probe/summary.json").read_text())["lanes"]
    assert lane["cell"] == "stacked(bidirectional(lstm))"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"net": "stakced"}, "no net 'stakced'; known: window, .*Did you mean 'stacked'"),
        ({"net.type": "stacked", "net.layers": 0}, "net: layers = 0 must be at least 1"),
        ({"net.type": "stacked", "net.dropout": 1.0}, r"net: dropout = 1.0 must lie in \[0, 1\)"),
        ({"net.type": "stacked", "net.inner": "bidirectonal"}, "no net 'bidirectonal'.*Did you mean 'bidirectional'"),
        ({"net.type": "stacked", "net.inner.layer": 2}, "net.inner = .* must name its type"),
        ({"net.type": "bidirectional", "net.layers": 2}, r"no field 'net\.layers'"),
        ({"net.type": "highway", "cell.type": "lstm"}, "net 'highway' is not made of cells: leave --cell out"),
        ({"net.type": "highway", "net.activation": "srelu"}, "activation = 'srelu' learns numbers of its own"),
        ({"net.type": "fsmn", "net.ahead": -1}, "ahead = -1 must not be below 0"),
        ({"net.type": "fsmn", "net.ahead": 2, "plan": "stepwise"}, "plan 'stepwise' does not fit the form of FSMN"),
        ({"net.type": "sliding_window", "net.past": -1}, "past = -1 must not be below 0"),
        ({"net.type": "window", "net.past": 0}, "past = 0 must be at least 1"),
        ({"net": "stacked", "cell.type": "elman", "plan": "associative"}, "plan 'associative' does not fit"),
        ({"net": "builtins:dict"}, "net 'builtins:dict' has no method initial_state: a net offers"),
        ({"net.type": "highway", "rho": 0.9}, "Highway names no recurrent block"),
    ],
)  # fmt: skip
def test_impossible_nets_are_refused(fields, words):
    with pytest.raises(ConfigError, match=words):
        launch.check_run(launch.configure(Run, fields))


def test_a_stack_of_nets_that_are_deep_is_stepped_and_probed(key):
    body = make_body(None, Choice("stacked", {"inner": Choice("highway", {"depth": 3, "hidden": 4})}))(key, 2)
    x = jax.random.normal(key, (6, 2, 2))
    loop, whole = (unroll(body, x, body.initial_state((2,)), Plan(plan))[1] for plan in ("stepwise", "chunked"))
    np.testing.assert_allclose(loop, whole, 0, 1e-6)
    batch = Batch(x, x[..., 0], jnp.ones((6, 2), bool), None)
    model = Model(key, body, 1, False, Initial())
    for name in ("gradient", "jacobian"):
        assert all(len(array) == 6 for array in PROBES[name](model, key, batch).arrays.values())
    for name in ("lyapunov", "memory", "saturation"):
        with pytest.raises(ConfigError, match="needs a state between steps, and Stacked has none"):
            PROBES[name](model, key, batch)


def test_dropout_between_layers_needs_a_key_and_keeps_the_mean(key):
    body = make_body(Choice("elman", {"hidden": 200}), Choice("stacked", {"dropout": 0.4}))(key, D)
    inputs = jax.random.normal(key, (T, B, D))
    state = body.initial_state((B,))
    plain = unroll(body, inputs, state)[1]
    np.testing.assert_array_equal(plain, unroll(body, inputs, state)[1])
    assert not np.allclose(plain, unroll(body, inputs, state, key=key)[1])
    ones = jnp.ones((400, B, 200))
    kept = body.between(0, jnp.zeros((1,)), ones, key)
    assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / 0.6)}
    assert np.mean(kept) == pytest.approx(1, abs=0.01)
    np.testing.assert_array_equal(body.between(1, jnp.zeros((1,)), ones, key), ones)  # nothing above the top


def test_dropout_acts_in_training_and_not_in_evaluation():
    fields = {**NESTED, "net.inner.type": None, "net.dropout": 0.5}
    fields.pop("net.inner.type")
    one = launch.configure(Run, fields)
    task = make_task(one.task)
    model = make_model(one, task)(jax.random.key(0))
    batch = task.sample(jax.random.key(1), 4)
    assert not np.allclose(model(batch.inputs, key=jax.random.key(2)), model(batch.inputs))
    graphdef, params, rest = disassemble(model)
    grads = jax.grad(lambda p: task.loss(nnx.merge(graphdef, p, rest)(batch.inputs, key=jax.random.key(2)), batch))(
        params
    )
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(grads))


DEEP_TWO_WAYS = "stacked(bidirectional(lstm))"


@pytest.mark.parametrize("name", ["gradient", "jacobian"])
@pytest.mark.parametrize(
    ("net", "body", "axis"),
    [
        (
            "--net.type=stacked --net.inner.type=bidirectional --cell.type=lstm --cell.hidden=3",
            "stacked(bidirectional(lstm))",
            "lag",
        ),
        ("--net.type=stacked --cell.type=gru_after --cell.hidden=3", "stacked(gru_after)", "lag"),
        ("--net.type=highway --net.hidden=4 --net.depth=9", "highway", "layer"),
        ("--net.type=fsmn --net.hidden=4 --net.past=3", "fsmn", "lag"),
    ],
)
def test_nets_are_probed_from_the_command_line(name, net, body, axis, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["probe", name, *net.split(), "--length=8", "--batch=2", "--out=out"]) == 0
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert [lane["cell"] for lane in summary["lanes"]] == [body]
    curve = {"gradient": "adjoint_log10", "jacobian": "jacobian_log10"}[name]
    assert summary["axes"][curve] == ["lane", axis, "sample"]
    assert (tmp_path / "out/decay.png").exists()
    assert body in capsys.readouterr().out


def test_a_stack_is_probed_layer_by_layer(key):
    """The costate has a part for every layer's state, and the top one is what a cell on the same inputs would have."""
    body = make_body(Choice("elman", {"hidden": 3}), Choice("stacked"))(key, 2)
    x = jax.random.normal(key, (10, 2, 2))
    batch = Batch(x, x[..., 0], jnp.ones((10, 2), bool), None)

    class Sum:
        def loss(self, outputs, batch):
            return jnp.sum(outputs)

    whole = gradient(Model(key, body, 1, False, Initial()), key, batch, Sum())
    assert set(whole.arrays) == {"adjoint_log10", "adjoint_0.h_log10", "adjoint_1.h_log10"}
    below = unroll(body.layers[0], x, body.layers[0].initial_state((2,)))[1]
    top = gradient(Model(key, body.layers[1], 1, False, Initial()), key, batch._replace(inputs=below), Sum())
    np.testing.assert_allclose(whole["adjoint_1.h_log10"], top["adjoint_log10"], atol=1e-4)
