"""Every task against its twin, its closed forms against sampling, and its docstring against its rule."""

import ast
import functools
import math
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tasks
from harness import compiled
from ltd.types import Task
from oracles.tasks import twin
from tables import TASK_ROWS
from tasks import TASKS

KEY = jax.random.key(20)
PARTS, PART = 200, 20  # drawn once per task: 200 batches of 20, as some dialects draw one length per batch
KEYS = jax.random.split(KEY, PARTS)
JUDGED = 200  # sequences that are judged at once: one shape, so that each task's loss and metric are compiled once


@pytest.fixture(params=TASK_ROWS, ids=str)
def row(request):
    return request.param


def build(row):
    return TASKS[row.name](**row.sizes), twin(row.name, **row.sizes)


@functools.cache
def parts(task):
    """Batches of 20 on a leading axis."""
    sample = compiled(lambda k: task.sample(k, PART))
    return jax.tree.map(lambda *fields: np.stack(fields), *jax.device_get([sample(k) for k in KEYS]))


def draw(task, batch=JUDGED):
    """The first `batch` sequences of `parts`, one after the other."""
    return jax.tree.map(lambda x: np.concatenate(x[: batch // PART], axis=1), parts(task))


def sequences(batch):
    """Each sequence as lists: inputs, targets, scored, valid."""
    return list(zip(*(np.moveaxis(field, 1, 0).tolist() for field in batch), strict=True))


def twins_draw(oracle, rng):
    """Inputs, targets, scored, valid, from the twin's own sampler."""
    if hasattr(oracle, "draw_all"):
        inputs, valid, targets, scored = oracle.draw_all(rng)
        return inputs, targets, scored, valid
    inputs, valid = oracle.draw(rng)
    return inputs, *oracle.answer(inputs, valid), valid


def perfect_answers(task, oracle, batch):
    """Outputs that are certain of the targets."""
    if oracle.kind == "numbers":
        return np.float32(batch.targets)
    if oracle.kind == "bits":
        return np.float32(60 * (2 * batch.targets - 1))
    sure = np.eye(task.outputs, dtype=np.float32)[batch.targets]
    return 60 * (2 * sure - 1 if getattr(task, "logistic", False) else sure)


def noisy_answers(task, oracle, batch):
    """Outputs that are sometimes right and sometimes wrong."""
    noise = np.random.default_rng(9).normal(size=(*batch.scored.shape, task.outputs))
    strength = {"numbers": 0.1 * max(1.0, 2 * getattr(oracle, "tolerance", 0.0)), "bits": 25.0, "classes": 25.0}
    if hasattr(oracle, "best"):
        clean = np.float32([oracle.best(x, v) for x, _, _, v in sequences(batch)]).swapaxes(0, 1)
    else:
        clean = perfect_answers(task, oracle, batch)
    return np.float32(clean + strength[oracle.kind] * getattr(oracle, "noise", 1.0) * noise)


@functools.partial(compiled, static_argnums=0)
def judge(task, outputs, batch):
    """Loss, metric, wrong sequences and further scores, compiled once."""
    return (
        task.loss(outputs, batch),
        task.metric(outputs, batch),
        task.wrong(outputs, batch),
        task.scores(outputs, batch),
    )


# ------------------------------------------------------------------------------------------- what is registered


EMBEDDED = [name for name, build in TASKS.items() if not build().file]  # the others are in test_data


def test_every_dialect_has_a_row():
    assert {row.name for row in TASK_ROWS} == set(EMBEDDED)


def test_task_keeps_the_protocol(row):
    task, _ = build(row)
    assert isinstance(task, Task)
    assert task.name == row.name
    assert task.source.key in row.name.split("/")[1] or task.source.key == "ltd"
    assert (task.steps, task.lag, task.padded) == (row.steps, row.lag, row.padded)
    found = task.success and (task.success.sequences, task.success.allowed, task.success.train_loss)
    assert found == row.success
    assert hash(task) == hash(TASKS[row.name](**row.sizes))


def test_shapes_and_types(row):
    task, oracle = build(row)
    inputs, targets, scored, valid = jax.eval_shape(lambda: task.sample(KEY, 6))
    assert inputs.shape == ((row.steps, 6) if task.tokens else (row.steps, 6, task.inputs))
    assert inputs.dtype == (jnp.int32 if task.tokens else jnp.result_type(float))
    classes = oracle.kind == "classes"
    assert targets.shape == ((row.steps, 6) if classes else (row.steps, 6, task.outputs))
    assert targets.dtype == (jnp.int32 if classes else jnp.result_type(float))
    assert scored.shape == valid.shape == (row.steps, 6)
    assert scored.dtype == valid.dtype == jnp.bool_


def test_impossible_sizes_are_errors(row):
    for sizes, message in row.impossible:
        with pytest.raises(ValueError, match=message) as caught:
            TASKS[row.name](**sizes)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "task", dict.fromkeys(factory.func for factory in TASKS.values()), ids=lambda task: task.__name__
)
def test_unknown_variant_lists_the_known(task):
    with pytest.raises(ValueError, match="variant = 'nobody1900' is unknown") as caught:
        task("nobody1900")
    known = {factory.args[0] for factory in TASKS.values() if factory.func is task}
    assert set(str(caught.value).split("known variants: ")[1].rstrip(".").split(", ")) == known


# ------------------------------------------------------------------------------------------------- what is drawn


def test_a_key_draws_the_same_again(row):
    """Also after other lengths of the same task, and mapped over keys."""
    task, oracle = build(row)
    before = parts(task)
    if task.size:
        for value in row.lengths:
            other = task.at(value)
            drawn = jax.eval_shape(lambda other=other: other.sample(KEY, 6))
            assert drawn.inputs.shape[0] == other.steps == twin(row.name, **{**row.sizes, task.size: value}).steps
    again = compiled(jax.vmap(lambda k: task.sample(k, PART)))(KEYS[jnp.array([0, 0, 3])])  # traced anew
    wanted = jax.tree.map(lambda x: x[np.array([0, 0, 3])], before)
    # mapped: normal numbers and sines but for their last bits, which depend on what is fused
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-6), again, wanted)
    several = len({part.tobytes() for part in before.inputs[:4]}) > 1 or len(before.inputs[0]) <= 2
    assert several == getattr(oracle, "random", True)


