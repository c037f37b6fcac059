import math

from oracles.tasks.base import Numbers


class TwoSequence(Numbers):
    """A hidden class; inputs and targets are drawn together."""

    noise = 3.0

    def __init__(self, variant, length=100, informative=3, stop="ST2"):
        self.variant, self.n = variant[-2:], informative
        shortest = length // 2 if variant == "bengio1994" else length
        self.lengths = list(range(shortest, length + length // 10 + 1))
        self.steps = max(self.lengths)
        self.limit = 0.1 if self.variant == "3c" else 0.2
        lags = [n - 1 - t for n in self.lengths for t in range(informative)]
        self.lag = (min(lags), max(lags))
        if self.variant in ("3b", "3c"):
            self.best = self.knowing

    def draw_all(self, rng):
        n, up = self.lengths[rng.integers(len(self.lengths))], rng.integers(2) == 1
        line, sign = [float(rng.normal(0.0, math.sqrt(0.2))) for _ in range(n)], 1.0 if up else -1.0
        for t in range(self.n):
            line[t] = line[t] + sign if self.variant == "3b" else sign
        target = 1.0 if up else 0.0
        if self.variant == "3c":
            target = (0.2 if up else 0.8) + float(rng.normal(0.0, math.sqrt(0.1)))
        pad = self.steps - n
        targets = [[0.0]] * (n - 1) + [[target]] + [[0.0]] * pad
        scored = [t == n - 1 for t in range(self.steps)]
        return [[x] for x in line] + [[0.0]] * pad, [True] * n + [False] * pad, targets, scored

    def check_all(self, inputs, valid, targets, scored):
        n = sum(valid)
        assert len(inputs) == self.steps
        assert n in self.lengths
        assert all(valid[:n])
        assert scored == [t == n - 1 for t in range(self.steps)]
        assert not any(x[0] for x in inputs[n:])
        assert not any(y[0] for t, y in enumerate(targets) if t != n - 1)
        head, (target,) = [x[0] for x in inputs[: self.n]], targets[n - 1]
        if self.variant == "3b":
            assert target in (0.0, 1.0)
            assert all(abs(x - (2 * target - 1)) < 2.5 for x in head)
        else:
            assert head in ([1.0] * self.n, [-1.0] * self.n)
            if self.variant == "3c":
                assert abs(target - (0.2 if head[0] > 0 else 0.8)) < 1.7
            else:
                assert target == (1.0 if head[0] > 0 else 0.0)

    def places(self, inputs, valid):
        return {"length": [sum(valid)]}

    def meant(self, inputs, targets):
        if self.variant != "3c":
            return targets
        return [[0.2 if inputs[0][0] > 0 else 0.8]] * self.steps

    def wrong(self, outputs, targets, scored):
        return any(s and abs(o[0] - y[0]) > self.limit for o, y, s in zip(outputs, targets, scored, strict=True))

    def metric(self, batch):
        right = []
        for outputs, targets, scored in batch:
            right += [(o[0] > 0.5) == (y[0] > 0.5) for o, y, s in zip(outputs, targets, scored, strict=True) if s]
        return sum(right) / len(right)

    def blind(self, inputs, valid):
        return [[0.5]] * self.steps

    def strict(self, t, x):
        return [0.5]

    def knowing(self, inputs, valid):
        """The posterior mean: each noisy element multiplies the odds by exp(2 x / variance)."""
        head = [x[0] for x in inputs[: self.n]]
        if self.variant == "3c":
            return [[0.2 if head[0] > 0 else 0.8]] * self.steps
        odds = math.prod(math.exp(2 * x / 0.2) for x in head)
        return [[odds / (1 + odds)]] * self.steps

    def read(self, rows):
        inputs = [[0.0] if v == "_" else [float(v)] for v in rows["value"]]
        targets = [[0.0 if y in "._" else float(y)] for y in rows["target"]]
        return inputs, targets, [y not in "._" for y in rows["target"]], [v != "_" for v in rows["value"]]
