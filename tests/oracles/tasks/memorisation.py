from oracles.tasks.base import CERTAIN, Classes, one_hot, symbol_of


class Memorisation(Classes):
    """Also of copy/pascanu2013."""

    noise = 0.7

    def __init__(self, variant, length=100, values=5, pattern=10, separate_symbols=False, recall_only=False):
        self.values, self.pattern, self.only = values, pattern, recall_only
        if variant == "pascanu2013":
            self.steps = length + 2 * pattern
            self.recall = self.cue_at = length + pattern
        else:
            self.steps = length
            self.recall = length - pattern
            self.cue_at = self.recall - 1
        apart = separate_symbols or variant == "pascanu2013"
        self.blank, self.cue = (values, values + 1) if apart else (values - 1, values - 2)
        self.size, self.classes = (values + 2, values + 1) if apart else (values, values)
        self.scored = [t >= self.recall or not recall_only for t in range(self.steps)]

    def encode(self, data):
        line = data + [self.blank] * (self.steps - self.pattern)
        line[self.cue_at] = self.cue
        return [one_hot(s, self.size) for s in line]

    def draw(self, rng):
        return self.encode([int(rng.integers(self.values)) for _ in range(self.pattern)]), [True] * self.steps

    def data(self, inputs):
        return [symbol_of(x) for x in inputs[: self.pattern]]

    def check(self, inputs, valid):
        assert max(self.data(inputs)) < self.values
        assert self.encode(self.data(inputs)) == [list(x) for x in inputs]
        assert list(valid) == [True] * self.steps

    def places(self, inputs, valid):
        rest = [symbol_of(x) for x in inputs[self.pattern :]]
        return {"value": self.data(inputs), "marker": [self.pattern + rest.index(self.cue)]}

    def answer(self, inputs, valid):
        targets = [self.blank] * self.recall + self.data(inputs)
        return [y if s else 0 for y, s in zip(targets, self.scored, strict=True)], list(self.scored)

    def alter(self, inputs, valid, t):
        if t >= self.pattern:
            return None
        return [*inputs[:t], one_hot((symbol_of(inputs[t]) + 1) % self.values, self.size), *inputs[t + 1 :]]

    def blind(self, inputs, valid):
        return [self.strict(t, x) for t, x in enumerate(inputs)]

    def strict(self, t, x):
        likely = range(self.values) if t >= self.recall else [self.blank]
        return [CERTAIN if c in likely else 0.0 for c in range(self.classes)]

    def read(self, rows):
        codes = {".": self.blank, "M": self.cue}
        inputs, targets = ([codes[c] if c in codes else int(c) for c in rows[name]] for name in ("input", "target"))
        return [one_hot(s, self.size) for s in inputs], targets, list(self.scored), [True] * self.steps
