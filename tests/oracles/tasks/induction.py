from oracles.tasks.base import Classes


class Induction(Classes):
    def __init__(self, variant, length=256, vocabulary=16):
        self.steps, self.special = length, vocabulary

    def draw(self, rng):
        line = [int(rng.integers(self.special)) for _ in range(self.steps)]
        line[rng.integers(self.steps - 2)] = self.special
        return [*line[:-1], self.special], [True] * self.steps

    def check(self, inputs, valid):
        assert len(inputs) == len(valid) == self.steps
        assert all(valid)
        assert all(0 <= x <= self.special for x in inputs)
        first, last = (t for t, x in enumerate(inputs) if x == self.special)
        assert first < self.steps - 2
        assert last == self.steps - 1

    def places(self, inputs, valid):
        first = inputs.index(self.special)
        return {"special": [first], "token": [x for x in inputs if x != self.special]}

    def answer(self, inputs, valid):
        target = inputs[inputs.index(self.special) + 1]
        return [0] * (self.steps - 1) + [target], [False] * (self.steps - 1) + [True]

    def alter(self, inputs, valid, t):
        if inputs[t] == self.special:
            return None
        return [*inputs[:t], (inputs[t] + 1) % self.special, *inputs[t + 1 :]]

    def strict(self, t, x):
        return [0.0] * self.special

    def blind(self, inputs, valid):
        return [[0.0] * self.special] * self.steps

    def read(self, rows):
        line = [self.special if s == "S" else int(s) for s in rows["input"]]
        targets = [int(cell.replace(".", "0")) for cell in rows["target"]]
        return line, targets, [cell != "." for cell in rows["target"]], [True] * self.steps
