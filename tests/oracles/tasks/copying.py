from oracles.tasks.base import CERTAIN, Classes, one_hot, symbol_of


class Copying(Classes):
    def __init__(self, variant, gap=100, symbols=8, pattern=10):
        self.variant, self.gap, self.symbols, self.pattern = variant, gap, symbols, pattern
        self.recall = gap + pattern
        self.steps = gap + 2 * pattern
        self.marked = {
            "arjovsky2016": [self.recall - 1],
            "bai2018": list(range(self.recall - 1, self.steps)),
            "lezcano2019": [self.recall],
        }[variant]

    def draw(self, rng):
        line = [0] * self.steps
        for t in self.marked:
            line[t] = self.symbols + 1
        for t in range(self.pattern):
            line[t] = int(rng.integers(1, self.symbols + 1))
        return [self.encode(s) for s in line], [True] * self.steps

    def encode(self, symbol):
        return [float(symbol)] if self.variant == "bai2018" else one_hot(symbol, self.symbols + 2)

    def decode(self, channels):
        return int(channels[0]) if self.variant == "bai2018" else symbol_of(channels)

    def check(self, inputs, valid):
        assert len(inputs) == self.steps
        assert all(valid)
        for t, x in enumerate(inputs):
            if t < self.pattern:
                assert 1 <= self.decode(x) <= self.symbols
            else:
                assert self.encode(self.symbols + 1 if t in self.marked else 0) == list(x), t

    def places(self, inputs, valid):
        line = [self.decode(x) for x in inputs]
        marked = [t for t, s in enumerate(line) if s == self.symbols + 1]
        return {"symbol": line[: self.pattern], "first marker": marked[:1], "markers": [len(marked)]}

    def answer(self, inputs, valid):
        targets = [0] * self.steps
        for k in range(self.pattern):
            targets[self.gap + self.pattern + k] = self.decode(inputs[k])
        return targets, [True] * self.steps

    def alter(self, inputs, valid, t):
        if t >= self.pattern:
            return None
        other = self.decode(inputs[t]) % self.symbols + 1
        return [*inputs[:t], self.encode(other), *inputs[t + 1 :]]

    def wrong(self, outputs, targets, scored):
        return super().wrong(outputs[self.recall :], targets[self.recall :], scored[self.recall :])

    def blind(self, inputs, valid):
        return [self.guess(t) for t in range(self.steps)]

    def guess(self, t):
        classes = self.symbols + (2 if self.variant == "bai2018" else 1)
        likely = range(1, self.symbols + 1) if t >= self.recall else [0]
        return [CERTAIN if c in likely else 0.0 for c in range(classes)]

    def strict(self, t, x):
        return self.guess(t)

    def read(self, rows):
        symbols = [{".": 0, "M": 9}.get(cell) or int(cell.replace(".", "0")) for cell in rows["input"]]
        targets = [int(cell.replace(".", "0")) for cell in rows["target"]]
        return [self.encode(s) for s in symbols], targets, [True] * self.steps, [True] * self.steps
