"""Training: pure, repeatable, its outcomes recorded, its clips and policies what their names say."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ltd import config, launch, optimizers, work
from ltd.block import fit
from ltd.model import make_task
from ltd.settings import Optimizer, Run
from ltd.train import DIVERGED, RUNNING, SOLVED, Trainer, make_train, success_rule
from ltd.types import Success

SMALL = {
    "task": {"type": "copy/arjovsky2016", "gap": 3, "pattern": 1, "symbols": 2},
    "cell": {"type": "elman", "hidden": 8},
    "train": {"steps": 40, "batch": 8, "eval_every": 10, "eval_batch": 16},
    "optimizer": {"type": "sgd", "learning_rate": 0.1},
}


def run_of(**fields):
    return launch.configure(Run, {**SMALL, **fields})


def trained(one, lanes=None):
    lanes = lanes or [config.split(one)[1]]
    return fit(one, make_task(one.task), lanes)


def leaves(lane):
    return jax.tree.leaves(lane.params)


def test_same_config_same_curve():
    one = run_of()
    first, second = trained(one)[0], trained(one)[0]
    assert first.records == second.records
    other = trained(dataclasses.replace(one, seed=1))[0]
    assert other.records != first.records


def test_training_is_a_pure_function_of_its_traced_fields():
    """`make_train` under one jit equals the chunked driver, and reads the traced fields, not the settings."""
    one = run_of()
    train = make_train(one, make_task(one.task))
    moving = {**config.split(one)[1], "seed": 3, "optimizer.learning_rate": 0.02}
    state, curves = jax.jit(train)({k: jnp.asarray(v) for k, v in moving.items()})
    (lane,) = trained(one, [moving])
    np.testing.assert_allclose(curves["eval/loss"], [r["eval/loss"] for r in lane.records[1:]], rtol=1e-5)
    for a, b in zip(jax.tree.leaves(state.params), leaves(lane), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


BIG = {
    "padded": {"task": {"type": "adding/hochreiter1997", "length": 20}},
    "learned start, clip": {
        "initial": {"type": "learned"},
        "optimizer": {"type": "adam", "learning_rate": 0.01, "clip_norm": 0.1},
    },
    "forced": {"task": {"type": "adding/arjovsky2016", "length": 10}, "cell": {"type": "lstm", "hidden": 8}},
}


@pytest.mark.parametrize("fields", BIG.values(), ids=BIG)
def test_a_batch_spread_over_devices_gives_the_same_run(fields, tmp_path):
    one = run_of(**fields)
    (whole,) = launch.run([one], tmp_path / "one")
    (spread,) = launch.run([one], tmp_path / "two", mesh=2)
    for a, b in zip(whole.metrics(), spread.metrics(), strict=True):
        assert a.keys() == b.keys()
        for name, value in a.items():
            np.testing.assert_allclose(b[name], value, rtol=1e-4, atol=1e-6, err_msg=f"{name} at {a['update']}")


@pytest.mark.parametrize(
    ("mesh", "fields", "said"),
    [
        (3, {}, "there are 2 devices"),
        (2, {"train": {**SMALL["train"], "batch": 7}}, "must divide train.batch = 7"),
        (2, {"plan": {"type": "newton"}}, "plan newton"),
        (2, {"gradient": {"type": "rtrl"}}, "gradient rtrl"),
    ],
)
def test_a_mesh_that_cannot_be_is_refused(mesh, fields, said):
    with pytest.raises(config.ConfigError, match=said):
        launch.check_run(run_of(**fields), mesh=mesh)


LARGE = {"task": {"type": "adding/arjovsky2016", "length": 100}, "cell": {"type": "lstm", "hidden": 64}}
LARGE["train"] = {"steps": 4, "batch": 32, "eval_every": 2, "eval_batch": 16}


@pytest.mark.parametrize(
    ("fields", "runs", "devices"),
    [
        ({}, 1, 2),
        ({}, 2, 1),  # lanes keep the cores busy
        ({"train": {**LARGE["train"], "batch": 31}}, 1, 1),
        ({"train": {**LARGE["train"], "batch": 2}}, 1, 1),
        ({"cell": {"type": "lstm", "hidden": 512}}, 1, 1),  # each core would read 4 MB of weights at every step
        ({"task": {"type": "adding/arjovsky2016", "length": 4}, "cell": {"type": "lstm", "hidden": 4}}, 1, 1),
        ({"initial": {"type": "noise", "value": 0.1}}, 1, 1),
        ({"net": {"type": "stacked", "dropout": 0.5}}, 1, 1),
        ({"plan": {"type": "newton"}}, 1, 1),
        ({"gradient": {"type": "rtrl"}}, 1, 1),
    ],
)
def test_a_large_run_that_is_alone_is_spread_over_the_cores(fields, runs, devices):
    one = launch.configure(Run, {**LARGE, **fields})
    assert work.spread(Trainer(one, make_task(one.task)), runs) == devices


def test_a_run_alone_and_a_run_on_one_device_are_the_same(tmp_path):
    one = launch.configure(Run, LARGE)
    (whole,) = launch.run([one], tmp_path / "one", mesh=1)
    (spread,) = launch.run([one], tmp_path / "alone")
    for a, b in zip(whole.metrics(), spread.metrics(), strict=True):
        for name, value in a.items():
            np.testing.assert_allclose(b[name], value, rtol=1e-4, atol=1e-6, err_msg=f"{name} at {a['update']}")


def test_a_lane_equals_the_run_alone():
    one = run_of(rho=1.0)
    lanes = [{**config.split(one)[1], "seed": s, "rho": r} for s in (0, 5) for r in (0.5, 1.5)]
    together = trained(one, lanes)
    (alone,) = trained(one, [lanes[2]])
    np.testing.assert_allclose(
        [r["eval/loss"] for r in together[2].records[:3]], [r["eval/loss"] for r in alone.records[:3]], rtol=1e-5
    )


def test_a_diverged_run_is_recorded_at_its_update_and_the_others_are_unchanged():
    one = run_of()
    base = config.split(one)[1]
    calm = [{**base, "seed": s} for s in (0, 1, 2)]
    wild = [calm[0], {**calm[1], "optimizer.learning_rate": 1e6}, calm[2]]
    without, with_one = trained(one, calm), trained(one, wild)
    assert [lane.summary["status"] for lane in with_one] == ["finished", "diverged", "finished"]
    assert with_one[1].summary["diverged_at"] == 1, "the first update blows the weights up, the second sees it"
    for i in (0, 2):
        assert with_one[i].records == without[i].records
        for a, b in zip(leaves(with_one[i]), leaves(without[i]), strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(with_one[1].records) == 2, "a frozen lane writes no further records"


def test_a_loss_above_ten_thousand_times_blind_has_diverged(monkeypatch):
    one = run_of(optimizer={"type": "sgd", "learning_rate": 0.1})
    import ltd.train as module

    monkeypatch.setattr(module, "BLOWN", 1e-3)
    (lane,) = trained(one)
    assert lane.summary["diverged_at"] == 0


def test_clip_bounds_the_gradient_that_is_applied():
    free = trained(run_of())[0]
    clipped = trained(run_of(optimizer={**SMALL["optimizer"], "clip_norm": 0.01}))[0]
    after = [r["train/grad_norm_clipped"] for r in clipped.records[1:]]
    before = [r["train/grad_norm"] for r in clipped.records[1:]]
    assert max(after) <= 0.01 * (1 + 1e-5) < min(before)
    assert any(not np.allclose(a, b) for a, b in zip(leaves(free), leaves(clipped), strict=True))
    untouched = [(r["train/grad_norm"], r["train/grad_norm_clipped"]) for r in free.records[1:]]
    assert all(a == pytest.approx(b, rel=1e-5) for a, b in untouched), "a clip that does nothing shows"


def clip(grads, **thresholds):
    link = optimizers.clips(Optimizer(**thresholds))
    return link.update(grads, link.init(grads), grads)[0]


def test_clip_rules_differ(key):
    one, two = jax.random.normal(key, (2, 3, 4)) * jnp.array([10.0, 0.01])[:, None, None]
    grads = {"U": one, "W": two}
    flat = lambda g: jnp.concatenate([g["U"].ravel(), g["W"].ravel()])  # noqa: E731
    cosine = lambda a, b: float(jnp.vdot(a, b) / jnp.linalg.norm(a) / jnp.linalg.norm(b))  # noqa: E731

    by_norm, by_value, by_matrix = (
        clip(grads, clip_norm=1.0),
        clip(grads, clip_value=1.0),
        clip(grads, clip_per_matrix=1.0),
    )
    assert float(jnp.linalg.norm(flat(by_norm))) == pytest.approx(1, rel=1e-5)
    assert cosine(flat(by_norm), flat(grads)) == pytest.approx(1, abs=1e-6)
    assert float(jnp.max(jnp.abs(flat(by_value)))) == 1.0
    assert cosine(flat(by_value), flat(grads)) < 0.99
    assert float(jnp.linalg.norm(by_matrix["U"])) == pytest.approx(1, rel=1e-5)
    np.testing.assert_array_equal(by_matrix["W"], two)
    assert cosine(by_matrix["U"].ravel(), one.ravel()) == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(by_value["W"], two)
    exact = {"U": jnp.array([[3.0, 4.0]]), "W": jnp.zeros((1, 1))}
    for rule in ("clip_norm", "clip_per_matrix"):
        np.testing.assert_allclose(clip(exact, **{rule: 5.0})["U"], exact["U"], rtol=1e-6)
    np.testing.assert_array_equal(clip({"U": jnp.zeros((2, 2))}, clip_per_matrix=1.0)["U"], 0)


@pytest.mark.parametrize("name", sorted(optimizers.OPTIMIZERS))
def test_update_rules_against_numpy(name):
    """Three steps on a fixed gradient sequence, against the rule written out."""
    o = Optimizer(type=name, learning_rate=0.1, momentum=0.8, decay=0.7)
    rule, w = optimizers.rule(o), np.array([1.0, -2.0])
    state = rule.init(jnp.asarray(w))
    got = jnp.asarray(w)
    v, m, s = np.zeros(2), np.zeros(2), np.zeros(2)
    for t, g in enumerate((np.array([0.5, -1.0]), np.array([0.2, 0.3]), np.array([-1.0, 2.0])), start=1):
        moves, state = rule.update(jnp.asarray(g, got.dtype), state, got)
        got = optax.apply_updates(got, moves)
        match name:
            case "sgd":
                w = w - 0.1 * g
            case "momentum":
                v = 0.8 * v + g
                w = w - 0.1 * v
            case "adagrad":
                s = s + g**2
                w = w - 0.1 * g / np.sqrt(s + 1e-8)
            case "rmsprop":
                s = 0.7 * s + 0.3 * g**2
                w = w - 0.1 * g / np.sqrt(s + 1e-8)
            case "adam":
                m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
                w = w - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(got, w, rtol=1e-4)


@dataclasses.dataclass(frozen=True)
class Poisoned:
    """A task whose loss is NaN in gradient, and large but finite in value, at every third update."""

    inner: object

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def sample(self, key, batch):
        found = self.inner.sample(key, batch)
        bad = jax.random.uniform(jax.random.fold_in(key, 1)) < 0.3
        return found._replace(targets=jnp.where(bad & (batch == 8), -1, found.targets))

    def loss(self, outputs, batch):
        bad = jnp.any(batch.targets < 0)
        clean = self.inner.loss(outputs, batch._replace(targets=jnp.maximum(batch.targets, 0)))
        # sqrt at zero: a finite value whose derivative is not
        return clean + jnp.sqrt(jnp.where(bad, jnp.sum(outputs * 0.0), 1.0))


def test_nonfinite_policies():
    lanes = {}
    for policy in ("stop", "skip", "pascanu2013"):
        one = run_of(optimizer={**SMALL["optimizer"], "nonfinite": policy}, train={**SMALL["train"], "stop": False})
        task = Poisoned(make_task(one.task))
        (lanes[policy],) = fit(one, task, [config.split(one)[1]])
    assert lanes["stop"].summary["status"] == "diverged"
    for policy in ("skip", "pascanu2013"):
        lane = lanes[policy]
        assert lane.summary["status"] == "finished"
        assert 0 < lane.summary["train/skipped"] < 40
        assert all(np.isfinite(leaf).all() for leaf in leaves(lane))
    same = [np.array_equal(a, b) for a, b in zip(leaves(lanes["skip"]), leaves(lanes["pascanu2013"]), strict=True)]
    assert not all(same)


def test_pascanu_replaces_the_recurrent_gradient_only():
    one = run_of(optimizer={**SMALL["optimizer"], "nonfinite": "pascanu2013"})
    trainer = Trainer(one, make_task(one.task))
    params = trainer.start({"seed": jnp.uint32(0)}).params
    grads = jax.tree.map(lambda p: p * jnp.nan, params)
    fixed = trainer._replace(jnp.bool_(True), grads, params)
    model, before = trainer.model(fixed), trainer.model(params)
    np.testing.assert_allclose(model.net.U[...], 0.02 * before.net.U[...], rtol=1e-6)
    assert not np.any(model.net.W[...]) and not np.any(model.V[...])


class Constant:
    """A network that answers alike whatever it has learned; `right` says whether it is right."""

    def __init__(self, trainer, right):
        self.trainer, self.right = trainer, right

    def __call__(self, params, batch, key=None):
        good = jax.nn.one_hot(batch.targets, self.trainer.task.outputs) * 20
        return good if self.right else jnp.roll(good, 1, axis=-1)


@pytest.mark.parametrize("right", [True, False])
def test_success_needs_confirmation(right, monkeypatch):
    """The rule must hold at two checks in a row; a network that is right at once is solved at the second."""
    one = run_of()
    trainer = Trainer(one, make_task(one.task))
    monkeypatch.setattr(trainer, "outputs", Constant(trainer, right))
    monkeypatch.setattr(
        trainer,
        "update",
        lambda o, s: (
            s._replace(update=s.update + 1),
            dict.fromkeys(("loss", "before", "after"), jnp.zeros(())) | {"running": s.status == RUNNING},
        ),
    )
    traced = {"seed": jnp.uint32(0), "optimizer.learning_rate": jnp.float32(0.1)}
    state = trainer.start(traced)
    for check, (status, held) in enumerate([(RUNNING, right), (SOLVED if right else RUNNING, right)]):
        state, record = trainer.chunk(traced, state, trainer.settings.train.eval_every)
        assert int(record["status"]) == status, check
        assert bool(state.held) == held
    assert int(state.since) == (20 if right else 0) and bool(state.solved) == right


@pytest.mark.parametrize(("place", "allowed", "holds"), [(0, 2, True), (0, 1, False), (15, 1, True), (15, 0, False)])
def test_counting_rules_count_every_sequence_once(place, allowed, holds):
    """21 sequences in blocks of 16: place 0 is wrong in both blocks, place 15 of the second block does not count."""
    one = run_of()
    trainer = Trainer(one, make_task(one.task))
    trainer.rule = Success("made up", sequences=21, allowed=allowed)

    class Marked:
        padded = False
        sample = staticmethod(trainer.task.sample)

        def wrong(self, outputs, batch):
            return jnp.arange(16) == place

    trainer.task = Marked()
    params = trainer.start({"seed": jnp.uint32(0)}).params
    assert bool(trainer.rule_holds(params, jax.random.key(0))) == holds


def test_success_rules_of_sources_and_ours():
    adding = make_task(config.Choice("adding/hochreiter1997"))
    assert success_rule(adding, 64) is adding.success and adding.success.sequences >= 2000
    copy = make_task(config.Choice("copy/arjovsky2016"))
    ours = success_rule(copy, 64)
    assert copy.success is None and ours.statement.startswith("ltd:")
    assert ours.allowed == pytest.approx(0.1 * copy.levels().memoryless * 64)


def test_an_easy_task_is_solved_and_stops_early():
    one = run_of(
        train={"steps": 2000, "batch": 16, "eval_every": 50, "eval_batch": 64},
        optimizer={"type": "adam", "learning_rate": 0.01},
    )
    (lane,) = trained(one)
    assert lane.summary["status"] == "solved"
    assert lane.summary["updates"] == lane.summary["solved_at"] < 2000
    assert lane.summary["eval/loss"] < 0.15 * lane.summary["levels"]["blind"]["loss"]


def test_without_stopping_a_solved_run_trains_on_and_keeps_its_update():
    fields = {"steps": 600, "batch": 16, "eval_every": 50, "eval_batch": 64}
    optimizer = {"type": "adam", "learning_rate": 0.01}
    stopped, went_on = (trained(run_of(train={**fields, "stop": s}, optimizer=optimizer))[0] for s in (True, False))
    assert went_on.summary["status"] == "solved" and went_on.summary["updates"] == 600
    assert went_on.summary["solved_at"] == stopped.summary["solved_at"] == stopped.summary["updates"] < 600


def test_evaluation_uses_one_fixed_set_for_every_seed_and_never_the_training_stream():
    one = run_of()
    trainer = Trainer(one, make_task(one.task))
    params = trainer.start({"seed": jnp.uint32(0)}).params
    first, second = trainer.evaluate(params), trainer.evaluate(params)
    assert first["eval/loss"] == second["eval/loss"]
    assert {"eval/loss", "eval/metric", "eval/recall_accuracy", "rho"} <= set(first)


@pytest.mark.parametrize(
    ("cell", "task"),
    [
        ("gru_before", SMALL["task"]),
        ("lstm", {"type": "adding/hochreiter1997", "length": 20}),
        ("flax.nnx:LSTMCell", {"type": "parity/beck2024", "bits": 5}),
    ],
)
def test_cells_and_tasks_meet(cell, task):
    one = run_of(cell={"type": cell, "hidden": 4}, task=task, train={**SMALL["train"], "steps": 10})
    (lane,) = trained(one)
    assert np.isfinite(lane.summary["eval/loss"]) and lane.summary["updates"] == 10
    assert ("rho" in lane.summary) == (not cell.startswith("flax"))


@pytest.mark.parametrize(
    "initial", [{"type": "learned"}, {"type": "constant", "value": 0.3}, {"type": "noise", "value": 0.1}]
)
def test_initial_states_train(initial):
    (lane,) = trained(run_of(initial=initial, train={**SMALL["train"], "steps": 10}))
    assert np.isfinite(lane.summary["eval/loss"])
    assert DIVERGED not in [r.get("status") for r in lane.records]
