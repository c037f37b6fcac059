"""Terms and gradients of training once more, in loops, from the papers. Nothing here reads the code tested.

The network is Elman's with tanh, and a linear read-out V, c: h_t = tanh(W x_t + U h_{t-1} + b), y_t = V h_t + c.
Vectors are columns, as in the papers; what a cell stores [in, out] is transposed before it gets here. One sequence.
"""

import numpy as np


def run(weights, inputs, h):
    """States h_0..h_T and outputs y_1..y_T."""
    states, outputs = [h], []
    for x in inputs:
        h = np.tanh(weights["W"] @ x + weights["U"] @ h + weights["b"])
        states.append(h)
        outputs.append(weights["V"] @ h + weights["c"])
    return states, outputs


def costates(weights, states, errors):
    """dL/dh_k for k = 0..T as rows, where `errors` are dL/dy_t."""
    found = [np.zeros_like(states[0])]
    for h, error in zip(states[:0:-1], errors[::-1], strict=True):
        here = found[0] + error @ weights["V"]
        found = [(here * (1 - h**2)) @ weights["U"], here, *found[1:]]
    return found


def omega(weights, states, adjoints, variant, counted):
    """Omega of several sequences: `states`, `adjoints` and `counted` (which steps are real) hold one entry for each."""
    terms, sums = [], 0.0
    for h, d, real in zip(states, adjoints, counted, strict=True):
        for k in range(len(h) - 1):
            J = np.diag(1 - h[k + 1] ** 2) @ weights["U"]
            norm, through = np.sum(d[k + 1] ** 2), np.sum((d[k + 1] @ J) ** 2)
            if not real[k]:
                continue
            if variant == "paper" and norm > 0:
                sums += (np.sqrt(through / norm) - 1) ** 2
            if variant == "code" and norm >= 1e-20:
                terms.append((through / norm - 1) ** 2)
    return sums / len(states) if variant == "paper" else (np.mean(terms) if terms else 0.0)


def omega_gradient(weights, states, adjoints, variant, counted, step=1e-6):
    """Of Omega by U where states, slopes and adjoints do not move: by central differences, entry for entry."""
    found = np.zeros_like(weights["U"])
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            sides = []
            for sign in (1, -1):
                U = weights["U"].copy()
                U[i, j] += sign * step
                sides.append(omega({**weights, "U": U}, states, adjoints, variant, counted))
            found[i, j] = (sides[0] - sides[1]) / (2 * step)
    return found


def l1(matrices):
    return sum(abs(float(u)) for U in matrices for row in U for u in row)


def l2(matrices):
    return sum(float(u) ** 2 for U in matrices for row in U for u in row)


