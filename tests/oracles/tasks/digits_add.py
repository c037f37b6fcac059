import math

from oracles.tasks.base import CERTAIN, Classes, one_hot, symbol_of

SYMBOLS = "0123456789-"


class DigitsAdd(Classes):
    def __init__(self, variant, digits=15):
        self.digits = digits
        self.steps, self.window = 3 * digits + 4, 2 * digits + 2
        self.table = []

    def encode(self, text):
        return [one_hot(SYMBOLS.index(c), 11) for c in text]

    def question(self, one, other):
        return f"-{one}-{other}".ljust(self.steps, "-")

    def numbers(self):
        return range(10 ** (self.digits - 1), 10**self.digits)

    def draw(self, rng):
        one, other = (int(n) for n in rng.integers(10 ** (self.digits - 1), 10**self.digits, size=2))
        return self.encode(self.question(one, other)), [True] * self.steps

    def decode(self, inputs):
        text = "".join(SYMBOLS[symbol_of(x)] for x in inputs)
        return text[1 : self.digits + 1], text[self.digits + 2 : self.window]

    def check(self, inputs, valid):
        one, other = self.decode(inputs)
        assert len(str(int(one))) == len(str(int(other))) == self.digits
        assert self.encode(self.question(one, other)) == [list(x) for x in inputs]
        assert list(valid) == [True] * self.steps

    def places(self, inputs, valid):
        one, other = self.decode(inputs)
        return {"first": [int(one[0]), int(other[0])], "last": [int(one[-1]), int(other[-1])]}

    def sum_of(self, one, other):
        return str(int(one) + int(other)).ljust(self.digits + 2, "-")

    def answer(self, inputs, valid):
        text = "-" * self.window + self.sum_of(*self.decode(inputs))
        return [SYMBOLS.index(c) for c in text], [True] * self.steps

    def alter(self, inputs, valid, t):
        s = symbol_of(inputs[t])
        if s == 10:
            return None
        other = s + 1 if s < 9 else s - 1
        return [*inputs[:t], one_hot(other, 11), *inputs[t + 1 :]]

    def metric(self, batch):
        return super().metric([(o[self.window :], y[self.window :], s[self.window :]) for o, y, s in batch])

    def wrong(self, outputs, targets, scored):
        return super().wrong(outputs[self.window :], targets[self.window :], scored[self.window :])

    def blind(self, inputs, valid):
        return [self.strict(t, x) for t, x in enumerate(inputs)]

    def strict(self, t, x):
        """By adding every pair of numbers."""
        if not self.table:
            counts = [[0] * 11 for _ in range(self.digits + 2)]
            for one in self.numbers():
                for other in self.numbers():
                    for k, c in enumerate(self.sum_of(one, other)):
                        counts[k][SYMBOLS.index(c)] += 1
            self.table = [[math.log(n / sum(row)) if n else -CERTAIN for n in row] for row in counts]
        return [CERTAIN * (c == 10) for c in range(11)] if t < self.window else self.table[t - self.window]

    def read(self, rows):
        targets = [SYMBOLS.index(c) for c in rows["target"]]
        return self.encode(rows["input"]), targets, [True] * self.steps, [True] * self.steps
