"""What is true of the formal-language tasks beside the table's tests: every short length, and very long ones."""

import jax.numpy as jnp
import numpy as np
import pytest
from test_task_streams import drawn
from test_tasks import compiled, sequences

from oracles.tasks import twin
from tasks import TASKS

KINDS = sorted(name for name in TASKS if name.startswith("formal/"))
SHORT = [(name, n) for name in KINDS for n in range(1, 6 if name.startswith("formal/bucket") else 8)]


def legal(name, n):
    """The twin, which cannot list the words of a few of the shortest lengths."""
    oracle = twin(name, length=n)
    least = {"formal/missing_duplicate_string_deletang2023": 2, "formal/solve_equation_deletang2023": 3}.get(name, 1)
    return oracle if n >= least else None


@pytest.mark.parametrize("name", KINDS)
def test_levels_and_lag_of_every_short_length(name):
    """Against all words of that length."""
    for n in [n for other, n in SHORT if other == name and legal(name, n)]:
        task, oracle = TASKS[name](length=n), legal(name, n)
        likely, counted = map(np.array, oracle.tables)
        entropy = -np.sum(likely * np.log(np.where(likely > 0, likely, 1))) / len(likely)
        share = counted.max(axis=1).sum() / counted.sum()
        blind = task.levels().blind
        assert (blind.loss, blind.metric) == pytest.approx((entropy, share), abs=1e-9), n
        lags, words = set(), list(oracle.support)
        for word in words[:: max(len(words) // 500, 1)] if "sqrt" not in name else words:
            inputs = oracle.encode(word)
            before, _ = oracle.answer(inputs, None)
            for s in range(oracle.n):
                altered = oracle.alter(inputs, None, s)
                after = before if altered is None else oracle.answer(altered, None)[0]
                lags.update(t - s for t in range(len(inputs)) if after[t] != before[t])
        assert (min(lags, default=0), max(lags, default=0)) == task.lag, n
        assert task.constant == (blind.loss == 0)


@pytest.mark.parametrize(
    ("name", "n", "word", "answer"),
    [
        ("even_pairs", 1, None, [0]),
        ("missing_duplicate_string", 1, [1], [1]),
        ("solve_equation", 1, [0], [0]),
        ("solve_equation", 2, [0, 0], [0]),
        ("binary_addition", 1, [0], [0, 2]),
        ("binary_multiplication", 1, [0], [2]),
        ("binary_multiplication", 2, None, [0, 2]),
        ("binary_multiplication", 3, [1, 2, 1], [1, 2, 0]),
        ("compute_sqrt", 1, [1], [1]),
    ],
)
def test_shortest_words_have_one_answer(name, n, word, answer):
    task = TASKS[f"formal/{name}_deletang2023"](length=n)
    batch = drawn(task, 20)
    assert np.all(batch.targets[n:] == np.array(answer)[:, None])
    assert word is None or np.all(batch.inputs.argmax(axis=-1)[:n] == np.array(word)[:, None])


@pytest.mark.parametrize(("name", "n"), [("stack_manipulation", 1), ("binary_addition", 2), ("compute_sqrt", 3)])
def test_shortest_words_by_the_twin(name, n):
    task, oracle = TASKS[f"formal/{name}_deletang2023"](length=n), twin(f"formal/{name}_deletang2023", length=n)
    seen = set()
    for inputs, targets, _, valid in sequences(drawn(task, 60)):
        oracle.check(inputs, valid)
        assert targets == oracle.answer(inputs, valid)[0]
        seen.add(oracle.word_of(inputs))
    assert seen == set(oracle.support)


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("compute_sqrt", 113),
        ("binary_multiplication", 120),
        ("binary_addition", 120),
        ("modular_arithmetic_brackets", 60),
        ("solve_equation", 61),
        ("modular_arithmetic", 41),
        ("stack_manipulation", 60),
        ("odds_first", 60),
        ("missing_duplicate_string", 60),
    ],
)
def test_long_words_against_whole_numbers_of_python(name, n):
    """No digit is lost where 32 bits end, and no bracket where the stack is deep."""
    task, oracle = TASKS[f"formal/{name}_deletang2023"](length=n), twin(f"formal/{name}_deletang2023", length=n)
    rng = np.random.default_rng(8)
    words = [oracle.draw_word(rng) for _ in range(30)]
    if name == "compute_sqrt":  # squares, and the numbers just below
        roots = [int(rng.integers(2**50)) for _ in range(10)]
        words += [f"{number:0{n}b}" for root in roots for number in (root**2, root**2 - 1)] + ["1" * n]
    inputs = jnp.array([oracle.encode(word) for word in words]).swapaxes(0, 1)
    scored = jnp.broadcast_to(jnp.arange(oracle.steps)[:, None] >= oracle.n, inputs.shape[:2])
    found = np.asarray(compiled(task.targets_of)(inputs, scored))[oracle.n :].T.tolist()
    assert found == [oracle.answer_to(word) for word in words]


@pytest.mark.parametrize("name", [name for name in KINDS if "binary" in name or "stack" in name])
def test_only_steps_up_to_the_end_count(name):
    task = TASKS[name](length=8)
    batch = drawn(task, 50)
    right = 60 * np.eye(3, dtype=np.float32)[batch.targets]
    after = (np.cumsum(batch.targets == 2, axis=0) > 0) & (batch.targets != 2)
    outputs = np.where(after[..., None], right[..., ::-1], right)
    assert float(task.metric(outputs, batch)) == 1.0
    assert not np.any(task.wrong(outputs, batch))
    assert float(task.loss(outputs, batch)) > 1.0
    end = np.where((batch.targets == 2)[..., None], right[..., ::-1], right)
    assert np.all(task.wrong(end, batch))


def test_sampled_level_agrees_with_counting():
    from tasks.formal_numbers import _sampled_products

    sampled, counted = _sampled_products(12), TASKS["formal/binary_multiplication_deletang2023"](length=12).levels()
    assert sampled.loss == pytest.approx(counted.blind.loss, abs=4 * sampled.stderr[0])
    assert sampled.metric == pytest.approx(counted.blind.metric, abs=4 * sampled.stderr[1])
    assert max(sampled.stderr) < 2e-3


def test_level_of_a_root_that_was_sampled():
    """Of 40 bits, to the four digits that sampling gave."""
    blind = TASKS["formal/compute_sqrt_deletang2023"](length=40).levels().blind
    assert (blind.loss, blind.metric) == pytest.approx((0.6845, 0.525), abs=6e-5)
