from oracles.tasks.base import Numbers, scored_steps


class Adding(Numbers):
    def __init__(self, variant, length=100):
        self.variant, self.T = variant, length
        self.lengths = {
            "hochreiter1997": [length + e for e in range(length // 10 + 1)],
            "pascanu2013": [length + e for e in range(length // 10)],
            "martens2011": [length + e + 1 for e in range(length // 10)],
        }.get(variant, [length])
        self.steps = max(self.lengths)
        self.low = -1.0 if variant == "hochreiter1997" else 0.0

    def draw(self, rng):
        T = self.T
        n = self.lengths[rng.integers(len(self.lengths))]
        values = [float(rng.uniform(self.low, 1.0)) for _ in range(n)]
        marks = [0.0] * n
        if self.variant == "hochreiter1997":
            first = rng.integers(0, 10)
            second = rng.choice([t for t in range(T // 2) if t != first])
        elif self.variant == "pascanu2013":
            first = rng.integers(0, n // 10)
            second = rng.integers(n // 10, n // 10 + 4 * n // 10)
        elif self.variant == "arjovsky2016":
            first = rng.integers(0, T // 2)
            second = rng.integers(T // 2, 2 * (T // 2))
        elif self.variant in ("rusch2022", "gu2022"):
            first = rng.integers(0, T // 2)
            second = rng.integers(T // 2, T)
        elif self.variant == "martens2011":
            first = rng.integers(T // 100, T // 10)
            second = rng.integers(T // 10, T // 2)
            marks[0] = marks[n - 4] = -1.0
        else:
            first, second = rng.choice(T, size=2, replace=False)
        marks[first] = marks[second] = 1.0
        if self.variant == "hochreiter1997":
            marks[0] = marks[-1] = -1.0
        pad = self.steps - n
        return [list(x) for x in zip(values, marks, strict=True)] + [[0.0, 0.0]] * pad, [True] * n + [False] * pad

    def check(self, inputs, valid):
        n, T = sum(valid), self.T
        assert len(inputs) == self.steps
        assert n in self.lengths
        assert all(valid[:n])
        assert all(list(x) == [0.0, 0.0] for x in inputs[n:])
        assert all(self.low <= value < 1.0 for value, _ in inputs[:n])
        ones = [t for t in range(n) if inputs[t][1] == 1.0]
        others = {t: inputs[t][1] for t in range(n) if inputs[t][1] not in (0.0, 1.0)}
        if self.variant == "hochreiter1997":
            assert others == {0: -1.0, n - 1: -1.0}
            first, second = sorted(ones) if len(ones) == 2 else (0, *ones)
            assert first < 10
            assert second < T // 2
        elif self.variant == "martens2011":
            first, second = ones
            assert others == {t: -1.0 for t in (0, n - 4) if t != first}
            assert T // 100 <= first < T // 10 <= second < T // 2
        else:
            assert others == {}
            first, second = ones
            if self.variant in ("rusch2022", "gu2022"):
                assert first < T // 2 <= second
            if self.variant == "pascanu2013":
                assert first < n // 10 <= second < n // 10 + 4 * n // 10
            if self.variant == "arjovsky2016":
                assert first < T // 2 <= second < 2 * (T // 2)

    def places(self, inputs, valid):
        ones = [t for t in range(len(inputs)) if inputs[t][1] == 1.0]
        return {"length": [sum(valid)], "first": ones[:1], "second": ones[1:], "marks": [len(ones)]}

    def answer(self, inputs, valid):
        last = sum(valid) - 1
        target = self.rule([value for value, mark in inputs if mark == 1.0])
        steps = range(len(inputs))
        return [[target if t == last else 0.0] for t in steps], [t == last for t in steps]

    def rule(self, values):
        total = sum(values)
        return {"hochreiter1997": 0.5 + total / 4.0, "pascanu2013": total / 2.0}.get(self.variant, total)

    def alter(self, inputs, valid, t):
        return [*inputs[:t], [inputs[t][0] + 0.125, inputs[t][1]], *inputs[t + 1 :]] if valid[t] else None

    def wrong(self, outputs, targets, scored):
        (error,) = [abs(o[0] - y[0]) for o, y, s in zip(outputs, targets, scored, strict=True) if s]
        return error > 0.2 if self.variant == "pascanu2013" else error >= 0.04

    def metric(self, batch):
        if self.variant in ("hochreiter1997", "pascanu2013", "martens2011"):
            return super().metric(batch)
        losses = [self.loss(o, y) for o, y in scored_steps(batch)]
        return -sum(losses) / len(losses)

    def blind(self, inputs, valid):
        return [self.constant()] * self.steps

    def constant(self):
        return [0.5 if self.variant in ("hochreiter1997", "pascanu2013") else 1.0]

    def strict(self, t, x):
        value, mark = x
        seen = self.variant in ("arjovsky2016", "bai2018", "rusch2022", "gu2022") and mark == 1.0
        return [value + 0.5] if seen else self.constant()

    def read(self, rows):
        cells = zip(rows["value"], rows["mark"], strict=True)
        inputs = [[0.0, 0.0] if v == "_" else [float(v), float(m)] for v, m in cells]
        targets = [[float(y.replace(".", "0") if y == "." else y)] for y in rows["target"]]
        return inputs, targets, [y != "." for y in rows["target"]], [v != "_" for v in rows["value"]]
