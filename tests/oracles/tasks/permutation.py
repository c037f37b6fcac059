from oracles.tasks.base import CERTAIN, Classes, one_hot, symbol_of


class Permutation(Classes):
    def __init__(self, variant, length=100, symbols=100):
        self.variant, self.steps, self.symbols = variant, length, symbols
        self.fixed = variant == "martens2011_fixed"
        self.middle = (list(range(2, symbols)) * length)[: length - 1]
        if variant == "martens2011":
            self.best = self.knowing

    def draw(self, rng):
        others = self.middle if self.fixed else [int(rng.integers(2, self.symbols)) for _ in range(self.steps - 1)]
        line = [int(rng.integers(2)), *others]
        return [one_hot(s, self.symbols) for s in line], [True] * self.steps

    def check(self, inputs, valid):
        line = [symbol_of(x) for x in inputs]
        assert len(line) == self.steps
        assert all(valid)
        assert line[0] in (0, 1)
        assert all(2 <= s < self.symbols for s in line[1:])
        assert line[1:] == self.middle or not self.fixed

    def places(self, inputs, valid):
        line = [symbol_of(x) for x in inputs]
        return {"first": line[:1], "others": line[1:]}

    def answer(self, inputs, valid):
        line = [symbol_of(x) for x in inputs]
        targets = [*line[1:], line[0]]
        if self.variant != "pascanu2013":
            return targets, [True] * self.steps
        return [0] * (self.steps - 1) + targets[-1:], [False] * (self.steps - 1) + [True]

    def alter(self, inputs, valid, t):
        if t > 0:
            return None
        return [one_hot(1 - symbol_of(inputs[0]), self.symbols), *inputs[1:]]

    def wrong(self, outputs, targets, scored):
        return super().wrong(outputs[-1:], targets[-1:], scored[-1:])

    def guess(self, likely):
        return [CERTAIN if c in likely else 0.0 for c in range(self.symbols)]

    def strict(self, t, x):
        if t == self.steps - 1:
            return self.guess(range(2))
        return self.guess([self.middle[t]] if self.fixed else range(2, self.symbols))

    def blind(self, inputs, valid):
        return [self.strict(t, None) for t in range(self.steps)]

    def knowing(self, inputs, valid):
        return [*self.blind(inputs, valid)[:-1], self.guess([symbol_of(inputs[0])])]

    def read(self, rows):
        targets = [int(cell.replace(".", "0")) for cell in rows["target"]]
        scored = [cell != "." for cell in rows["target"]]
        return [one_hot(int(s), self.symbols) for s in rows["input"]], targets, scored, [True] * self.steps
