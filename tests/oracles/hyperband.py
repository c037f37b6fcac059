"""Hyperband's early stopping from the published rule, with loops: rungs, top 1/eta, stop or go on."""

import math


def rungs(eta, min_iter=None, max_iter=None, s=None):
    """The checks at which runs are compared, up to 10^6."""
    if min_iter is not None:
        return sorted({int(min_iter * eta**k) for k in range(100) if min_iter * eta**k <= 1e6})
    return sorted({int(max_iter / eta**k) for k in range(1, s + 1) if max_iter / eta**k >= 1})


def stops(eta, strict, goal, histories, ended, **where):
    decisions = []
    for history, over in zip(histories, ended, strict=True):
        cost = [worse(value, goal) for value in history]
        rung = 0
        for each in rungs(eta, **where):
            if each <= len(cost):
                rung = each
        if over or rung == 0:
            decisions.append(False)
            continue
        rivals = [worse(h[rung - 1], goal) for h in histories if len(h) >= rung]
        mine = cost[rung - 1] if strict else min(cost)
        better = sum(1 for rival in rivals if rival < mine)
        decisions.append(better > math.floor(len(rivals) / eta))
    return decisions


def worse(value, goal):
    """The value as a cost: what is not finite costs infinitely much."""
    if value is None or math.isnan(value) or math.isinf(value):
        return math.inf
    return -value if goal == "maximize" else value
