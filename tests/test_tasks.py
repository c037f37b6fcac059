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
from ltd.types import Task
from oracles.tasks import one_hot, twin
from tables import TASK_ROWS
from tasks import TASKS

KEY = jax.random.key(20)
compiled = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # compiling is most of it
ADDING = [row for row in TASK_ROWS if row.name.startswith("adding/")]
PARTS, PART = 200, 20  # drawn once per task: 200 batches of 20, as some dialects draw one length per batch


@pytest.fixture(params=TASK_ROWS, ids=str)
def row(request):
    return request.param


def build(row):
    return TASKS[row.name](**row.sizes), twin(row.name, **row.sizes)


@functools.cache
def parts(task):
    """Batches of 20 on a leading axis."""
    batches = compiled(jax.vmap(lambda k: task.sample(k, PART)))(jax.random.split(KEY, PARTS))
    return jax.tree.map(np.asarray, batches)


def draw(task, batch=200):
    """The first `batch` sequences of `parts`, one after the other."""
    return jax.tree.map(lambda x: np.concatenate(x[: batch // PART], axis=1), parts(task))


def sequences(batch):
    """Each sequence as lists: inputs, targets, scored, valid."""
    return list(zip(*(np.moveaxis(field, 1, 0).tolist() for field in batch), strict=True))


def noisy_answers(task, batch):
    """Outputs that are sometimes right and sometimes wrong."""
    noise = np.random.default_rng(9).normal(size=(*batch.scored.shape, task.outputs))
    adding = task.outputs == 1
    return np.float32(
        (batch.targets if adding else 2.5 * np.eye(task.outputs)[batch.targets]) + (0.1 if adding else 1) * noise
    )


def perfect_answers(task, batch):
    return batch.targets if task.outputs == 1 else 60 * np.eye(task.outputs, dtype=np.float32)[batch.targets]


@functools.partial(compiled, static_argnums=0)
def judge(task, outputs, batch):
    """Loss, metric, wrong sequences and further scores, compiled once."""
    return (
        task.loss(outputs, batch),
        task.metric(outputs, batch),
        task.wrong(outputs, batch),
        task.scores(outputs, batch),
    )


def test_every_dialect_has_a_row():
    assert {row.name for row in TASK_ROWS} == set(TASKS)


def test_task_keeps_the_protocol(row):
    task, _ = build(row)
    assert isinstance(task, Task)
    assert task.name == row.name
    assert task.source.key == row.name.split("/")[1].removesuffix("_cumulative")
    assert (task.steps, task.lag, task.padded) == (row.steps, row.lag, row.padded)
    found = task.success and (task.success.sequences, task.success.allowed, task.success.train_loss)
    assert found == row.success
    assert hash(task) == hash(TASKS[row.name](**row.sizes))


def test_shapes_and_types(row):
    task, _ = build(row)
    inputs, targets, scored, valid = jax.eval_shape(lambda: task.sample(KEY, 6))
    assert inputs.shape == (row.steps, 6, task.inputs)
    assert inputs.dtype == jnp.result_type(float)
    assert targets.shape == ((row.steps, 6, 1) if task.outputs == 1 else (row.steps, 6))
    assert targets.dtype == (jnp.result_type(float) if task.outputs == 1 else jnp.int32)
    assert scored.shape == valid.shape == (row.steps, 6)
    assert scored.dtype == valid.dtype == jnp.bool_


def test_same_key_same_batch(row):
    task, _ = build(row)
    jax.tree.map(np.testing.assert_array_equal, task.sample(KEY, PART), task.sample(KEY, PART))


def test_different_key_different_batch(row):
    task, _ = build(row)
    assert len({part.tobytes() for part in parts(task).inputs[:4]}) == 4


def test_jit_and_vmap_draw_what_eager_draws(row):
    task, _ = build(row)
    for i, key in enumerate(jax.random.split(KEY, PARTS)[:3]):
        jax.tree.map(
            np.testing.assert_array_equal, task.sample(key, PART), jax.tree.map(lambda x, i=i: x[i], parts(task))
        )


def test_targets_equal_the_twins(row):
    task, oracle = build(row)
    for inputs, targets, scored, valid in sequences(draw(task)):
        oracle.check(inputs, valid)
        expected, expected_scored = oracle.answer(inputs, valid)
        assert scored == expected_scored
        np.testing.assert_allclose(targets, expected, atol=1e-6)


def test_rule_is_the_twins_on_the_twins_sequences(row):
    task, oracle = build(row)
    rng = np.random.default_rng(3)
    drawn = [oracle.draw(rng) for _ in range(50)]
    answers = [oracle.answer(inputs, valid) for inputs, valid in drawn]
    inputs = np.array([x for x, _ in drawn], np.float32).swapaxes(0, 1)
    targets, scored = (np.array(field).swapaxes(0, 1) for field in zip(*answers, strict=True))
    np.testing.assert_allclose(task.targets_of(jnp.array(inputs), jnp.array(scored)), targets, atol=1e-6)


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
    ours = draw(task, batch=4000)
    ours = [np.moveaxis(np.asarray(field, float), 1, 0) for field in (ours.inputs, ours.valid)]
    theirs = [np.array(field, float) for field in zip(*(oracle.draw(rng) for _ in range(1500)), strict=True)]
    for power in (1, 2):
        for a, b in zip(ours, theirs, strict=True):
            a, b = a**power, b**power
            # lengths that are shared by 20 sequences of a batch carry the information of one
            shared = 20 if row.name == "adding/pascanu2013" and row.padded else 1
            error = np.sqrt(shared * a.var(axis=0) / len(a) + b.var(axis=0) / len(b))
            assert np.all(np.abs(a.mean(axis=0) - b.mean(axis=0)) <= 4.5 * error + 1e-9)


def test_baseline_against_sampling(row):
    """Blind and strict predictors, written by the twin, scored by the task: 3 standard errors."""
    task, oracle = build(row)
    levels, batches = task.levels(), parts(task)
    scorer = compiled(jax.vmap(lambda o, b: jnp.stack([task.loss(o, b), task.metric(o, b)])))
    inputs = batches.inputs.tolist()
    for level, predict in [(levels.blind, lambda t, x: oracle.blind(t)), (levels.strict, oracle.strict)]:
        outputs = np.float32([[[predict(t, x) for x in xs] for t, xs in enumerate(part)] for part in inputs])
        values = np.asarray(scorer(outputs, batches), float)
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(PARTS)
        assert np.all(np.abs(mean - [level.loss, level.metric]) <= 3 * error + 2e-6), (mean, error, level)


def test_published_levels(row):
    for sizes, expected in row.published:
        levels = TASKS[row.name](**sizes).levels()
        for name, (loss, metric) in expected.items():
            found = getattr(levels, name)
            assert (found.loss, found.metric) == pytest.approx((loss, metric), abs=6e-7), (sizes, name)


@pytest.mark.parametrize("row", [row for row in ADDING if row.success], ids=str)
def test_rule_baseline(row):
    """No other constant leaves fewer sequences wrong than the one behind the blind metric, or has a smaller error."""
    task, _ = build(row)
    batch = draw(task, batch=4000)
    constants = np.arange(0.2, 0.81, 0.02, dtype=np.float32)
    outputs = constants[:, None, None, None] * np.ones((*batch.scored.shape, 1), np.float32)
    losses, shares = compiled(jax.vmap(lambda o: (task.loss(o, batch), task.metric(o, batch))))(outputs)
    blind = task.levels().blind
    assert np.max(shares) <= blind.metric + 3 * math.sqrt(0.25 / 4000)
    assert constants[np.argmin(losses)] == pytest.approx(0.5, abs=0.021)
    assert shares[0] < blind.metric - 0.02


def test_optimum_is_reached_by_the_targets(row):
    task, _ = build(row)
    batch, optimum = draw(task), task.levels().optimum
    loss, metric, wrong, _ = judge(task, perfect_answers(task, batch), batch)
    assert float(loss) == pytest.approx(optimum.loss, abs=1e-9)
    assert float(metric) == optimum.metric
    assert not np.any(wrong)


def test_loss_unit_against_plain_python(row):
    """Loss, metric and wrong sequences by loops, in each task's own unit; steps that are not scored hold NaN."""
    task, oracle = build(row)
    batch = draw(task)
    outputs = np.where(batch.scored[..., None], noisy_answers(task, batch), np.float32(np.nan))
    answers = np.moveaxis(outputs, 1, 0).tolist()
    triples = [(o, y, s) for o, (_, y, s, _) in zip(answers, sequences(batch), strict=True)]
    losses = [oracle.loss(o, y) for os, ys, ss in triples for o, y, s in zip(os, ys, ss, strict=True) if s]
    expected = [oracle.wrong(*triple) for triple in triples]
    loss, metric, wrong, _ = judge(task, outputs, batch)
    assert float(loss) == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    assert float(metric) == pytest.approx(oracle.metric(triples), rel=1e-5)
    assert wrong.tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_nan_is_wrong(row):
    task, _ = build(row)
    batch = draw(task)
    right = perfect_answers(task, batch)
    for outputs in (np.full_like(right, np.nan), np.where(right != 0, np.float32(np.nan), right)):
        assert np.all(judge(task, outputs, batch)[2])


@pytest.mark.parametrize("row", ADDING, ids=str)
def test_scores_of_adding_hold_share_and_error(row):
    task, _ = build(row)
    batch = draw(task)
    outputs = noisy_answers(task, batch)
    loss, _, wrong, scores = judge(task, outputs, batch)
    assert float(scores["within"]) == pytest.approx(1 - np.mean(wrong))
    assert float(scores["mse"]) == pytest.approx(float(loss))
    error = np.abs(outputs - batch.targets)[batch.scored]
    assert float(scores["within"]) == pytest.approx(np.mean(error < (0.2 if "pascanu" in row.name else 0.04)))


@pytest.mark.parametrize("name", [name for name in TASKS if name.startswith("copy/")])
def test_copy_reports_recall_only(name):
    """Silence is right on 99 % of the steps at gap = 1000, and recalls nothing."""
    task = TASKS[name](gap=1000)
    batch = jax.tree.map(np.asarray, task.sample(KEY, 4))
    silence = np.zeros((task.steps, 4, task.outputs), np.float32)
    silence[..., 0] = 1.0
    _, metric, _, scores = judge(task, silence, batch)
    assert 0.99 * 1010 / 1020 < float(metric) < task.levels().blind.metric
    assert scores == {"recall_accuracy": 0.0, "sequence_accuracy": 0.0}
    outputs = np.array(perfect_answers(task, batch))
    outputs[-3, 0] = silence[-3, 0]  # one symbol of the first sequence is not recalled
    outputs[:500, 1] = np.eye(task.outputs)[5]  # the second talks where it should be silent
    scores = judge(task, outputs, batch)[-1]
    assert float(scores["recall_accuracy"]) == pytest.approx(39 / 40)
    assert float(scores["sequence_accuracy"]) == pytest.approx(3 / 4)


def test_parity_scores_whole_sequences():
    task = TASKS["parity/arora2024_cumulative"](bits=6)
    batch = draw(task, batch=20)
    outputs = np.array(perfect_answers(task, batch))
    outputs[2, 0] = outputs[2, 0, ::-1]
    _, metric, _, scores = judge(task, outputs, batch)
    assert float(scores["sequence_accuracy"]) == pytest.approx(19 / 20)
    assert float(metric) == pytest.approx(119 / 120)


def test_all_lengths_after_each_other(row):
    task, _ = build(row)
    before = task.sample(KEY, PART)
    size = next(iter({"gap", "length", "bits"} & set(row.sizes)))
    for value in (20, 45, 21, 20):
        sizes = {**row.sizes, size: value}
        drawn = jax.eval_shape(lambda sizes=sizes: TASKS[row.name](**sizes).sample(KEY, 6))
        assert drawn.inputs.shape[0] == twin(row.name, **sizes).steps
    jax.tree.map(np.testing.assert_array_equal, before, task.sample(KEY, PART))


def test_padded_steps_are_not_valid(row):
    task, _ = build(row)
    batch = draw(task)
    valid, scored = batch.valid, batch.scored
    assert row.padded != valid.all()
    assert len(set(valid.sum(axis=0))) == (len(row.places["length"]) if row.padded else 1)
    assert np.all(valid[:-1] >= valid[1:])  # padding comes last
    assert not np.any(scored & ~valid)
    assert np.all(scored[valid.sum(axis=0) - 1, np.arange(200)])  # the last real step is scored
    assert not np.any(batch.inputs[~valid])
    assert not np.any(batch.targets[~scored])


def test_one_length_per_batch_where_the_source_says_so():
    for name, length, most in [("hochreiter1997", 30, 4), ("pascanu2013", 20, 1)]:
        lengths = parts(TASKS[f"adding/{name}"](length=length)).valid.sum(axis=1)
        assert max(len(set(part)) for part in lengths) == most


def test_lag_against_counting(row):
    """Change the content of one step; the targets that move are those that need it."""
    task, oracle = build(row)
    lags = set()
    for inputs, _, scored, valid in sequences(draw(task, batch=400)):
        before, _ = oracle.answer(inputs, valid)
        for s in range(len(inputs)):
            altered = oracle.alter(inputs, valid, s)
            if altered is not None:
                after, _ = oracle.answer(altered, valid)
                lags.update(t - s for t in range(len(inputs)) if scored[t] and after[t] != before[t])
    assert (min(lags), max(lags)) == row.lag == task.lag


@pytest.mark.parametrize(("name", "length"), [("hochreiter1997", 100), ("pascanu2013", 100), ("pascanu2013", 97)])
def test_longer_lags(name, length):
    """Published minimal lags; the extremes over all lengths and places, by loops."""
    task, ends = TASKS[f"adding/{name}"](length=length), []
    for n in range(length, length + length // 10 + (name == "hochreiter1997")):
        tenth, late = n // 10, 4 * n // 10
        places = range(1, length // 2) if name == "hochreiter1997" else range(tenth + late)
        ends += [n - 1 - p for p in places]
    assert task.lag == (min(ends), max(ends))


def test_impossible_sizes_are_errors(row):
    for sizes, message in row.impossible:
        with pytest.raises(ValueError, match=message) as caught:
            TASKS[row.name](**sizes)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("task", [tasks.Copying, tasks.Adding, tasks.Parity])
def test_unknown_variant_lists_the_known(task):
    with pytest.raises(ValueError, match="variant = 'nobody1900' is unknown") as caught:
        task("nobody1900")
    known = [factory.args[0] for factory in TASKS.values() if factory.func is task]
    assert str(caught.value).endswith(f"known variants: {', '.join(known)}.")


def drawn_examples(task):
    """The blocks of a docstring that begin with `variant NAME, size = n, ...` and hold labelled rows of cells."""
    for block in re.split(r"\n\s*\n", task.__doc__):
        head, *lines = block.strip().splitlines()
        if found := re.fullmatch(r"variant (\w+)((?:, \w+ = \d+)+)", head):
            sizes = {k: int(v) for k, v in re.findall(r"(\w+) = (\d+)", found[2])}
            yield found[1], sizes, {label: cells for label, *cells in map(str.split, lines)}


@pytest.mark.parametrize("name", TASKS)
def test_docstring_example_of_every_dialect(name):
    """The example is a legal sequence, and its targets follow from the rule."""
    (example,) = [e for e in drawn_examples(TASKS[name].func) if e[0] == name.split("/")[1]]
    _, sizes, rows = example
    task, oracle = TASKS[name](**sizes), twin(name, **sizes)
    first = rows.get("input") or rows["value"]
    valid = [cell != "_" for cell in first]
    scored = [name.startswith("copy/") or cell != "." for cell in rows["target"]]
    targets = [float("0" if cell == "." else cell) for cell in rows["target"]]
    if name.startswith("adding/"):
        cells = zip(rows["value"], rows["mark"], strict=True)
        inputs = [[0.0, 0.0] if v == "_" else [float(v), float(m)] for v, m in cells]
        targets = [[y] for y in targets]
    elif name.startswith("copy/"):
        symbols = [{".": 0, "M": 9}.get(cell) or int(cell.replace(".", "0")) for cell in first]
        inputs = [[float(s)] if task.inputs == 1 else one_hot(s, 10) for s in symbols]
    else:
        inputs = [one_hot({"e": 2, "_": -1}.get(cell) or int(cell), task.inputs) for cell in first]
    oracle.check(inputs, valid)
    assert oracle.answer(inputs, valid)[1] == scored
    found = task.targets_of(jnp.array(inputs)[:, None], jnp.array(scored)[:, None])[:, 0]
    np.testing.assert_allclose(found, targets, atol=1e-6)


def test_no_global_random():
    """Tasks draw from the key alone, and stand on the ground floor."""
    allowed = {"__future__", "math", "dataclasses", "typing", "collections.abc", "functools", "jax", "jax.numpy",
               "jaxtyping", "ltd.losses", "ltd.types"}  # fmt: skip
    files = sorted(Path(tasks.__file__).parent.glob("*.py"))
    assert len(files) >= 4
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert all(name in allowed or name.startswith("tasks.") for name in names), (file.name, names)
