import math

from oracles.tasks.base import CERTAIN, Classes, one_hot, symbol_of


class Warp(Classes):
    """A list of blocks, each a symbol and its width."""

    held = True
    noise = 0.5

    def __init__(self, variant, length=500, warp=10, symbols=9, mode="uniform"):
        self.steps, self.warp, self.symbols = length, warp, symbols
        self.widths = [warp] if mode == "uniform" else list(range(1, warp + 1))
        ends = [w - 1 for w in self.widths]  # of the first block; the next may be cut
        self.lag = (1, max(min(self.warp, length - 1 - e) for e in ends))

    def encode(self, blocks):
        line = []
        for symbol, width in blocks:
            line += [symbol] + [symbol if self.held else 0] * (width - 1)
        return [one_hot(s, self.symbols + 1) for s in line[: self.steps]]

    def draw(self, rng):
        blocks, total = [], 0
        while total < self.steps:
            last = blocks[-1][0] if blocks else 0
            others = [s for s in range(1, self.symbols + 1) if s != last]
            blocks.append((others[rng.integers(len(others))], self.widths[rng.integers(len(self.widths))]))
            total += blocks[-1][1]
        return self.encode(blocks), [True] * self.steps

    def decode(self, inputs):
        """The symbol and the start of every block."""
        blocks = []
        for t, x in enumerate(inputs):
            s = symbol_of(x)
            if s > 0 and (not blocks or s != blocks[-1][0]):
                blocks.append((s, t))
        return blocks

    def spans(self, inputs):
        starts = [t for _, t in self.decode(inputs)]
        return [b - a for a, b in zip(starts, [*starts[1:], self.steps], strict=True)]

    def check(self, inputs, valid):
        *whole, cut = widths = self.spans(inputs)
        assert all(w in self.widths for w in whole)
        assert 1 <= cut <= self.warp
        symbols = [s for s, _ in self.decode(inputs)]
        assert self.encode(list(zip(symbols, widths, strict=True))) == [list(x) for x in inputs]
        assert list(valid) == [True] * self.steps

    def places(self, inputs, valid):
        return {"symbol": [s for s, _ in self.decode(inputs)], "width": self.spans(inputs)[:-1]}

    def answer(self, inputs, valid):
        before, present, targets = 0, 0, []
        for x in inputs:
            s = symbol_of(x)
            if s not in (0, present):
                before, present = present, s
            targets.append(before)
        scored = [self.held or symbol_of(x) > 0 for x in inputs]
        return [y if s else 0 for y, s in zip(targets, scored, strict=True)], scored

    def blind(self, inputs, valid):
        """It sees when the first block ends."""
        second = self.decode(inputs)[1][1]
        return [self.guess(1.0 if t < second else 0.0, range(1, self.symbols + 1)) for t in range(self.steps)]

    def guess(self, dummy, others):
        """Outputs where the dummy has this chance, the others the rest."""

        def chance(c):
            return dummy if c == 0 else (1 - dummy) / len(others) if c in others else 0.0

        return [math.log(chance(c)) if chance(c) else -CERTAIN for c in range(self.symbols + 1)]

    def strict(self, t, x):
        first = sum(w > t for w in self.widths) / len(self.widths)
        return self.guess(first, [s for s in range(1, self.symbols + 1) if s != symbol_of(x)])

    def read(self, rows):
        symbols = [int(c) for c in rows["input"]]
        targets = [int(c.replace(".", "0")) for c in rows["target"]]
        inputs = [one_hot(s, self.symbols + 1) for s in symbols]
        return inputs, targets, [c != "." for c in rows["target"]], [True] * self.steps


class Pad(Warp):
    held = False
    noise = 0.7

    def __init__(self, variant, **sizes):
        super().__init__(variant, **sizes)
        self.lag = (min(self.widths), max(self.widths))

    def alter(self, inputs, valid, t):
        """Another symbol, unlike both neighbours."""
        blocks = self.decode(inputs)
        for k, (s, start) in enumerate(blocks):
            if start == t:
                near = [s, *[b[0] for b in blocks[max(0, k - 1) : k + 2]]]
                free = [c for c in range(1, self.symbols + 1) if c not in near]
                return [*inputs[:t], one_hot(free[0], self.symbols + 1), *inputs[t + 1 :]]
        return None

    def strict(self, t, x):
        return self.guess(float(t == 0), [s for s in range(1, self.symbols + 1) if s != symbol_of(x)])
