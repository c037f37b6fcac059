from oracles.tasks.base import CERTAIN, Classes


class SelectiveCopying(Classes):
    """Lines of blanks ".", the marker "M" and data symbols, which are numbers."""

    def __init__(self, variant, length=256, vocabulary=16, pattern=16):
        self.variant, self.steps, self.M = variant, length, pattern
        self.outputs = vocabulary
        if variant == "poli2024":
            self.data, self.blank, self.marker = list(range(vocabulary - 2)), vocabulary - 2, vocabulary - 1
            self.tail = ["M"] + ["."] * pattern
        else:
            last = vocabulary - 1 if variant == "gu2023" else vocabulary - 2
            self.data, self.blank, self.marker = list(range(1, last + 1)), 0, last + 1
            self.tail = ["M"] * pattern
        self.room = length - len(self.tail)

    def draw(self, rng):
        chosen = [self.data[rng.integers(len(self.data))] for _ in range(self.M)]
        if self.variant == "poli2024":
            before = [int(rng.integers(self.M)) for _ in range(self.room - self.M)]
            line = []
            for j, symbol in enumerate(chosen):
                line += ["."] * before.count(j) + [symbol]
        else:
            line = ["."] * self.room
            for t, symbol in zip(sorted(rng.permutation(self.room)[: self.M]), chosen, strict=True):
                line[t] = symbol
        return self.encode(line + self.tail), [True] * self.steps

    def encode(self, line):
        return [{".": self.blank, "M": self.marker}.get(s, s) for s in line]

    def check(self, inputs, valid):
        assert len(inputs) == len(valid) == self.steps
        assert all(valid)
        line, tail = inputs[: self.room], inputs[self.room :]
        assert tail == self.encode(self.tail)
        assert len(self.symbols(line)) == self.M
        assert all(x == self.blank or x in self.data for x in line)
        assert self.variant != "poli2024" or line[-1] in self.data

    def symbols(self, inputs):
        return [x for x in inputs if x in self.data]

    def places(self, inputs, valid):
        where = [t for t, x in enumerate(inputs) if x in self.data]
        return {"symbol": self.symbols(inputs), "first": where[:1], "last": where[-1:]}

    def answer(self, inputs, valid):
        silent = self.steps - self.M
        return [0] * silent + self.symbols(inputs), [t >= silent for t in range(self.steps)]

    def alter(self, inputs, valid, t):
        if inputs[t] not in self.data:
            return None
        other = self.data[(self.data.index(inputs[t]) + 1) % len(self.data)]
        return [*inputs[:t], other, *inputs[t + 1 :]]

    def strict(self, t, x):
        return [CERTAIN if c in self.data else 0.0 for c in range(self.outputs)]

    def blind(self, inputs, valid):
        return [self.strict(t, None) for t in range(self.steps)]

    def read(self, rows):
        line = [s if s in ".M" else int(s) for s in rows["input"]]
        targets = [int(cell.replace(".", "0")) for cell in rows["target"]]
        return self.encode(line), targets, [cell != "." for cell in rows["target"]], [True] * self.steps
