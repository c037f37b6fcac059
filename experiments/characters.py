"""A small network reads a text character by character, as the page on character networks trains it; and n-grams.

`learn` follows the page: one stream (or several) from the beginning of the text on, the state carried from piece to
piece and the gradient cut between them, sums of losses in the gradient, every entry of it clipped at 5.
"""

from __future__ import annotations

import functools
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from experiments.measuring import Symbols
from ltd.config import Choice
from ltd.model import make_model
from ltd.runtime import precision
from ltd.settings import Run
from ltd.streams import stream
from ltd.trees import disassemble
from ltd.unroll import trajectory, unroll
from tasks import TASKS

SHARE, ADDED = 0.9, 0.1  # of the text that is trained on; what n-grams add to every count
LENGTH = 90_401  # characters of the embedded text: as many as of the sonnets
CLIP, SD, SMOOTHING = 5.0, 0.01, 0.999
SAMPLED, LONG = 4000, 4  # characters drawn to count words; letters of a long word
PHRASE, SHOWN = "shall i compare", 4  # what units are shown over, and how many units


class Text(NamedTuple):
    """Characters as numbers, split; and its symbols."""

    train: np.ndarray
    test: np.ndarray
    symbols: str

    @property
    def words(self) -> frozenset[str]:
        """Of the whole text."""
        return frozenset(self.decoded(np.concatenate([self.train, self.test])).split())

    def decoded(self, codes: Any) -> str:
        """Numbers as characters."""
        return "".join(self.symbols[int(c)] for c in codes)


@dataclass(frozen=True)
class How:
    """A network and its training. `page` is that of the page; `longer` an LSTM with several streams and Adam."""

    cell: str
    streams: int
    piece: int
    updates: int
    rule: Literal["adagrad", "adam"]
    rate: float
    hidden: int = 64
    precision: str = "float32"


HOWS = {
    # in double precision, like the script: in single precision 1 - tanh(a)^2 is 0 for the units that the first large
    # steps of Adagrad saturate, they never come back, and the loss ends 0.05 to 0.08 higher
    "page": How("elman", 1, 25, 5000, "adagrad", 0.1, precision="float64"),
    "longer": How("lstm", 16, 50, 4000, "adam", 3e-3),
}


@functools.lru_cache(maxsize=2)
def read(name: str) -> Text:
    """`sonnets28` (a file: see `ltd data`), or the embedded text `ltd`, whose entropy is known."""
    if name == "ltd":
        from tasks.sentences import ALPHABET

        batch = TASKS["chars/ltd"](length=LENGTH).sample(jax.random.key(0), 1)
        codes, symbols = np.asarray(batch.inputs)[:, 0], ALPHABET
    else:
        found = TASKS[f"chars/{name}"]().text()
        codes, symbols = found.codes, found.symbols
    cut = int(SHARE * len(codes))
    return Text(codes[:cut], codes[cut:], symbols)


