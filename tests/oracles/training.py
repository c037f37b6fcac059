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
