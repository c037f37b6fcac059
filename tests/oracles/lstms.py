"""The LSTM and its relatives once more, from the papers' equations; see oracles/cells.py for the conventions."""

import math

import numpy as np

from oracles.cells import over_time, sigmoid, split


def identity(a):
    return a


def lstm(peepholes="none", off="", coupled=False, recurrent=False, g=np.tanh, h=np.tanh):
    """Gers et al. (2000), Greff et al. (2015): gates in `off` are 1; state h, c, and the gates where they recur."""
    names = [name for name in "ifo" if name not in off and not (coupled and name == "i")]

    def run(weights, inputs, state):
        W = dict(zip([*names, "g"], split(weights["W"], len(names) + 1), strict=True))
        U = dict(zip([*names, "g"], split(weights["U"], len(names) + 1), strict=True))
        b = dict(zip([*names, "g"], split(weights["b"], len(names) + 1), strict=True))
        if peepholes == "diagonal":
            p = dict(zip(names, weights["p"], strict=True))
        if peepholes == "full":
            Q = dict(zip(names, split(weights["Q"], len(names)), strict=True))
        if recurrent:
            R = iter(split(weights["R"], len(names) ** 2))
            R = {source: {into: next(R) for into in names} for source in names}

        def step(x, h_old, c_old, *gates_old):
            def gate(name, cell):
                if name not in names:
                    return np.ones_like(c_old)
                a = W[name] @ x + U[name] @ h_old + b[name]
                if peepholes == "diagonal":
                    a = a + p[name] * cell
                if peepholes == "full":
                    a = a + Q[name] @ cell
                if recurrent:
                    old = dict(zip(names, np.split(gates_old[0], len(names)), strict=True))
                    a = a + sum(R[source][name] @ old[source] for source in names)
                return sigmoid(a)

            f = gate("f", c_old)
            i = 1 - f if coupled else gate("i", c_old)
            c = f * c_old + i * g(W["g"] @ x + U["g"] @ h_old + b["g"])
            o = gate("o", c)
            out = o * h(c)
            value = {"i": i, "f": f, "o": o}
            return [out, c, *([np.concatenate([value[name] for name in names])] if recurrent else [])], out

        return over_time(step, inputs, state)

    return run


def drnn(order):
    """Veeriah et al. (2015). State h, c, and the cells before it [R, H]; differences by the binomial formula."""

    def run(weights, inputs, state):
        W, U, b = (dict(zip("ifog", split(weights[name], 4), strict=True)) for name in ("W", "U", "b"))
        blocks = iter(split(weights["Q"], 3 * (order + 1)))
        Q = [{name: next(blocks) for name in "ifo"} for _ in range(order + 1)]

        def seen(name, cells):
            total = 0.0
            for r in range(order + 1):
                difference = sum((-1) ** k * math.comb(r, k) * cells[k] for k in range(r + 1))
                total = total + Q[r][name] @ difference
            return total

        def step(x, y, s, *past):
            a = {name: W[name] @ x + U[name] @ y + b[name] for name in "ifog"}
            cells = [s, *(past[0] if past else [])]
            i, f = sigmoid(a["i"] + seen("i", cells)), sigmoid(a["f"] + seen("f", cells))
            new = f * s + i * np.tanh(a["g"])
            cells = [new, *cells[:order]]
            y_new = sigmoid(a["o"] + seen("o", cells)) * np.tanh(new)
            return [y_new, new, *([np.stack(cells[1:])] if past else [])], y_new

        return over_time(step, inputs, state)

    return run


def bias_of(weights, units):
    """The biases, with zeros for the units (the last ones) that have none."""
    b = np.zeros(units)
    given = weights.get("b", np.zeros(0))
    b[: len(given)] = given
    return b


