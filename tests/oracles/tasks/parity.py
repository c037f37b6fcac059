from oracles.tasks.base import CERTAIN, Classes, one_hot, symbol_of


class Parity(Classes):
    def __init__(self, variant, bits=10, shortest=0):
        self.variant, self.bits = variant, bits
        self.ends = variant in ("deletang2023", "arora2024")
        self.shortest = shortest if variant == "beck2024" else bits
        self.steps = bits + 1 if self.ends else bits
        self.size = 3 if self.ends else 2

    def draw(self, rng):
        n = int(rng.integers(self.shortest, self.bits + 1))
        line = [one_hot(int(rng.integers(2)), self.size) for _ in range(n)]
        if self.ends:
            line.append(one_hot(2, 3))
        valid = [True] * len(line) + [False] * (self.steps - len(line))
        return line + [[0.0] * self.size] * (self.steps - len(line)), valid

    def check(self, inputs, valid):
        n = sum(valid) - self.ends
        assert len(inputs) == self.steps
        assert self.shortest <= n <= self.bits
        assert all(valid[: n + self.ends])
        assert all(symbol_of(list(x)) in (0, 1) for x in inputs[:n])
        assert not self.ends or list(inputs[n]) == [0.0, 0.0, 1.0]
        assert all(list(x) == [0.0] * self.size for x in inputs[n + self.ends :])

    def places(self, inputs, valid):
        ones = [t for t, x in enumerate(inputs) if x[1] == 1.0]
        zeros = [t for t, x in enumerate(inputs) if x[0] == 1.0]
        return {"length": [sum(valid)], "ones": ones, "zeros": zeros}

    def answer(self, inputs, valid):
        count, running = 0, []
        for x in inputs:
            count += x[1] == 1.0
            running.append(count % 2)
        last = sum(valid) - 1
        scored = [self.variant == "arora2024_cumulative" or t == last for t in range(len(inputs))]
        return [p if s else 0 for p, s in zip(running, scored, strict=True)], scored

    def alter(self, inputs, valid, t):
        if not valid[t] or (self.ends and t == self.bits):
            return None
        return [*inputs[:t], one_hot(1 - symbol_of(list(inputs[t])), self.size), *inputs[t + 1 :]]

    def blind(self, inputs, valid):
        return [[0.0, 0.0]] * self.steps

    def strict(self, t, x):
        alone = t == 0 and not self.ends
        return [CERTAIN * x[0], CERTAIN * x[1]] if alone else [0.0, 0.0]

    def read(self, rows):
        valid = [cell != "_" for cell in rows["input"]]
        symbols = [{"e": 2, "_": -1}.get(cell) or int(cell) for cell in rows["input"]]
        targets = [int(cell.replace(".", "0")) for cell in rows["target"]]
        return [one_hot(s, self.size) for s in symbols], targets, [cell != "." for cell in rows["target"]], valid
