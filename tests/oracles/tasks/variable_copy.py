import math

from oracles.tasks.base import CERTAIN, Classes, one_hot, symbol_of


class VariableCopying(Classes):
    def __init__(self, variant, gap=100, symbols=8, pattern=10):
        self.gap, self.symbols, self.pattern = gap, symbols, pattern
        self.steps = gap + 2 * pattern
        self.markers = [pattern - 1 + d for d in range(1, gap + 1)]

    def encode(self, data, marker):
        line = data + [0] * (self.steps - self.pattern)
        line[marker] = self.symbols + 1
        return [one_hot(s, self.symbols + 2) for s in line]

    def draw(self, rng):
        data = [int(rng.integers(1, self.symbols + 1)) for _ in range(self.pattern)]
        return self.encode(data, self.markers[rng.integers(self.gap)]), [True] * self.steps

    def decode(self, inputs):
        """The symbols, and where the marker stands."""
        line = [symbol_of(x) for x in inputs]
        return line[: self.pattern], line.index(self.symbols + 1)

    def check(self, inputs, valid):
        data, marker = self.decode(inputs)
        assert all(1 <= s <= self.symbols for s in data)
        assert marker in self.markers
        assert self.encode(data, marker) == [list(x) for x in inputs]
        assert list(valid) == [True] * self.steps

    def places(self, inputs, valid):
        data, marker = self.decode(inputs)
        return {"symbol": data, "marker": [marker]}

    def answer(self, inputs, valid):
        data, marker = self.decode(inputs)
        rest = self.steps - marker - 1 - self.pattern
        return [0] * (marker + 1) + data + [0] * rest, [True] * self.steps

    def alter(self, inputs, valid, t):
        if t >= self.pattern:
            return None
        other = symbol_of(inputs[t]) % self.symbols + 1
        return [*inputs[:t], one_hot(other, self.symbols + 2), *inputs[t + 1 :]]

    def wrong(self, outputs, targets, scored):
        """Blanks do not count."""
        return super().wrong(outputs, targets, [y > 0 for y in targets])

    def guess(self, chance):
        """Outputs of a step that is one of recall with this chance."""
        if chance in (0, 1):
            return [CERTAIN if (c > 0) == (chance == 1) else 0.0 for c in range(self.symbols + 1)]
        return [math.log(1 - chance)] + [math.log(chance / self.symbols)] * self.symbols

    def blind(self, inputs, valid):
        """It sees the marker and counts."""
        _, marker = self.decode(inputs)
        return [self.guess(float(marker < t <= marker + self.pattern)) for t in range(self.steps)]

    def strict(self, t, x):
        if t < self.pattern or symbol_of(x) == self.symbols + 1:
            return self.guess(0.0)
        possible = [m for m in self.markers if m != t]
        return self.guess(sum(m < t <= m + self.pattern for m in possible) / len(possible))

    def read(self, rows):
        line = [{".": 0, "M": self.symbols + 1}.get(c) or int(c.replace(".", "0")) for c in rows["input"]]
        targets = [int(c.replace(".", "0")) for c in rows["target"]]
        return [one_hot(s, self.symbols + 2) for s in line], targets, [True] * self.steps, [True] * self.steps
