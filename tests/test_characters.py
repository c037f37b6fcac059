"""The character network against the script that it follows, written in numpy; n-grams and words by counting."""

import dataclasses
import math
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import characters
from ltd.runtime import precision
from ltd.trees import flat

SHORT = dataclasses.replace(characters.HOWS["page"], updates=40, hidden=7)


def script(weights, codes, piece, updates):
    """Losses of the first updates: hyperbolic tangents, sums of losses, entries clipped at 5, Adagrad at 0.1."""
    W, U, b, V, c = weights
    memory = [np.zeros_like(w) for w in weights]
    losses, at, h = [], 0, np.zeros(len(U))
    for update in range(updates):
        if at + piece + 1 >= len(codes) or update == 0:
            at, h = 0, np.zeros(len(U))
        x, y = codes[at : at + piece], codes[at + 1 : at + piece + 1]
        states, shares = [h], []
        for k in range(piece):
            h = np.tanh(W[x[k]] + h @ U + b)
            e = np.exp(h @ V + c)
            states.append(h)
            shares.append(e / e.sum())
        losses.append(-np.mean([np.log(p[k]) for p, k in zip(shares, y, strict=True)]))
        grads, after = [np.zeros_like(w) for w in weights], np.zeros(len(U))
        for k in reversed(range(piece)):
            miss = shares[k] - np.eye(len(c))[y[k]]
            grads[3] += np.outer(states[k + 1], miss)
            grads[4] += miss
            back = (1 - states[k + 1] ** 2) * (V @ miss + after)
            grads[0][x[k]] += back
            grads[1] += np.outer(states[k], back)
            grads[2] += back
            after = U @ back
        for w, g, m in zip(weights, grads, memory, strict=True):
            g = np.clip(g, -5, 5)
            m += g * g
            w -= 0.1 * g / np.sqrt(m + 1e-8)
        at += piece
    return losses


def test_training_is_that_of_the_script():
    text = characters.read("ltd")
    codes = text.train[:500]  # so that it comes round to the beginning
    with precision("float64"):
        start, fit, *_ = characters._programs(SHORT, len(text.symbols), len(codes))
        fresh = start(jnp.uint32(3))
        _, means = fit(fresh, jnp.asarray(codes))
        named = {name.split(".")[-1]: np.array(leaf) for name, leaf in flat(jax.device_get(fresh)).items()}
    weights = [named[name] for name in ("W", "U", "b", "V", "b_y")]
    assert all(0.005 < w.std() < 0.02 for w in (weights[0], weights[1], weights[3])) and not np.any(weights[2])
    np.testing.assert_allclose(means, script(weights, codes, SHORT.piece, SHORT.updates), 1e-6)
    assert means[0] == pytest.approx(math.log(27), abs=0.02) and means[-1] < means[0]


def test_an_ngram_is_counted():
    text = characters.read("ltd")
    found = characters.ngram("ltd", 3)
    pairs, triples = Counter(), Counter()
    train, test = text.decoded(text.train), text.decoded(text.test)
    for i in range(2, len(train)):
        pairs[train[i - 2 : i]] += 1
        triples[train[i - 2 : i + 1]] += 1
    logs = [
        math.log((triples[test[i - 2 : i + 1]] + 0.1) / (pairs[test[i - 2 : i]] + 0.1 * 27))
        for i in range(2, len(test))
    ]
    assert found["held out"] == pytest.approx(-np.mean(logs), rel=1e-9)
    assert found["nonzero counts"] == len(triples) and found["free parameters"] == 26 * len(pairs)
    assert 0 <= found["long words"] <= found["words"] <= 1


def test_words_are_looked_up():
    words = frozenset(["the", "river", "again"])
    assert characters.share_of_words("xthe river rivet the again a", words) == (0.75, pytest.approx(2 / 3))
    assert characters.share_of_words("the", words) == (0.0, 0.0)


def test_jumps_are_told_from_chance():
    rng = np.random.default_rng(0)
    jumps, spaces = rng.normal(size=400), np.arange(400) % 5 == 0
    assert characters.permutation(jumps + spaces, spaces, 0, 200) < 0.01
    assert characters.permutation(jumps - spaces, spaces, 0, 200) > 0.9


def test_a_network_is_learned_and_looked_at(monkeypatch):
    monkeypatch.setitem(characters.HOWS, "page", SHORT)
    monkeypatch.setattr(characters, "SAMPLED", 200)
    found = characters.learn("ltd", "page", 0)
    assert found["parameters"] == 27 * 7 + 7 * 7 + 7 + 7 * 27 + 27
    assert len(found["units"]) == 15 and len(found["units"][0]) == 4 and len(found["phrase"]) == 15
    assert 0 < found["held out"] < 10 and 0 < found["jump p"] <= 1
