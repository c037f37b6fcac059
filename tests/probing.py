"""Networks and batches for the tests of probes."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ltd.cells import constructor
from ltd.model import Model
from ltd.settings import Initial
from ltd.types import Batch


def network(name, key, hidden=5, inputs=2, **options):
    return around(constructor(name)(key, inputs, hidden, **options), key)


def around(cell, key):
    """A network with this cell."""
    return Model(key, cell, 1, False, Initial())


def linear(U, key, inputs=1):
    """h_t = x_t W + h_{t-1} U, with W = (1, 0, .., 0)."""
    model = network("elman", key, len(U), inputs, activation="linear")
    model.net.U[...], model.net.W[...] = jnp.asarray(U), jnp.zeros((inputs, len(U))).at[0, 0].set(1)
    return model


def batch_of(key, length=20, samples=2, inputs=2):
    x = jax.random.normal(key, (length, samples, inputs), jnp.result_type(float))
    return Batch(x, x[..., 0], jnp.zeros((length, samples), bool), None)


def padded(batch, real):
    """The first sequence ends after so many steps, with rubbish behind."""
    valid = jnp.ones(batch.scored.shape, bool).at[real:, 0].set(False)
    return batch._replace(inputs=batch.inputs.at[real:, 0].set(7.0), valid=valid)


def walked(model, batch, sample):
    """(states after every step, step Jacobians), by forward differentiation of one step at a time."""
    cell = model.net
    flat, unflatten = ravel_pytree(cell.initial_state((1,)))

    @jax.jit
    def step(flat, x):
        return ravel_pytree(cell.step(cell.kernel(), unflatten(flat), cell.project(x))[0])[0]

    states, steps, differentiate = [], [], jax.jit(jax.jacfwd(step))
    for x in np.asarray(batch.inputs[:, sample : sample + 1]):
        steps.append(np.asarray(differentiate(flat, x)))
        flat = step(flat, x)
        states.append(np.asarray(flat))
    return np.array(states), np.array(steps)
