"""Simple, leaky, residual and continuous-time networks once more, from their equations; see `oracles.cells`."""

import numpy as np

from oracles.cells import SCALAR, over_time, sigmoid


def T(weights, *names):
    """The named matrices, which are stored [in, out], as matrices of columns."""
    return [np.asarray(weights[name]).T for name in names]


def each(activation, values, learned=None):
    """An activation unit by unit; `learned` has a column of numbers per unit."""
    scalars = [() if learned is None else tuple(learned[:, unit]) for unit in range(len(values))]
    return np.array([SCALAR[activation](value, *s) for value, s in zip(values, scalars, strict=True)])


def elman_before(activation):
    """The survey's footnote 1: s_t = W x_t + U f(s_{t-1}) + b, seen through f."""

    def run(weights, inputs, state):
        W, U = T(weights, "W", "U")
        learned = weights.get("s")

        def step(x, s):
            new = W @ x + U @ each(activation, s, learned) + weights["b"]
            return [new], each(activation, new, learned)

        return over_time(step, inputs, state)

    return run


def jordan(hidden, output):
    """h_t = f(W x_t + U y_{t-1} + b), y_t = f_o(V h_t + b_y)."""

    def run(weights, inputs, state):
        W, U, V = T(weights, "W", "U", "V")

        def step(x, y):
            h = each(hidden, W @ x + U @ y + weights["b"])
            new = each(output, V @ h + weights["b_y"])
            return [new], new

        return over_time(step, inputs, state)

    return run


def spaced(low, high, count):
    """Numbers at equal ratios from low to high."""
    return np.array([low * (high / low) ** (i / max(count - 1, 1)) for i in range(count)])


def leaky(tau_min=1.0, tau_max=100.0, activation="tanh"):
    """h_t = alpha h_{t-1} + (1 - alpha) f(W x_t + U h_{t-1} + b)."""

    def run(weights, inputs, state):
        W, U = T(weights, "W", "U")
        units = len(weights["b"])
        alpha = sigmoid(weights["beta"]) if "beta" in weights else np.exp(-1 / spaced(tau_min, tau_max, units))

        def step(x, h):
            new = alpha * h + (1 - alpha) * each(activation, W @ x + U @ h + weights["b"])
            return [new], new

        return over_time(step, inputs, state)

    return run


def ctrnn(method, dt, tau_min=1.0, tau_max=100.0, activation="tanh"):
    """tau dh/dt = -h + U f(h) + W x + b over dt, x constant."""

    def run(weights, inputs, state):
        W, U = T(weights, "W", "U")
        units = len(weights["b"])
        tau = np.exp(weights["log_tau"]) if "log_tau" in weights else spaced(tau_min, tau_max, units)

        def slope(x, h):
            return (-h + U @ each(activation, h) + W @ x + weights["b"]) / tau

        def step(x, h):
            k1 = slope(x, h)
            if method == "euler":
                new = h + dt * k1
            else:
                k2 = slope(x, h + dt / 2 * k1)
                k3 = slope(x, h + dt / 2 * k2)
                k4 = slope(x, h + dt * k3)
                new = h + dt * (k1 / 6 + k2 / 3 + k3 / 3 + k4 / 6)
            return [new], new

        return over_time(step, inputs, state)

    return run


def scrn(alpha=0.95, delayed=False):
    """Mikolov et al. (2014): s_t = (1 - alpha) B x_t + alpha s_{t-1}; h_t = sigmoid(P s_t + A x_t + R h_{t-1})."""

    def run(weights, inputs, state):
        A, B, P, R = T(weights, "A", "B", "P", "R")
        stay = sigmoid(weights["beta"]) if "beta" in weights else alpha

        def step(x, h, s):
            s_new = (1 - stay) * (B @ x) + stay * s
            h_new = sigmoid(P @ (s if delayed else s_new) + A @ x + R @ h)
            return [h_new, s_new], np.concatenate([h_new, s_new])

        return over_time(step, inputs, state, len(R) + len(B))

    return run