def test_targets_equal_the_twins(row):
    task, oracle = build(row)
    for inputs, targets, scored, valid in sequences(draw(task)):
        if hasattr(oracle, "draw_all"):
            oracle.check_all(inputs, valid, targets, scored)
            continue
        oracle.check(inputs, valid)
        expected, expected_scored = oracle.answer(inputs, valid)
        assert scored == expected_scored
        np.testing.assert_allclose(targets, expected, atol=1e-6)


def test_rule_is_the_twins_on_the_twins_sequences(row):
    """Where the targets are a function of the inputs, `targets_of` is that function, whoever drew them."""
    task, oracle = build(row)
    assert hasattr(oracle, "draw_all") or hasattr(task, "targets_of")
    rng = np.random.default_rng(3)
    drawn = [twins_draw(oracle, rng) for _ in range(50)]
    inputs, targets, scored, _ = (np.array(field).swapaxes(0, 1) for field in zip(*drawn, strict=True))
    if hasattr(task, "targets_of"):
        inputs = np.int32(inputs) if task.tokens else np.float32(inputs)
        found = compiled(task.targets_of)(jnp.array(inputs), jnp.array(scored))
        np.testing.assert_allclose(found, targets, atol=1e-6)


def test_index_ranges_are_hit_at_both_ends(row):
    task, oracle = build(row)
    hit = {name: set() for name in row.places}
    for inputs, _, _, valid in sequences(draw(task, batch=2000)):
        for name, values in oracle.places(inputs, valid).items():
            hit[name].update(values)
    assert hit == row.places


def test_distribution_is_the_twins(row):
    """First and second moments of every input, and how often each step is scored: two samplers, 4.5 standard errors."""
    task, oracle = build(row)
    rng = np.random.default_rng(5)
    batch = draw(task, batch=4000)

    def features(inputs, targets, scored, valid):
        inputs = np.eye(task.inputs)[np.asarray(inputs, int)] if task.tokens else np.asarray(inputs, float)
        scored = np.asarray(scored, float)
        if oracle.kind == "classes":
            targets = np.eye(task.outputs)[np.asarray(targets, int)]
        return inputs, np.asarray(targets, float) * scored[..., None], scored, np.asarray(valid, float)

    ours = features(*(np.moveaxis(field, 1, 0) for field in batch))
    theirs = features(*zip(*(twins_draw(oracle, rng) for _ in range(1500)), strict=True))
    shared = row.shared
    for power in (1, 2):
        for a, b in zip(ours, theirs, strict=True):
            a, b = a**power, b**power
            error = np.sqrt(shared * a.var(axis=0) / len(a) + b.var(axis=0) / len(b))
            assert np.all(np.abs(a.mean(axis=0) - b.mean(axis=0)) <= 4.5 * error + 1e-6)