def truncated(weights, inputs, h, errors, k1, k2):
    """BPTT(k2; k1) of Williams & Peng (1990), every error on its own: gradients of W, U, b, V, c and of h_0.

    The error of step t (from 1) is carried back by the first pass not before t: by way of the steps from
    (that pass's time) - k2 + 1 on.
    """
    states, T = run(weights, inputs, h)[0], len(inputs)
    found = {name: np.zeros_like(value) for name, value in weights.items()} | {"h": np.zeros_like(h)}
    for t in range(1, T + 1):
        passed = min(-(-t // k1) * k1, T)
        first = max(passed - k2 + 1, 1)
        error = np.asarray(errors[t - 1])
        found["V"] += np.outer(error, states[t])
        found["c"] += error
        d = weights["V"].T @ error
        for k in range(t, first - 1, -1):
            a = d * (1 - states[k] ** 2)
            found["W"] += np.outer(a, inputs[k - 1])
            found["U"] += np.outer(a, states[k - 1])
            found["b"] += a
            d = weights["U"].T @ a
        if first == 1:
            found["h"] += d
    return found


def rtrl(weights, inputs, h, errors):
    """Williams & Zipser (1989): p[k, (i, j)] = f'(a_k) (sum_l U[k, l] p[l, (i, j)] + [k = i] z_j), z = [x; h; 1]."""
    H, sources = len(h), len(inputs[0]) + len(h) + 1
    p, total = np.zeros((H, H, sources)), np.zeros((H, sources))
    for x, error in zip(inputs, errors, strict=True):
        z = np.concatenate([x, h, [1.0]])
        h = np.tanh(weights["W"] @ x + weights["U"] @ h + weights["b"])
        new = np.zeros_like(p)
        for k in range(H):
            for i in range(H):
                for j in range(sources):
                    new[k, i, j] = sum(weights["U"][k, m] * p[m, i, j] for m in range(H)) + (z[j] if k == i else 0)
            new[k] *= 1 - h[k] ** 2
        p = new
        total += np.einsum("k,kij->ij", weights["V"].T @ np.asarray(error), p)
    D = len(inputs[0])
    return {"W": total[:, :D], "U": total[:, D:-1], "b": total[:, -1]}


def lstm_trace(W, U, b, inputs, weigh):
    """The gradient of sum_t weigh_t . h_t for an LSTM with forget gates whose errors stay in their cells, forward.

    Gers, Schmidhuber & Cummins (2000), one cell per block. The trace of a cell's state by a weight into its input gate,
    forget gate or candidate is kept by the forget gate and grows by what the step adds; a weight into the output
    gate has none. Gates i, f, o, then the candidate g, rows of W [4H, D], U [4H, H], b. One sequence, zero states.
    """
    H, D = weigh.shape[-1], inputs.shape[-1]
    h, c = np.zeros(H), np.zeros(H)
    traces = {"i": np.zeros((H, D + H + 1)), "f": np.zeros((H, D + H + 1)), "g": np.zeros((H, D + H + 1))}
    gradient = np.zeros((4 * H, D + H + 1))
    for x, error in zip(inputs, weigh, strict=True):
        z = np.concatenate([x, h, [1.0]])
        net = W @ x + U @ h + b
        h = np.zeros(H)
        for n in range(H):
            i, f, o = (1 / (1 + np.exp(-net[k * H + n])) for k in range(3))
            g = np.tanh(net[3 * H + n])
            traces["i"][n] = f * traces["i"][n] + g * i * (1 - i) * z
            traces["f"][n] = f * traces["f"][n] + c[n] * f * (1 - f) * z
            traces["g"][n] = f * traces["g"][n] + i * (1 - g**2) * z
            c[n] = f * c[n] + i * g
            squashed = np.tanh(c[n])
            h[n] = o * squashed
            gradient[2 * H + n] += error[n] * squashed * o * (1 - o) * z
            for row, name in ((0, "i"), (1, "f"), (3, "g")):
                gradient[row * H + n] += error[n] * o * (1 - squashed**2) * traces[name][n]
    return gradient[:, :D], gradient[:, D:-1], gradient[:, -1]


def fed_back(weights, inputs, h, targets=None):
    """Outputs of a network whose input is [x_t; y_{t-1}] with y_0 = 0, or [x_t; z_{t-1}] where targets z are given."""
    outputs = []
    y = np.zeros(len(weights["c"]))
    for t, x in enumerate(inputs):
        h = np.tanh(weights["W"] @ np.concatenate([x, y]) + weights["U"] @ h + weights["b"])
        outputs.append(weights["V"] @ h + weights["c"])
        y = outputs[-1] if targets is None else targets[t]
    return np.array(outputs)


def online_passes(weights, inputs, errors_of, rate, k1, k2):
    """Gradient descent after every k1 steps by a pass k2 steps back, while the state goes on; Elman's network.

    `inputs` [T, B, D]; `errors_of(steps, outputs)` are dL/dy [len, B, O] of the new steps (from 0) alone. The first
    state is zero; that before a pass's first step is what the pass before has left there. The steps of a pass are made
    anew, with the weights as they stand. Returns weights and all outputs.
    """
    weights = {name: value.copy() for name, value in weights.items()}
    length, size, H = len(inputs), inputs.shape[1], len(weights["b"])
    states = np.zeros((length + 1, size, H))  # states[t]: after t steps
    outputs = []
    done = 0
    while done < length:
        end = min(done + k1, length)
        first = max(end - k2, 0)
        for t in range(first, end):
            for n in range(size):
                net = weights["W"] @ inputs[t, n] + weights["U"] @ states[t, n] + weights["b"]
                states[t + 1, n] = np.tanh(net)
        new = list(range(done, end))
        y = np.array([[weights["V"] @ states[t + 1, n] + weights["c"] for n in range(size)] for t in new])
        outputs.extend(y)
        errors = errors_of(new, y)
        total = {name: np.zeros_like(value) for name, value in weights.items()}
        for n in range(size):
            d = np.zeros(H)
            for t in reversed(range(first, end)):
                if t >= done:
                    error = errors[t - done, n]
                    total["V"] += np.outer(error, states[t + 1, n])
                    total["c"] += error
                    d = d + weights["V"].T @ error
                a = d * (1 - states[t + 1, n] ** 2)
                total["W"] += np.outer(a, inputs[t, n])
                total["U"] += np.outer(a, states[t, n])
                total["b"] += a
                d = weights["U"].T @ a
        for name in weights:
            weights[name] -= rate * total[name]
        done = end
    return weights, np.array(outputs)


def online_rtrl(weights, inputs, errors_of, rate):
    """Williams & Zipser (1989) with a move after every step; Elman's network from zero, several sequences."""
    weights = {name: value.copy() for name, value in weights.items()}
    length, size, D = inputs.shape
    H = len(weights["b"])
    h, p = np.zeros((size, H)), np.zeros((size, H, H, D + H + 1))
    outputs = []
    for t in range(length):
        joined = np.concatenate([weights["W"], weights["U"], weights["b"][:, None]], axis=1)
        for n in range(size):
            z = np.concatenate([inputs[t, n], h[n], [1.0]])
            h[n] = np.tanh(joined @ z)
            new = np.einsum("km,mij->kij", weights["U"], p[n])
            for k in range(H):
                new[k, k] += z
            p[n] = new * (1 - h[n] ** 2)[:, None, None]
        y = h @ weights["V"].T + weights["c"]
        outputs.append(y)
        (errors,) = errors_of([t], y[None])
        by_joined = sum(np.einsum("k,kij->ij", weights["V"].T @ errors[n], p[n]) for n in range(size))
        moved = {"W": by_joined[:, :D], "U": by_joined[:, D:-1], "b": by_joined[:, -1]}
        moved |= {"V": sum(np.outer(errors[n], h[n]) for n in range(size)), "c": errors.sum(axis=0)}
        for name in weights:
            weights[name] -= rate * moved[name]
    return weights, np.array(outputs)


def online_lstm(weights, inputs, errors_of, rate):
    """The traces of `lstm_trace` with a move after every step: the procedure of the LSTM papers, one sequence.

    Rows of W, U, b: gates i, f, o, then the candidate g. Read-out V, c.
    """
    weights = {name: value.copy() for name, value in weights.items()}
    H = len(weights["b"]) // 4
    h, c = np.zeros(H), np.zeros(H)
    width = inputs.shape[-1] + H + 1
    traces = {row: np.zeros((H, width)) for row in (0, 1, 3)}
    outputs = []
    for t, x in enumerate(inputs):
        z = np.concatenate([x, h, [1.0]])
        net = weights["W"] @ x + weights["U"] @ h + weights["b"]
        i, f, o = (1 / (1 + np.exp(-net[k * H : (k + 1) * H])) for k in range(3))
        g = np.tanh(net[3 * H :])
        for n in range(H):
            traces[0][n] = f[n] * traces[0][n] + g[n] * i[n] * (1 - i[n]) * z
            traces[1][n] = f[n] * traces[1][n] + c[n] * f[n] * (1 - f[n]) * z
            traces[3][n] = f[n] * traces[3][n] + i[n] * (1 - g[n] ** 2) * z
        c = f * c + i * g
        squashed = np.tanh(c)
        h = o * squashed
        y = weights["V"] @ h + weights["c"]
        outputs.append(y)
        error = errors_of([t], y[None, None])[0, 0]
        d = weights["V"].T @ error
        moved = np.zeros((4 * H, width))
        for n in range(H):
            moved[2 * H + n] = d[n] * squashed[n] * o[n] * (1 - o[n]) * z
            for row in (0, 1, 3):
                moved[row * H + n] = d[n] * o[n] * (1 - squashed[n] ** 2) * traces[row][n]
        D = len(x)
        weights["W"] -= rate * moved[:, :D]
        weights["U"] -= rate * moved[:, D:-1]
        weights["b"] -= rate * moved[:, -1]
        weights["V"] -= rate * np.outer(error, h)
        weights["c"] -= rate * error
    return weights, np.array(outputs)