def lstm1997(block, output_gate=True):
    """Hochreiter & Schmidhuber (1997), cell by cell. State: cell outputs, cells, input gates, output gates."""

    def run(weights, inputs, state):
        W, U = np.asarray(weights["W"]).T, np.asarray(weights["U"]).T
        b = bias_of(weights, len(W))
        count = state[0].shape[-1]
        blocks = count // block
        first_cell = blocks * (2 if output_gate else 1)

        def step(x, y, s, *gates):
            net = W @ x + U @ np.concatenate([y, *gates]) + b
            s, y = s.copy(), np.zeros(count)
            y_in, y_out = np.zeros(blocks), np.ones(blocks)
            for j in range(blocks):
                y_in[j] = sigmoid(net[j])
                if output_gate:
                    y_out[j] = sigmoid(net[blocks + j])
                for cell in range(j * block, (j + 1) * block):
                    s[cell] += y_in[j] * (4 * sigmoid(net[first_cell + cell]) - 2)
                    y[cell] = y_out[j] * (2 * sigmoid(s[cell]) - 1)
            return [y, s, y_in, y_out][: 2 + len(gates)], y

        return over_time(step, inputs, state)

    return run


def lstm1997_inputs_only(block):
    """The same with connectivity B: no output gates, h identity, g logistic; outputs are cells and input."""

    def run(weights, inputs, state):
        W = np.asarray(weights["W"]).T
        b = bias_of(weights, len(W))
        blocks = state[0].shape[-1] // block

        def step(x, s):
            net = W @ x + b
            s = np.array([s[n] + sigmoid(net[n // block]) * sigmoid(net[blocks + n]) for n in range(len(s))])
            return [s], np.concatenate([s, x])

        return over_time(step, inputs, state, state[0].shape[-1] + inputs.shape[-1])

    return run


def lstm1997_trace(weights, inputs, weigh, block):
    """The truncated gradient of sum_t weigh_t . y_t by the paper's forward traces: d s / d w, from zero states.

    One sequence: inputs [T, D], weigh [T, H]. Errors do not leave through the inputs of gates and cells, so that the
    trace of a weight into an input gate or a cell grows with the cell's state and one into an output gate has none.
    Returns gradients of W, U, b as the cell holds them.
    """
    W, U = np.asarray(weights["W"]).T, np.asarray(weights["U"]).T
    b = bias_of(weights, len(W))
    units, D = W.shape
    count = weigh.shape[-1]
    blocks = count // block
    y, s, y_in, y_out = np.zeros(count), np.zeros(count), np.zeros(blocks), np.zeros(blocks)
    sources = D + len(U) + 1
    trace_in = np.zeros((count, sources))  # of a cell's state by the weights into its input gate
    trace_cell = np.zeros((count, sources))  # and by its own weights
    gradient = np.zeros((units, sources))
    for x, error in zip(inputs, weigh, strict=True):
        source = np.concatenate([x, y, y_in, y_out, [1.0]])
        net = W @ x + U @ source[D:-1] + b
        y, y_in, y_out = np.zeros(count), np.zeros(blocks), np.zeros(blocks)
        for j in range(blocks):
            y_in[j], y_out[j] = sigmoid(net[j]), sigmoid(net[blocks + j])
            for cell in range(j * block, (j + 1) * block):
                squashed = sigmoid(net[2 * blocks + cell])
                g, g_slope = 4 * squashed - 2, 4 * squashed * (1 - squashed)
                trace_in[cell] += g * y_in[j] * (1 - y_in[j]) * source
                trace_cell[cell] += y_in[j] * g_slope * source
                s[cell] += y_in[j] * g
                h = 2 * sigmoid(s[cell]) - 1
                h_slope = 2 * sigmoid(s[cell]) * (1 - sigmoid(s[cell]))
                y[cell] = y_out[j] * h
                gradient[blocks + j] += error[cell] * h * y_out[j] * (1 - y_out[j]) * source
                gradient[j] += error[cell] * y_out[j] * h_slope * trace_in[cell]
                gradient[2 * blocks + cell] += error[cell] * y_out[j] * h_slope * trace_cell[cell]
    return gradient[:, :D].T, gradient[:, D:-1].T, gradient[:, -1]


def mut1(weights, inputs, state):
    """Jozefowicz et al. (2015)."""
    (Wz, Wr), (P,), (Ur,), (Uh,) = (split(weights[k], n) for k, n in (("W", 2), ("P", 1), ("U", 1), ("U_h", 1)))
    bz, br, bh = split(weights["b"], 3)

    def step(x, h):
        z = sigmoid(Wz @ x + bz)
        r = sigmoid(Wr @ x + Ur @ h + br)
        new = np.tanh(Uh @ (r * h) + np.tanh(P @ x) + bh) * z + h * (1 - z)
        return [new], new

    return over_time(step, inputs, state)


def mut2(weights, inputs, state):
    (Wz, Wh), (P,), (Uz, Ur), (Uh,) = (split(weights[k], n) for k, n in (("W", 2), ("P", 1), ("U", 2), ("U_h", 1)))
    bz, br, bh = split(weights["b"], 3)

    def step(x, h):
        z = sigmoid(Wz @ x + Uz @ h + bz)
        r = sigmoid(P @ x + Ur @ h + br)
        new = np.tanh(Uh @ (r * h) + Wh @ x + bh) * z + h * (1 - z)
        return [new], new

    return over_time(step, inputs, state)


def mut3(weights, inputs, state):
    (Wz, Wr, Wh), (Uz, Ur), (Uh,) = (split(weights[k], n) for k, n in (("W", 3), ("U", 2), ("U_h", 1)))
    bz, br, bh = split(weights["b"], 3)

    def step(x, h):
        z = sigmoid(Wz @ x + Uz @ np.tanh(h) + bz)
        r = sigmoid(Wr @ x + Ur @ h + br)
        new = np.tanh(Uh @ (r * h) + Wh @ x + bh) * z + h * (1 - z)
        return [new], new

    return over_time(step, inputs, state)


def slstm(forget=sigmoid):
    """Beck et al. (2024) without a stabiliser: cell and normaliser are what the state says times exp(m)."""

    def run(weights, inputs, state):
        W, U, b = (dict(zip("ifoz", split(weights[name], 4), strict=True)) for name in ("W", "U", "b"))

        def step(x, h, c, n, m):
            a = {name: W[name] @ x + U[name] @ h + b[name] for name in "ifoz"}
            i, f, o, z = np.exp(a["i"]), forget(a["f"]), sigmoid(a["o"]), np.tanh(a["z"])
            c_new = f * c * np.exp(m) + i * z
            n_new = f * n * np.exp(m) + i
            h_new = o * c_new / n_new
            m_new = np.where(n == 0, a["i"], np.maximum(np.log(f) + m, a["i"]))
            return [h_new, c_new * np.exp(-m_new), n_new * np.exp(-m_new), m_new], h_new

        return over_time(step, inputs, state)

    return run


def mlstm(heads, forget=sigmoid):
    """Beck et al. (2024) without a stabiliser, head by head. State C [heads, d, d], n [heads, d], m [heads]."""

    def run(weights, inputs, state):
        W, b = np.asarray(weights["W"]).T, weights["b"]
        hidden = (len(b) - 2 * heads) // 4
        d = hidden // heads

        def step(x, C, n, m):
            a = W @ x + b
            C_new, n_new, m_new, out = np.zeros_like(C), np.zeros_like(n), np.zeros_like(m), np.zeros(hidden)
            for head in range(heads):
                mine = slice(head * d, (head + 1) * d)
                q, k, v, o = (a[part * hidden : (part + 1) * hidden][mine] for part in range(4))
                k = k / math.sqrt(d)
                i, f = math.exp(a[4 * hidden + head]), float(forget(a[4 * hidden + heads + head]))
                memory = f * math.exp(m[head]) * C[head] + i * np.outer(v, k)
                normaliser = f * math.exp(m[head]) * n[head] + i * k
                out[mine] = sigmoid(o) * (memory @ q) / max(abs(float(normaliser @ q)), 1.0)
                m_new[head] = max(math.log(f) + m[head], math.log(i))
                C_new[head], n_new[head] = memory * math.exp(-m_new[head]), normaliser * math.exp(-m_new[head])
            return [C_new, n_new, m_new], out

        return over_time(step, inputs, state, hidden)

    return run
