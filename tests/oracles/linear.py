"""Identity, orthogonal, unitary and linear networks once more, one sequence and one step at a time, in plain numpy.

States of complex networks are columns of complex numbers here; their real and imaginary parts stand in the state.
"""

import cmath
import math

import numpy as np
import scipy.linalg

from oracles.cells import SCALAR, over_time, sigmoid, split


def irnn(weights, inputs, state):
    """Le, Jaitly & Hinton (2015): h_t = max(0, W x_t + U h_{t-1} + b)."""
    (W,), (U,) = split(weights["W"], 1), split(weights["U"], 1)

    def step(x, h):
        new = np.maximum(0, W @ x + U @ h + weights["b"])
        return [new], new

    return over_time(step, inputs, state)


def lt_rnn(activation="linear", pooling=False):
    """Henaff, Szlam & LeCun (2016): h_t = f(W x_t + b) + U h_{t-1}, read as it is or by the norms of pairs."""

    def run(weights, inputs, state):
        (W,), (U,) = split(weights["W"], 1), split(weights["U"], 1)

        def step(x, h):
            new = np.array([SCALAR[activation](a) for a in W @ x + weights["b"]]) + U @ h
            out = [math.hypot(new[k], new[k + 1]) for k in range(0, len(new), 2)] if pooling else new
            return [new], out

        return over_time(step, inputs, state, state[0].shape[-1] // 2 if pooling else None)

    return run


def modrelu(z, b):
    """relu(|z| + b) z / |z|, of one real or complex number."""
    return 0 if z == 0 else max(abs(z) + b, 0) * z / abs(z)


def unitary(weights, permutation):
    """D_3 R_2 F^-1 D_2 P R_1 F D_1 as matrices one after the other."""
    size = weights["theta"].shape[-1]
    D1, D2, D3 = (np.diag([cmath.exp(1j * angle) for angle in row]) for row in weights["theta"])
    R1, R2 = (
        np.eye(size) - 2 * np.outer(v, v.conj()) / np.vdot(v, v).real
        for v in weights["v"][:, 0] + 1j * weights["v"][:, 1]
    )
    F = np.fft.fft(np.eye(size)) / math.sqrt(size)
    P = np.eye(size)[permutation]
    return D3 @ R2 @ np.linalg.inv(F) @ D2 @ P @ R1 @ F @ D1


def urnn(weights, inputs, state):
    """Arjovsky, Shah & Bengio (2016): h_t = modrelu(U h_{t-1} + V x_t); the output is [Re h; Im h]."""
    V_re, V_im = split(weights["W"], 2)
    size = len(weights["b"])
    U = unitary(weights, np.random.default_rng(0).permutation(size))

    def step(x, re, im):
        z = U @ (re + 1j * im) + (V_re + 1j * V_im) @ x
        h = np.array([modrelu(value, b) for value, b in zip(z, weights["b"], strict=True)])
        return [h.real, h.imag], np.concatenate([h.real, h.imag])

    return over_time(step, inputs, state, 2 * size)


def skew(entries, size):
    A = np.zeros((size, size))
    entries = iter(entries)
    for row in range(size):
        for column in range(row + 1, size):
            A[row, column] = next(entries)
            A[column, row] = -A[row, column]
    return A


def orthogonal(matrix_of):
    """h_t = modrelu(W x_t + U' h_{t-1}) with U made of a skew matrix by `matrix_of`."""

    def run(weights, inputs, state):
        (W,), b = split(weights["W"], 1), weights["b"]
        U = matrix_of(skew(weights["a"], len(b)))

        def step(x, h):
            a = W @ x + U.T @ h
            new = np.array([modrelu(value, shift) for value, shift in zip(a, b, strict=True)])
            return [new], new

        return over_time(step, inputs, state)

    return run


def cayley(share):
    """(I + A)^-1 (I - A) D, the last units of D negative."""

    def matrix(A):
        size = len(A)
        signs = [-1 if unit >= size - round(share * size) else 1 for unit in range(size)]
        return np.linalg.solve(np.eye(size) + A, np.eye(size) - A) @ np.diag(signs)

    return matrix


exprnn = orthogonal(scipy.linalg.expm)


def scornn(share):
    return orthogonal(cayley(share))


def lru(weights, inputs, state):
    """Orvieto et al. (2023): h_t = lambda h_{t-1} + n (B x_t), y_t = Re(C h_t) + F x_t."""
    poles = np.array(
        [
            cmath.exp(complex(-math.exp(nu), math.exp(th)))
            for nu, th in zip(weights["nu"], weights["theta"], strict=True)
        ]
    )
    n = np.exp(weights["log_n"]) if "log_n" in weights else np.sqrt(1 - np.abs(poles) ** 2)
    B, C, F = (weights["B"][0] + 1j * weights["B"][1]).T, (weights["C"][0] + 1j * weights["C"][1]).T, weights["F"].T

    def step(x, re, im):
        h = poles * (re + 1j * im) + n * (B @ x)
        return [h.real, h.imag], (C @ h).real + F @ x

    return over_time(step, inputs, state, len(F))


def gelu(y):
    """By its approximation with a tanh."""
    return 0.5 * y * (1 + np.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))


def s5(activation="none"):
    """Smith et al. (2023): both states of each conjugate pair, each a scalar equation held between steps."""

    def run(weights, inputs, state):
        half = weights["A"][0] + 1j * weights["A"][1]
        B, C, F = (weights["B"][0] + 1j * weights["B"][1]).T, (weights["C"][0] + 1j * weights["C"][1]).T, weights["F"].T
        dt = np.exp(weights["log_step"])

        def step(x, re, im):
            half_new, new = re + 1j * im, []
            for pole, held, b, h in zip(half, dt, B @ x, half_new, strict=True):
                new.append(cmath.exp(pole * held) * h + (cmath.exp(pole * held) - 1) / pole * b)
            h = np.array(new)
            y = C @ h + C.conj() @ h.conj() + F @ x
            return [h.real, h.imag], gelu(y.real) if activation == "gelu" else y.real

        return over_time(step, inputs, state, len(F))

    return run


def min_gru(weights, inputs, state):
    """Feng et al. (2024): z, n see the input alone. Blocks z, n."""
    Wz, Wn = split(weights["W"], 2)
    bz, bn = split(weights["b"], 2)

    def step(x, h):
        z = sigmoid(Wz @ x + bz)
        new = (1 - z) * h + z * (Wn @ x + bn)
        return [new], new

    return over_time(step, inputs, state)


def min_lstm(weights, inputs, state):
    """Feng et al. (2024): f and i see the input alone and are made to add up to one. Blocks f, i, n."""
    Wf, Wi, Wn = split(weights["W"], 3)
    bf, bi, bn = split(weights["b"], 3)

    def step(x, h):
        f, i = sigmoid(Wf @ x + bf), sigmoid(Wi @ x + bi)
        new = f / (f + i) * h + i / (f + i) * (Wn @ x + bn)
        return [new], new

    return over_time(step, inputs, state)
