from oracles.tasks.base import CERTAIN, Classes, one_hot


class LongLag(Classes):
    def __init__(self, variant, length=100, symbols=0, tail=0):
        self.variant, self.n, self.tail = variant[-2:], length, tail
        self.letters = [str(a) for a in range(1, (symbols or length) + 1)]
        self.noise = 1.5 if self.variant == "2c" else 0.5
        if self.variant == "2c":
            self.alphabet = [*self.letters, "e", "b", "x", "y"]
            self.steps = length + tail + 3
        else:
            self.letters = [str(a) for a in range(1, length)]
            self.alphabet = [*self.letters, "x", "y"]
            self.steps = length
        if self.variant == "2b":
            self.best = self.knowing

    def draw(self, rng):
        end = "xy"[rng.integers(2)]
        some = [self.letters[rng.integers(len(self.letters))] for _ in range(self.n + self.tail)]
        if self.variant == "2a":
            line = [end, *self.letters]
        elif self.variant == "2b":
            line = [end, *some[: self.n - 1]]
        else:
            more = self.tail + 1
            while more > self.tail:  # drawn anew
                more = 0
                while rng.uniform() >= 0.1:
                    more += 1
            line = ["b", end, *some[: self.n + more], "e"]
        return self.encode(line + ["_"] * (self.steps - len(line)))

    def encode(self, line):
        size = len(self.alphabet)
        inputs = [[0.0] * size if s == "_" else one_hot(self.alphabet.index(s), size) for s in line]
        return inputs, [s != "_" for s in line]

    def decode(self, inputs):
        return ["_" if 1.0 not in x else self.alphabet[list(x).index(1.0)] for x in inputs]

    def check(self, inputs, valid):
        line = self.decode(inputs)
        assert len(line) == self.steps
        assert self.encode(line) == ([list(x) for x in inputs], list(valid))
        line = line[: sum(valid)]
        if self.variant == "2c":
            assert line[0] == "b"
            assert line[-1] == "e"
            assert self.n + 3 <= len(line) <= self.steps
            line = line[1:-1]
        assert line[0] in "xy"
        assert all(s in self.letters for s in line[1:])
        assert self.variant != "2a" or line[1:] == self.letters

    def places(self, inputs, valid):
        line = self.decode(inputs)
        return {
            "ends": [s for s in line if s in ("x", "y")],
            "distractors": [int(s) for s in line if s in self.letters],
            "length": [sum(valid)],
        }

    def answer(self, inputs, valid):
        line = self.decode(inputs)[: sum(valid)]
        if self.variant == "2c":
            targets = [0] * self.steps
            targets[len(line) - 1] = "xy".index(line[1])
            return targets, [t == len(line) - 1 for t in range(self.steps)]
        return [self.alphabet.index(s) for s in [*line[1:], line[0]]], [True] * self.steps

    def alter(self, inputs, valid, t):
        line = self.decode(inputs)
        if line[t] not in ("x", "y"):
            return None
        line[t] = "y" if line[t] == "x" else "x"
        return self.encode(line)[0]

    def wrong(self, outputs, targets, scored):
        tolerance = 0.2 if self.variant == "2c" else 0.25
        for t in range(self.steps):
            if scored[t] and (self.variant != "2b" or t == self.steps - 1):
                for c, share in enumerate(self.shares(outputs[t])):
                    if not abs(share - (c == targets[t])) < tolerance:
                        return True
        return False

    def guess(self, t):
        if self.variant == "2c":
            return [0.0, 0.0]
        if t == self.steps - 1:
            return [CERTAIN if s in "xy" else 0.0 for s in self.alphabet]
        sure = [str(t + 1)] if self.variant == "2a" else self.letters
        return [CERTAIN if s in sure else 0.0 for s in self.alphabet]

    def strict(self, t, x):
        return self.guess(t)

    def blind(self, inputs, valid):
        return [self.guess(t) for t in range(self.steps)]

    def knowing(self, inputs, valid):
        end = self.decode(inputs)[0]
        return [*(self.guess(t) for t in range(self.steps - 1)), [CERTAIN if s == end else 0.0 for s in self.alphabet]]

    def read(self, rows):
        inputs, valid = self.encode(rows["input"])
        names = ["x", "y"] if self.variant == "2c" else self.alphabet
        targets = [0 if s == "." else names.index(s) for s in rows["target"]]
        return inputs, targets, [s != "." for s in rows["target"]], valid