def test_padded_steps_are_not_valid(row):
    task, _ = build(row)
    batch = draw(task)
    valid, scored = batch.valid, batch.scored
    assert row.padded != valid.all()
    assert np.all(valid[:-1] >= valid[1:])  # padding comes last
    assert not np.any(scored & ~valid)
    assert np.all(np.any(scored, axis=0))
    assert not np.any(batch.inputs[~valid])
    assert not np.any(batch.targets[~scored])


# ----------------------------------------------------------------------------------------------------- levels


def test_baseline_against_sampling(row):
    """Blind and strict predictors, written by the twin, scored by the task: 3 standard errors."""
    task, oracle = build(row)
    levels, batches = task.levels(), draw(task, batch=PARTS * PART)
    drawn = list(zip(batches.inputs.swapaxes(0, 1).tolist(), batches.valid.T.tolist(), strict=True))
    blocks = [jax.tree.map(lambda x, i=i: x[:, i : i + JUDGED], batches) for i in range(0, len(drawn), JUDGED)]

    def scored_by(name):
        predict = getattr(oracle, name)
        if name.startswith("strict"):
            predict = lambda inputs, valid: [getattr(oracle, name)(t, x) for t, x in enumerate(inputs)]  # noqa: E731
        outputs = np.float32([predict(*one) for one in drawn]).swapaxes(0, 1)
        outputs = np.split(outputs, len(blocks), axis=1)
        return np.array([judge(task, *both)[:2] for both in zip(outputs, blocks, strict=True)], float)

    for name in ("blind", "strict"):
        level, values = getattr(levels, name), scored_by(name)
        if hasattr(oracle, f"{name}_by_metric"):
            values[:, 1] = scored_by(f"{name}_by_metric")[:, 1]
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(len(values))
        error = np.hypot(error, level.stderr or 0)
        rounding = 2e-6 * max(1.0, level.loss)
        assert np.all(np.abs(mean - [level.loss, level.metric]) <= 3 * error + rounding), (name, mean, error, level)


def test_published_levels(row):
    for sizes, expected in row.published:
        levels = TASKS[row.name](**sizes).levels()
        for name, wanted in expected.items():
            found = getattr(levels, name)
            for value, want in zip((found.loss, found.metric), wanted, strict=True):
                assert want is None or value == pytest.approx(want, abs=row.digits), (sizes, name)


def test_nothing_beats_the_optimum_and_blind_is_above_it(row):
    task, _ = build(row)
    blind, strict, optimum = task.levels()
    assert optimum.loss <= strict.loss and optimum.loss < blind.loss
    assert optimum.metric >= max(strict.metric, blind.metric)


def test_optimum_is_reached(row):
    """By the targets; where chance decides them, by the predictor that knows the rule (`best` of the twin)."""
    task, oracle = build(row)
    optimum = task.levels().optimum
    if hasattr(oracle, "best"):
        batch = draw(task, batch=2000)
        answers = [oracle.best(x, v) for x, _, _, v in sequences(batch)]
        loss, metric, *_ = judge(task, np.float32(answers).swapaxes(0, 1), batch)
        spread = [oracle.spread(x, v) for x, _, _, v in sequences(batch)] if hasattr(oracle, "spread") else None
        error = 4 / math.sqrt(2000) if spread is None else 4 * np.std(spread) / math.sqrt(2000)
        assert float(loss) == pytest.approx(optimum.loss, abs=error * max(1.0, optimum.loss))
        assert float(metric) == pytest.approx(optimum.metric, abs=4 / math.sqrt(2000))
        return
    batch = draw(task)
    loss, metric, wrong, _ = judge(task, perfect_answers(task, oracle, batch), batch)
    assert float(loss) == pytest.approx(optimum.loss, abs=1e-9)
    assert float(metric) == optimum.metric
    assert not np.any(wrong)


# ----------------------------------------------------------------------------------------------------- scoring


