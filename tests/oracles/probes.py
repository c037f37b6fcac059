"""What the probes measure, once more in numpy and loops, from the definitions."""

import math

import numpy as np


def lyapunov(jacobians, frame, warmup, blocks):
    """Exponents of one sequence and their standard errors, largest first: Gram and Schmidt's way, column by column.

    `jacobians` [T, S, S] act on columns, the earliest first; `frame` [S, K] is orthonormal.
    """
    frame, logs = np.array(frame), []
    for J in jacobians:
        moved, lengths = J @ frame, []
        for i in range(moved.shape[1]):
            for _ in range(2):  # twice is enough
                for j in range(i):
                    moved[:, i] -= (moved[:, j] @ moved[:, i]) * moved[:, j]
            lengths.append(np.linalg.norm(moved[:, i]))
            moved[:, i] /= lengths[-1]
        frame = moved
        logs.append([math.log(length) for length in lengths])
    logs = np.array(logs[warmup:])
    found = []
    for column in logs.T:
        groups = [[] for _ in range(blocks)]
        for t, value in enumerate(column):
            groups[t * blocks // len(column)].append(value)
        means = [sum(group) / len(group) for group in groups]
        middle = sum(means) / blocks
        variance = sum((mean - middle) ** 2 for mean in means) / (blocks - 1)
        found.append((sum(column) / len(column), math.sqrt(variance / blocks)))
    return np.array(sorted(found, reverse=True)).T


def memory(states, inputs, lags, first, out, ridge):
    """R^2 [lag, input] on the last `out` sequences; `states[t]` [B, P] has seen `inputs[t]` [B, D]."""
    length, samples, size = states.shape
    scores = np.zeros((lags, inputs.shape[-1]))
    for lag in range(lags):
        for d in range(inputs.shape[-1]):
            sets = []
            for sequences in (range(samples - out), range(samples - out, samples)):
                pairs = [(states[t, b], inputs[t - lag, b, d]) for b in sequences for t in range(first, length)]
                sets.append((np.array([s for s, _ in pairs]), np.array([x for _, x in pairs])))
            (S, x), (S_test, x_test) = sets
            S_mean, x_mean = S.mean(axis=0), x.mean()
            gram = (S - S_mean).T @ (S - S_mean)
            w = np.linalg.solve(gram + ridge * np.trace(gram) / size * np.eye(size), (S - S_mean).T @ (x - x_mean))
            error = sum((x_test - x_mean - (S_test - S_mean) @ w) ** 2)
            scores[lag, d] = 1 - error / sum((x_test - x_test.mean()) ** 2)
    return scores


def shares(values, low, high):
    """(below `low`, above `high`), counted."""
    below = sum(value < low for value in values)
    above = sum(value > high for value in values)
    return below / len(values), above / len(values)


def departure(U):
    """Henrici's departure from normality by its definition; half of the digits of the entries."""
    squares = sum(abs(value) ** 2 for value in np.linalg.eigvals(U))
    return math.sqrt(max(0.0, sum(entry**2 for row in U for entry in row) - squares))


def defect(U):
    """|U'U - 1|_F / sqrt(H), entry by entry."""
    H, total = len(U), 0.0
    for i in range(H):
        for j in range(H):
            total += (sum(U[k, i] * U[k, j] for k in range(H)) - (i == j)) ** 2
    return math.sqrt(total / H)
