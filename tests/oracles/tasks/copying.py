from oracles.tasks.base import CERTAIN, Bits, Classes, one_hot, symbol_of


class Copying(Classes):
    def __init__(self, variant, gap=100, symbols=8, pattern=10):
        self.variant, self.gap, self.symbols, self.pattern = variant, gap, symbols, pattern
        self.recall = gap + pattern
        self.steps = gap + 2 * pattern
        self.scored = [variant != "gu2022" or t >= self.recall for t in range(self.steps)]
        self.marked = {
            "arjovsky2016": [self.recall - 1],
            "bai2018": list(range(self.recall - 1, self.steps)),
            "lezcano2019": [self.recall],
            "gu2022": list(range(self.recall, self.steps)),
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
        return targets, list(self.scored)

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
        classes = self.symbols + (2 if self.variant in ("bai2018", "gu2022") else 1)
        likely = range(1, self.symbols + 1) if t >= self.recall else [0]
        return [CERTAIN if c in likely else 0.0 for c in range(classes)]

    def strict(self, t, x):
        return self.guess(t)

    def read(self, rows):
        symbols = [{".": 0, "M": 9}.get(cell) or int(cell.replace(".", "0")) for cell in rows["input"]]
        targets = [0 if cell in "._" else int(cell) for cell in rows["target"]]
        return [self.encode(s) for s in symbols], targets, [cell != "_" for cell in rows["target"]], [True] * self.steps


class CopyingBits(Bits):
    def __init__(self, variant, gap=7, pattern=20, bits=7):
        self.gap, self.pattern, self.bits = gap, pattern, bits
        self.flagged = pattern + gap
        self.steps = self.flagged + 1 + pattern

    def encode(self, lines):
        """The flag goes last."""
        silent = [[0.0] * self.bits] * (self.steps - self.pattern)
        return [[*line, 1.0 if t == self.flagged else 0.0] for t, line in enumerate([*lines, *silent])]

    def draw(self, rng):
        lines = [[float(rng.integers(2)) for _ in range(self.bits)] for _ in range(self.pattern)]
        return self.encode(lines), [True] * self.steps

    def check(self, inputs, valid):
        lines = [list(x[: self.bits]) for x in inputs[: self.pattern]]
        assert all(bit in (0.0, 1.0) for line in lines for bit in line)
        assert self.encode(lines) == [list(x) for x in inputs]
        assert list(valid) == [True] * self.steps

    def places(self, inputs, valid):
        return {"flag": [t for t, x in enumerate(inputs) if x[-1] == 1.0], "bit": [x[0] for x in inputs]}

    def answer(self, inputs, valid):
        said = [list(inputs[k][: self.bits]) for k in range(self.pattern)]
        before = self.flagged + 1
        return [[0.0] * self.bits] * before + said, [False] * before + [True] * self.pattern

    def alter(self, inputs, valid, t):
        if t >= self.pattern:
            return None
        return [*inputs[:t], [1.0 - inputs[t][0], *inputs[t][1:]], *inputs[t + 1 :]]

    def blind(self, inputs, valid):
        return [self.strict(t, x) for t, x in enumerate(inputs)]

    def strict(self, t, x):
        return [0.0] * self.bits

    def read(self, rows):
        inputs = [[*map(float, bits), float(flag)] for bits, flag in zip(rows["bits"], rows["flag"], strict=True)]
        targets = [[float(bit.replace("_", "0")) for bit in cell] for cell in rows["target"]]
        return inputs, targets, ["_" not in cell for cell in rows["target"]], [True] * self.steps
