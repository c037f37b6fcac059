"""One run of the adding problem as a plain Flax script would do it: nnx.RNN over nnx.LSTMCell, Adam, a jitted step.

    python -m benchmarks.peer_adding SEED LEARNING_RATE UPDATES FILE

The problem, sizes and checks are those of the sweep in `benchmarks.sweeps`; nothing of ltd is used.
"""

from __future__ import annotations

import json
import sys

import jax
import jax.numpy as jnp
import optax
from flax import nnx

LENGTH, HIDDEN, BATCH, EVERY, TEST = 100, 64, 32, 100, 256


def sample(key, batch):
    """Values in [0, 1) and two marks, one in each half; the target is the sum of the marked values."""
    values, first, second = jax.random.split(key, 3)
    x = jax.random.uniform(values, (batch, LENGTH))
    half = LENGTH // 2
    i = jax.random.randint(first, (batch,), 0, half)
    j = jax.random.randint(second, (batch,), half, LENGTH)
    marks = jax.nn.one_hot(i, LENGTH) + jax.nn.one_hot(j, LENGTH)
    return jnp.stack([x, marks], -1), jnp.sum(x * marks, -1)


class Net(nnx.Module):
    """LSTM and a linear read-out of its last output."""

    def __init__(self, rngs):
        self.rnn = nnx.RNN(nnx.LSTMCell(2, HIDDEN, rngs=rngs))
        self.readout = nnx.Linear(HIDDEN, 1, rngs=rngs)

    def __call__(self, x):
        zeros = jnp.zeros((len(x), HIDDEN))  # the default start draws from a counter, which jax.grad refuses
        return self.readout(self.rnn(x, initial_carry=(zeros, zeros))[:, -1])[:, 0]


def main() -> int:
    seed, rate, updates, file = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    graphdef, params, rest = nnx.split(Net(nnx.Rngs(seed)), nnx.Param, ...)
    rule = optax.adam(rate)
    moments = rule.init(params)

    def loss_of(params, batch):
        x, y = batch
        return jnp.mean((nnx.merge(graphdef, params, rest)(x) - y) ** 2)

    @jax.jit
    def step(params, moments, key):
        loss, grads = jax.value_and_grad(loss_of)(params, sample(key, BATCH))
        moves, moments = rule.update(grads, moments, params)
        return optax.apply_updates(params, moves), moments, loss

    evaluate = jax.jit(lambda params: loss_of(params, sample(jax.random.key(381), TEST)))
    key, rows = jax.random.key(seed + 1), []
    for update in range(updates):
        params, moments, loss = step(params, moments, jax.random.fold_in(key, update))
        if (update + 1) % EVERY == 0:
            rows.append({"update": update + 1, "train/loss": float(loss), "eval/loss": float(evaluate(params))})
    with open(file, "w") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
