"""Cells once more, one sequence and one step at a time, from the papers' equations. Nothing here reads the code tested.

Each takes a dict of weights (`W` of the input, `U` of the state, `b`; gates side by side in the order of `split`), the
inputs [T, B, D] and the state before the first step, a tuple of [B, H], and returns the states after every step (a
tuple of [T, B, H], in the same order) and the outputs [T, B, H]. Vectors are columns, as in the papers: a matrix that
is stored [in, out] is used transposed.
"""

import math

import numpy as np


def clip(value, low, high):
    return low if value < low else high if value > high else value


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def srelu(a, right, right_slope, left, left_slope):
    if a >= right:
        return right + right_slope * (a - right)
    if a <= left:
        return left + left_slope * (a - left)
    return a


SCALAR = {  # of one unit's pre-activation
    "linear": lambda a: a,
    "hard_tanh": lambda a: clip(a, -1.0, 1.0),
    "tanh": lambda a: (math.exp(2 * a) - 1) / (math.exp(2 * a) + 1),
    "threshold": lambda a: 1.0 if a >= 0 else -1.0,
    "sine": lambda a: 1.0 if a > math.pi / 2 else -1.0 if a < -math.pi / 2 else math.sin(a),
    "logistic": lambda a: 1 / (1 + math.exp(-a)),
    "relu": lambda a: a if a > 0 else 0.0,
    "srelu": srelu,
}

SLOPE = {  # d f / d a
    "linear": lambda a: 1.0,
    "hard_tanh": lambda a: 1.0 if abs(a) < 1 else 0.0,
    "tanh": lambda a: 1 - SCALAR["tanh"](a) ** 2,
    "threshold": lambda a: 1.0 if abs(a) <= 1 else 0.0,  # straight-through: not the derivative, which is 0
    "sine": lambda a: math.cos(a) if abs(a) < math.pi / 2 else 0.0,
    "logistic": lambda a: SCALAR["logistic"](a) * (1 - SCALAR["logistic"](a)),
    "relu": lambda a: 1.0 if a > 0 else 0.0,
    "srelu": lambda a, right, right_slope, left, left_slope: (
        right_slope if a > right else left_slope if a < left else 1.0
    ),
}


def split(matrix, gates):
    """The blocks of the gates, which lie side by side along the last axis, transposed."""
    return [block.T for block in np.split(np.asarray(matrix), gates, axis=-1)]


def over_time(step, inputs, state, width=None):
    """States and outputs of `step(x, *state of one sequence) -> (state, output)`; outputs as wide as the first part."""
    length, batch, _ = inputs.shape
    states = [np.zeros((length, *part.shape)) for part in state]
    outputs = np.zeros((length, batch, width or state[0].shape[-1]))
    for n in range(batch):
        now = [part[n] for part in state]
        for t in range(length):
            now, outputs[t, n] = step(inputs[t, n], *now)
            for part, value in zip(states, now, strict=True):
                part[t, n] = value
    return tuple(states), outputs


def elman(activation):
    """Elman (1990): h_t = f(W x_t + U h_{t-1} + b)."""

    def run(weights, inputs, state):
        (W,), (U,), b = split(weights["W"], 1), split(weights["U"], 1), weights["b"]
        learned = weights.get("s")  # srelu: four numbers per unit

        def step(x, h):
            a = W @ x + U @ h + b
            scalars = [() if learned is None else tuple(learned[:, unit]) for unit in range(len(a))]
            new = np.array([SCALAR[activation](value, *s) for value, s in zip(a, scalars, strict=True)])
            return [new], new

        return over_time(step, inputs, state)

    return run


def lstm(weights, inputs, state):
    """Gers, Schmidhuber & Cummins (2000), one cell per block. Gates i, f, o, then the candidate g; state h, c."""
    Wi, Wf, Wo, Wg = split(weights["W"], 4)
    Ui, Uf, Uo, Ug = split(weights["U"], 4)
    bi, bf, bo, bg = split(weights["b"], 4)

    def step(x, h, c):
        i = sigmoid(Wi @ x + Ui @ h + bi)
        f = sigmoid(Wf @ x + Uf @ h + bf)
        o = sigmoid(Wo @ x + Uo @ h + bo)
        c_new = f * c + i * np.tanh(Wg @ x + Ug @ h + bg)
        h_new = o * np.tanh(c_new)
        return [h_new, c_new], h_new

    return over_time(step, inputs, state)


def gru_before(weights, inputs, state):
    """Cho et al. (2014), z as in Chung et al. (2014): the reset gate acts on the state, then U. Gates r, z."""
    Wr, Wz, W = split(weights["W"], 3)
    (Ur, Uz), (U,) = split(weights["U"], 2), split(weights["U_n"], 1)
    br, bz, b = split(weights["b"], 3)

    def step(x, h):
        r = sigmoid(Wr @ x + Ur @ h + br)
        z = sigmoid(Wz @ x + Uz @ h + bz)
        candidate = np.tanh(W @ x + U @ (r * h) + b)
        new = (1 - z) * h + z * candidate
        return [new], new

    return over_time(step, inputs, state)


def gru_after(weights, inputs, state):
    """The same with the reset gate after U, which then has a bias of its own."""
    Wr, Wz, W = split(weights["W"], 3)
    Ur, Uz, U = split(weights["U"], 3)
    br, bz, b = split(weights["b"], 3)
    b_u = weights["b_u"]

    def step(x, h):
        r = sigmoid(Wr @ x + Ur @ h + br)
        z = sigmoid(Wz @ x + Uz @ h + bz)
        candidate = np.tanh(W @ x + r * (U @ h + b_u) + b)
        new = (1 - z) * h + z * candidate
        return [new], new

    return over_time(step, inputs, state)
