"""Nets once more, one sequence and one step at a time. Nothing here reads the code tested.

Each takes a dict of weights by dotted name, the inputs [T, B, D] and the parts of the state before the first step, a
list of arrays with the batch first, and returns the parts after the last step, in the same order, and the outputs.
"""

import numpy as np

from oracles.cells import SCALAR, sigmoid


def apply(name, a):
    return np.vectorize(SCALAR[name], otypes=[float])(a)


def per_sequence(run, inputs, state):
    """`run(x [T, D], *parts of one sequence) -> (parts after the last step, outputs [T, W])` for each sequence."""
    finals, outputs = [], []
    for n in range(inputs.shape[1]):
        final, out = run(inputs[:, n], *[part[n] for part in state])
        finals.append(final)
        outputs.append(out)
    return [np.stack(parts) for parts in zip(*finals, strict=True)], np.stack(outputs, axis=1)


def window(past, activation):
    def run(weights, inputs, state):
        W, b = weights["W"].T, weights["b"]

        def one(x, buffer):
            line, outputs = [*buffer, *x], []
            for t in range(len(x)):
                now = past + t
                seen = [line[now - k] for k in range(past + 1)]
                outputs.append(apply(activation, W @ np.concatenate(seen) + b))
            return [np.array(line[-past:])], np.array(outputs)

        return per_sequence(one, inputs, state)

    return run


def fsmn(layers, past, ahead, activation):
    """m_t = sum_i a_i h_{t-i} + sum_j c_j h_{t+j}, zero outside the sequence; next layer f(U h + M m + b)."""

    def run(weights, inputs, state):
        W, a, b = weights["W"].T, weights["a"], weights["b"]

        def one(x, *buffers):
            h = [apply(activation, W @ x_t + b[0]) for x_t in x]
            new = []
            for layer in range(layers):
                U, M = weights["U"][layer].T, weights["M"][layer].T
                line = {t: h_t for t, h_t in enumerate(h)}
                line |= {-1 - k: row for k, row in enumerate(reversed(buffers[layer]))}
                new.append(np.array([line[t] for t in range(len(x) - past, len(x))]))
                above = []
                for t in range(len(x)):
                    m = sum(a[layer, i] * line[t - i] for i in range(past + 1))
                    for j in range(1, ahead + 1):
                        m = m + weights["c"][layer, j - 1] * line.get(t + j, np.zeros_like(h[0]))
                    above.append(apply(activation, U @ h[t] + M @ m + b[layer + 1]))
                h = above
            return new, np.array(h)

        return per_sequence(one, inputs, state)

    return run


def under(weights, prefix):
    """The weights whose name begins with the prefix, without it."""
    return {name.removeprefix(prefix + "."): w for name, w in weights.items() if name.startswith(prefix + ".")}


def cell(oracle):
    """A cell's oracle as that of a net: the last states only."""

    def run(weights, inputs, state):
        states, outputs = oracle(weights, inputs, state)
        return [part[-1] for part in states], outputs

    return run


def normed(u, s, m):
    return s * (u - u.mean(axis=-1, keepdims=True)) / np.sqrt(u.var(axis=-1, keepdims=True) + 1e-6) + m


def stacked(inner, parts, norm=False, residual=False):
    """Layers with `parts[l]` parts of state each."""

    def run(weights, inputs, state):
        h, final, state = inputs, [], list(state)
        for layer, count in enumerate(parts):
            mine, state = state[:count], state[count:]
            new, out = inner(under(weights, f"layers.{layer}"), h, mine)
            final += new
            if residual and out.shape == h.shape:
                out = out + h
            if norm and layer < len(parts) - 1:
                out = normed(out, weights[f"s.{layer}"], weights[f"m.{layer}"])
            h = out
        return final, h

    return run


def bidirectional(inner, count):
    """The backward net reads the sequence from its end; `count` parts of state each."""

    def run(weights, inputs, state):
        ahead, a = inner(under(weights, "forward"), inputs, state[:count])
        behind, b = inner(under(weights, "backward"), inputs[::-1], state[count:])
        return [*ahead, *behind], np.concatenate([a, b[::-1]], axis=-1)

    return run


def sliding_window(inner, start, past, ahead):
    """One window after the other, cut at the ends of the sequence; each begins with the state `start(batch)`."""

    def run(weights, inputs, state):
        length, batch, _ = inputs.shape
        outputs = []
        for t in range(length):
            low, high = max(0, t - past), min(length, t + ahead + 1)
            _, out = inner(under(weights, "net"), inputs[low:high], start(batch))
            outputs.append(out[t - low])
        return [], np.array(outputs)

    return run


def deep(depth, activation, gated):
    def run(weights, inputs, state):
        outputs = np.zeros((*inputs.shape[:2], weights["b"].shape[0]))
        for t in range(inputs.shape[0]):
            for n in range(inputs.shape[1]):
                y = apply(activation, weights["W"].T @ inputs[t, n] + weights["b"])
                for layer in range(depth):
                    new = apply(activation, weights["U"][layer].T @ y + weights["c"][layer])
                    if gated:
                        T = sigmoid(weights["G"][layer].T @ y + weights["d"][layer])
                        new = T * new + (1 - T) * y
                    y = new
                outputs[t, n] = y
        return [], outputs

    return run