@functools.lru_cache(maxsize=4)
def _programs(how: How, symbols: int, length: int):
    """start(seed), fit(params), score(params, codes), draw(params, key), states(params, codes)."""
    build = make_model(Run(cell=Choice(how.cell, {"hidden": how.hidden})), Symbols(symbols, symbols))
    graphdef, _, rest = disassemble(jax.eval_shape(build, jax.random.key(0)))
    rule = optax.chain(
        optax.clip(CLIP), optax.adagrad(how.rate, 0.0, 1e-8) if how.rule == "adagrad" else optax.adam(how.rate)
    )
    net = lambda params: nnx.merge(graphdef, params, rest)  # noqa: E731

    @jax.jit
    def start(seed):
        key = jax.random.key(seed)
        model = build(key)
        if how.cell == "elman":  # N(0, 0.01^2), biases 0
            for name, weights in (("W", model.net.W), ("U", model.net.U), ("V", model.V)):
                weights[...] = SD * jax.random.normal(stream(key, name), weights.shape, weights.dtype)
        return disassemble(model)[1]

    def nats(model, state, codes):
        """Cross-entropy of every character of [T + 1, B] but the first, and the state behind the last but one."""
        state, outputs = unroll(model.net, model.embed(codes[:-1]), state)
        return optax.softmax_cross_entropy_with_integer_labels(model.readout(outputs), codes[1:]), state

    pieces = (length // how.streams - 1) // how.piece

    @jax.jit
    def fit(params, codes):
        rows = codes[: length // how.streams * how.streams].reshape(how.streams, -1).T  # [time, stream]
        zero = net(params).initial_state(how.streams)

        def one(carry, update):
            params, moments, state = carry
            at = update % pieces
            state = jax.tree.map(lambda new, old: jnp.where(at == 0, new, old), zero, state)
            piece = jax.lax.dynamic_slice_in_dim(rows, at * how.piece, how.piece + 1)

            def loss(params):
                found, after = nats(net(params), state, piece)
                return jnp.sum(found) / how.streams, (jnp.mean(found), after)

            (_, (mean, state)), grads = jax.value_and_grad(loss, has_aux=True)(params)
            moves, moments = rule.update(grads, moments, params)
            return (optax.apply_updates(params, moves), moments, state), mean

        carry = (params, rule.init(params), zero)
        (params, _, _), means = jax.lax.scan(one, carry, jnp.arange(how.updates))
        return params, means

    @jax.jit
    def score(params, codes):
        model = net(params)
        return jnp.mean(nats(model, model.initial_state(1), codes[:, None])[0])

    @jax.jit
    def draw(params, key, first):
        model = net(params)
        kernel = model.net.kernel()

        def one(carry, key):
            state, code = carry
            state, h = model.net.step(kernel, state, model.net.project(model.embed(code[None])[0]))
            code = jax.random.categorical(key, model.readout(h)).astype(code.dtype)
            return (state, code), code[0]

        return jax.lax.scan(one, (model.initial_state(1), first[None]), jax.random.split(key, SAMPLED))[1]

    @jax.jit
    def states(params, codes):
        model = net(params)
        return trajectory(model.net, model.embed(codes[:, None]), model.initial_state(1))[-1][:, 0]

    return start, fit, score, draw, states


def learn(text: str, how: str, seed: int) -> dict[str, Any]:
    """One network: its loss curve, what it scores on the rest of the text, samples, words, states; plain values."""
    found, about = read(text), HOWS[how]
    with precision(about.precision):
        start, fit, score, draw, states = _programs(about, len(found.symbols), len(found.train))
        fresh = start(jnp.uint32(seed))
        params, means = fit(fresh, jnp.asarray(found.train))
        losses = np.asarray(means, float)
        space = jnp.int32(found.symbols.index(" "))
        key = stream(jax.random.key(seed), "samples")
        samples = {when: found.decoded(draw(p, key, space)) for when, p in (("before", fresh), ("after", params))}
        held_out = float(score(params, jnp.asarray(found.test)))
        walked = np.asarray(states(params, jnp.asarray(found.test)), float)
        phrase = PHRASE if set(PHRASE) <= set(found.symbols) else found.decoded(found.train[: len(PHRASE)])
        shown = states(params, jnp.asarray([found.symbols.index(c) for c in phrase]))[:, :SHOWN]
    jumps = np.linalg.norm(np.diff(walked, axis=0), axis=1)
    at_space = found.test[1:] == found.symbols.index(" ")
    return {
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(params)),
        "first": losses[0],
        "curve": losses[: len(losses) // 50 * 50].reshape(-1, 50).mean(axis=1).tolist(),
        "smoothed": smoothed(losses, math.log(len(found.symbols))),
        "last 500": float(losses[-500:].mean()),
        "last 100": float(losses[-100:].mean()),
        "held out": held_out,
        "words before": share_of_words(samples["before"], found.words)[0],
        "words": share_of_words(samples["after"], found.words)[0],
        "long words": share_of_words(samples["after"], found.words)[1],
        "sample before": samples["before"][:160],
        "sample": samples["after"][:160],
        "phrase": phrase,
        "units": np.asarray(shown, float).round(3).tolist(),
        "jump at a space": float(jumps[at_space].mean()),
        "jump elsewhere": float(jumps[~at_space].mean()),
        "jump p": permutation(jumps, at_space, seed),
    }


def smoothed(losses: np.ndarray, first: float) -> float:
    """The running mean of the script that the page is made from: 0.999 of the old, 0.001 of the new."""
    value = first
    for loss in losses:
        value = SMOOTHING * value + (1 - SMOOTHING) * float(loss)
    return value


def share_of_words(sample: str, words: frozenset[str]) -> tuple[float, float]:
    """The share of sampled words that stand in the text: of all, and of those of four letters or more.

    The first and the last word may be cut and are left out.
    """
    drawn = sample.split()[1:-1]
    long = [word for word in drawn if len(word) >= LONG]
    each = [sum(word in words for word in part) / len(part) if part else 0.0 for part in (drawn, long)]
    return each[0], each[1]


def permutation(jumps: np.ndarray, at_space: np.ndarray, seed: int, draws: int = 2000) -> float:
    """One-sided p-value of the mean jump at spaces being the larger, by spaces put in other places."""
    rng, observed = np.random.default_rng(seed), jumps[at_space].mean()
    count = int(at_space.sum())
    means = np.array([rng.choice(jumps, count, replace=False).mean() for _ in range(draws)])
    return float(np.sum(means >= observed) + 1) / (draws + 1)


def ngram(text: str, order: int, seed: int = 0) -> dict[str, float]:
    """Counts of `order` characters plus 0.1: nats per character of the rest of the text, its words, and its size.

    Free parameters are those of the contexts that occur.
    """
    found = read(text)
    size = len(found.symbols)
    counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    train = found.train.tolist()
    for at in range(order - 1, len(train)):
        counts[tuple(train[at - order + 1 : at])][train[at]] += 1
    test, total = found.test.tolist(), 0.0
    for at in range(order - 1, len(test)):
        row = counts.get(tuple(test[at - order + 1 : at]), Counter())
        total -= math.log((row[test[at]] + ADDED) / (sum(row.values()) + ADDED * size))
    rng, drawn = np.random.default_rng(seed), train[: order - 1]
    for _ in range(SAMPLED):
        row = counts.get(tuple(drawn[len(drawn) - order + 1 :]), Counter())
        weights = np.array([row[code] + ADDED for code in range(size)])
        drawn.append(int(rng.choice(size, p=weights / weights.sum())))
    words = share_of_words(found.decoded(drawn), found.words)
    return {
        "held out": total / (len(test) - order + 1),
        "nonzero counts": float(sum(len(row) for row in counts.values())),
        "free parameters": float(len(counts) * (size - 1)),
        "words": words[0],
        "long words": words[1],
    }
