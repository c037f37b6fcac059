from oracles.tasks.base import CERTAIN, Classes


class SymbolMemory(Classes):
    noise = 0.5

    def __init__(self, variant, length=20, bits=6):
        self.length, self.bits, self.dash = length, bits, 2**bits
        self.steps = 2 * length + 2

    def encode(self, symbols):
        codes = [[float(bit) for bit in format(s, f"0{self.bits}b")] + [0.0] for s in symbols]
        return codes + [[0.0] * self.bits + [1.0]] * (self.steps - self.length)

    def decode(self, inputs):
        return [int("".join(str(int(bit)) for bit in x[:-1]), 2) for x in inputs[: self.length]]

    def draw(self, rng):
        return self.encode([int(rng.integers(self.dash)) for _ in range(self.length)]), [True] * self.steps

    def check(self, inputs, valid):
        assert self.encode(self.decode(inputs)) == [list(x) for x in inputs]
        assert list(valid) == [True] * self.steps

    def places(self, inputs, valid):
        return {"symbol": self.decode(inputs), "dash": [t for t, x in enumerate(inputs) if x[-1] == 1.0]}

    def answer(self, inputs, valid):
        return [self.dash] * (self.length + 1) + self.decode(inputs) + [self.dash], [True] * self.steps

    def alter(self, inputs, valid, t):
        if t >= self.length:
            return None
        return [*inputs[:t], [1.0 - inputs[t][0], *inputs[t][1:]], *inputs[t + 1 :]]

    def blind(self, inputs, valid):
        return [self.strict(t, x) for t, x in enumerate(inputs)]

    def strict(self, t, x):
        likely = range(self.dash) if self.length < t <= 2 * self.length else [self.dash]
        return [CERTAIN if c in likely else 0.0 for c in range(self.dash + 1)]

    def read(self, rows):
        inputs = self.encode([int(c, 2) for c in rows["input"] if c != "-"])
        assert [c == "-" for c in rows["input"]] == [x[-1] == 1.0 for x in inputs]
        targets = [self.dash if c == "-" else int(c) for c in rows["target"]]
        return inputs, targets, [True] * self.steps, [True] * self.steps
