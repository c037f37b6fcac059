"""Early stopping: bands, thresholds and decisions against a naive twin written from the published rule."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltd.config import ConfigError
from ltd.sweep import hyperband
from ltd.sweep.hyperband import Hyperband
from oracles import hyperband as oracle

VALUES = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([None, math.nan, math.inf, -math.inf]))
WHERE = st.one_of(
    st.fixed_dictionaries({"min_iter": st.integers(1, 6)}),
    st.fixed_dictionaries({"max_iter": st.integers(4, 40), "s": st.integers(1, 5)}),
)


@pytest.mark.parametrize(
    ("where", "bands"),
    [
        ({"min_iter": 3, "eta": 3}, [3, 9, 27, 81]),
        ({"min_iter": 1, "eta": 2}, [1, 2, 4, 8, 16, 32, 64]),
        ({"min_iter": 2, "eta": 1.5}, [2, 3, 4, 6, 10, 15, 22, 34, 51, 76]),
        ({"max_iter": 27, "s": 2, "eta": 3}, [3, 9]),
        ({"max_iter": 27, "s": 9, "eta": 3}, [1, 3, 9]),
        ({"max_iter": 100, "s": 3, "eta": 2}, [12, 25, 50]),
        ({"max_iter": 1000, "s": 2, "eta": 3}, []),  # 111 and 333
    ],
)
def test_bands_are_those_of_the_published_rule(where, bands):
    assert Hyperband(**where).bands(100) == bands
    assert [band for band in oracle.rungs(**where) if band <= 100] == bands


def test_the_worst_stop_and_the_best_go_on():
    histories = [[9, 1], [9, 2], [9, 3], [9, 4], [9], [9, 9]]
    rule = Hyperband(min_iter=2, eta=3)  # of five values at check 2: place int(5/3) = 1, so 2 is the threshold
    assert rule.stops("minimize", histories, [False] * 6) == [False, False, True, True, False, True]
    assert rule.stops("maximize", histories, [False] * 6) == [True, True, True, False, False, False]
    ended = [False, False, True, False, False, True]
    assert rule.stops("minimize", histories, ended) == [False, False, False, True, False, False]


def test_a_run_that_was_good_once_goes_on_unless_strict():
    histories = [[5, 1], [0, 7], [5, 2]]
    assert Hyperband(min_iter=2).stops("minimize", histories, [False] * 3) == [False, True, False]
    assert Hyperband(min_iter=2, strict=False).stops("minimize", histories, [False] * 3) == [False, False, False]


def test_what_is_not_finite_is_the_worst_for_either_goal():
    for goal in ("minimize", "maximize"):
        for worst in (math.nan, math.inf, -math.inf, None):
            histories = [[1.0], [1.0], [worst], [1.0]]
            assert Hyperband(min_iter=1).stops(goal, histories, [False] * 4) == [False, False, True, False]


def test_before_the_first_band_and_alone_nothing_stops():
    assert Hyperband(min_iter=3).stops("minimize", [[1.0, 2.0], [], [9.0]], [False] * 3) == [False] * 3
    assert Hyperband(min_iter=1).stops("minimize", [[9.0] * 30], [False]) == [False]
    assert Hyperband(min_iter=1).stops("minimize", [], []) == []
    assert Hyperband(min_iter=1).stops("minimize", [[None], [None]], [False] * 2) == [False] * 2


@settings(max_examples=300, deadline=None)
@given(st.data(), WHERE, st.sampled_from([2, 3, 4, 1.5]), st.booleans(), st.sampled_from(["minimize", "maximize"]))
def test_decisions_are_those_of_the_naive_twin(data, where, eta, strict, goal):
    histories = data.draw(st.lists(st.lists(VALUES, max_size=30), max_size=12))
    ended = data.draw(st.lists(st.booleans(), min_size=len(histories), max_size=len(histories)))
    found = Hyperband(eta=eta, strict=strict, **where).stops(goal, histories, ended)
    assert found == oracle.stops(eta, strict, goal, histories, ended, **where)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40, unique=True), st.sampled_from([2, 3, 5]))
def test_no_more_than_the_threshold_and_its_betters_go_on(values, eta):
    found = Hyperband(min_iter=1, eta=eta).stops("minimize", [[float(v)] for v in values], [False] * len(values))
    assert found.count(False) == len(values) // eta + 1
    assert not found[values.index(min(values))]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "type: hyperband"),
        ("hyperband", "type: hyperband"),
        ({"type": "envelope", "min_iter": 3}, "type: hyperband"),
        ({"min_iter": 3}, "type: hyperband"),
        ({"type": "hyperband"}, "either min_iter"),
        ({"type": "hyperband", "min_iter": 3, "max_iter": 9, "s": 2}, "either min_iter"),
        ({"type": "hyperband", "max_iter": 27}, "belong together"),
        ({"type": "hyperband", "min_iter": 3, "s": 2}, "belong together"),
        ({"type": "hyperband", "min_iter": 0}, "min_iter = 0 must be a whole number of at least 1"),
        ({"type": "hyperband", "min_iter": 2.5}, "min_iter = 2.5"),
        ({"type": "hyperband", "min_iter": True}, "min_iter = True"),
        ({"type": "hyperband", "max_iter": 27, "s": 0}, "s = 0"),
        ({"type": "hyperband", "max_iter": 2, "s": 1}, "max_iter = 2 must be at least eta = 3"),
        ({"type": "hyperband", "min_iter": 3, "eta": 1}, "eta = 1 must be a finite number above 1"),
        ({"type": "hyperband", "min_iter": 3, "eta": math.nan}, "eta = nan"),
        ({"type": "hyperband", "min_iter": 3, "eta": math.inf}, "eta = inf"),
        ({"type": "hyperband", "min_iter": 3, "eta": "3"}, "eta = '3'"),
        ({"type": "hyperband", "min_iter": 3, "strict": "no"}, "strict = 'no'"),
        ({"type": "hyperband", "min_iters": 3}, "Did you mean 'early_terminate.min_iter'"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_in_one_line(raw, words):
    with pytest.raises(ConfigError, match="early_terminate") as error:
        hyperband.read(raw)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_file_gives_the_rule():
    assert hyperband.read({"type": "hyperband", "min_iter": 3}) == Hyperband(min_iter=3, eta=3, strict=True)
    given = {"type": "hyperband", "max_iter": 27, "s": 2, "eta": 2, "strict": False}
    assert hyperband.read(given) == Hyperband(max_iter=27, s=2, eta=2, strict=False)