def test_loss_unit_against_plain_python(row):
    """Loss, metric and wrong sequences by loops, in each task's own unit; steps that are not scored hold NaN."""
    task, oracle = build(row)
    batch = draw(task)
    outputs = np.where(batch.scored[..., None], noisy_answers(task, oracle, batch), np.float32(np.nan))
    answers = np.moveaxis(outputs, 1, 0).tolist()
    triples = [(o, y, s) for o, (_, y, s, _) in zip(answers, sequences(batch), strict=True)]
    losses = [oracle.loss(o, y) for os, ys, ss in triples for o, y, s in zip(os, ys, ss, strict=True) if s]
    if hasattr(oracle, "meant"):
        meant = [oracle.meant(x, y) for x, y, _, _ in sequences(batch)]
        triples = [(o, m, s) for (o, _, s), m in zip(triples, meant, strict=True)]
    expected = [oracle.wrong(*triple) for triple in triples]
    loss, metric, wrong, _ = judge(task, outputs, batch)
    assert float(loss) == pytest.approx(
        sum(losses) / (len(triples) if hasattr(oracle, "summed") else len(losses)), rel=1e-5
    )
    assert float(metric) == pytest.approx(oracle.metric(triples), rel=1e-5)
    assert wrong.tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_nan_is_wrong(row):
    task, oracle = build(row)
    batch = draw(task)
    right = perfect_answers(task, oracle, batch)
    for outputs in (np.full_like(right, np.nan), np.where(right != 0, np.float32(np.nan), right)):
        unknown = (np.isnan(outputs).any(axis=-1) & batch.scored).any(axis=0)
        assert np.all(judge(task, outputs, batch)[2][unknown])


def test_lag_against_counting(row):
    """Change the content of one step; the targets that move are those that need it."""
    task, oracle = build(row)
    lags = set()
    if not hasattr(oracle, "alter"):
        assert task.lag == oracle.lag
        return
    for inputs, _, scored, valid in sequences(draw(task, batch=400)):
        before, _ = oracle.answer(inputs, valid)
        for s in range(len(inputs)):
            altered = oracle.alter(inputs, valid, s)
            if altered is not None:
                after, _ = oracle.answer(altered, valid)
                lags.update(t - s for t in range(len(inputs)) if scored[t] and after[t] != before[t])
    assert (min(lags), max(lags)) == row.lag == task.lag


# ---------------------------------------------------------------------------------------------------- documents


def drawn_examples(task):
    """The blocks of a docstring that begin with `variant NAME, size = n, ...` and hold labelled rows of cells."""
    for block in re.split(r"\n\s*\n", task.__doc__):
        head, *lines = block.strip().splitlines()
        if found := re.fullmatch(r"variant (\w+)((?:, \w+ = \w+)*)", head.strip()):
            sizes = {k: int(v) if v.isdigit() else v for k, v in re.findall(r"(\w+) = (\w+)", found[2])}
            yield found[1], sizes, {label: cells for label, *cells in map(str.split, lines)}


@pytest.mark.parametrize("name", EMBEDDED)
def test_docstring_example_of_every_dialect(name):
    """The example is a legal sequence, and its targets follow from the rule."""
    (example,) = [e for e in drawn_examples(TASKS[name].func) if e[0] == name.split("/")[1]]
    _, sizes, rows = example
    task, oracle = TASKS[name](**sizes), twin(name, **sizes)
    inputs, targets, scored, valid = oracle.read(rows)
    if hasattr(oracle, "draw_all"):
        oracle.check_all(inputs, valid, targets, scored)
        return
    oracle.check(inputs, valid)
    assert oracle.answer(inputs, valid)[1] == scored
    found = compiled(task.targets_of)(jnp.array(inputs)[:, None], jnp.array(scored)[:, None])[:, 0]
    np.testing.assert_allclose(found, targets, atol=1e-6)


def test_no_global_random():
    """Tasks draw from the key alone, and stand on the ground floor."""
    allowed = {"__future__", "abc", "math", "dataclasses", "typing", "collections.abc", "functools", "jax", "jax.numpy",
               "pathlib", "jaxtyping", "numpy", "tasks", "ltd", "ltd.config", "ltd.data", "ltd.losses",
               "ltd.types"}  # fmt: skip
    files = sorted(Path(tasks.__file__).parent.glob("*.py"))
    assert len(files) >= 4
    for file in files:
        text = file.read_text()
        assert not re.search(r"np\.random\.(?!RandomState\()", text), file.name  # a permutation named by its seed
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert all(name in allowed or name.startswith("tasks.") for name in names), (file.name, names)