def scrn_context(alpha=0.95):
    """The same without h."""

    def run(weights, inputs, state):
        (B,) = T(weights, "B")
        stay = sigmoid(weights["beta"]) if "beta" in weights else alpha

        def step(x, s):
            new = (1 - stay) * (B @ x) + stay * s
            return [new], new

        return over_time(step, inputs, state)

    return run


def minimal_rnn(weights, inputs, state):
    """Chen (2017): v = tanh(W x + b_v); u = sigmoid(U h + V v + b); h = u h + (1 - u) v."""
    W, U, V = T(weights, "W", "U", "V")

    def step(x, h):
        v = np.tanh(W @ x + weights["b_v"])
        u = sigmoid(U @ h + V @ v + weights["b"])
        new = u * h + (1 - u) * v
        return [new], new

    return over_time(step, inputs, state)


def antisymmetric(epsilon, gamma, gated):
    """Chang et al. (2019): h + epsilon tanh(M h + W x + b), M = U - U' - gamma I; gated by sigmoid(M h + W_z x + b_z).

    U is stored transposed, which turns the sign of its antisymmetric part, and h M of rows is M' h of columns.
    """

    def run(weights, inputs, state):
        U, W, b = np.asarray(weights["U"]).T, np.asarray(weights["W"]).T, weights["b"]
        n = len(U)
        M = U - U.T - gamma * np.eye(n)

        def step(x, h):
            move = np.tanh(M @ h + W[:n] @ x + b[:n])
            if gated:
                move = move * sigmoid(M @ h + W[n:] @ x + b[n:])
            new = h + epsilon * move
            return [new], new

        return over_time(step, inputs, state)

    return run


def clockwork(periods):
    """Koutnik et al. (2014): group by group. `periods` has one per unit."""

    def run(weights, inputs, state):
        W, U = T(weights, "W", "U")

        def step(x, h, t):
            new = h.copy()
            for unit, period in enumerate(periods):
                if int(t[0]) % period == 0:
                    a = W[unit] @ x + weights["b"][unit]
                    for other, longer in enumerate(periods):
                        if longer >= period:
                            a += U[unit, other] * h[other]
                    new[unit] = np.tanh(a)
            return [new, t + 1], new

        return over_time(step, inputs, state)

    return run


def cornn(dt, gamma, epsilon, implicit):
    """Rusch & Mishra (2021): z' = z + dt (tanh(W y + W' z + V x + b) - gamma y - epsilon z or z'); y' = y + dt z'."""

    def run(weights, inputs, state):
        (V,) = T(weights, "W")
        from_y, from_z = (block.T for block in np.split(np.asarray(weights["U"]), 2, axis=1))

        def step(x, y, z):
            force = np.tanh(from_y @ y + from_z @ z + V @ x + weights["b"]) - gamma * y
            if implicit:  # z' (1 + dt epsilon) = z + dt force
                z_new = np.linalg.solve((1 + dt * epsilon) * np.eye(len(z)), z + dt * force)
            else:
                z_new = z + dt * (force - epsilon * z)
            y_new = y + dt * z_new
            return [y_new, z_new], y_new

        return over_time(step, inputs, state)

    return run


def lem(dt):
    """Rusch et al. (2022), equation 3."""

    def run(weights, inputs, state):
        V1, V2, Vz, Vy = (block.T for block in np.split(np.asarray(weights["W"]), 4, axis=1))
        W1, W2, Wz = (block.T for block in np.split(np.asarray(weights["U"]), 3, axis=1))
        (Wy,) = T(weights, "U_y")
        b1, b2, bz, by = np.split(weights["b"], 4)

        def step(x, y, z):
            slow = dt * sigmoid(W1 @ y + V1 @ x + b1)
            slow_bar = dt * sigmoid(W2 @ y + V2 @ x + b2)
            z_new = (1 - slow) * z + slow * np.tanh(Wz @ y + Vz @ x + bz)
            y_new = (1 - slow_bar) * y + slow_bar * np.tanh(Wy @ z_new + Vy @ x + by)
            return [y_new, z_new], y_new

        return over_time(step, inputs, state)

    return run
