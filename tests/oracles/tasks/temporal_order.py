from oracles.tasks.base import Classes, one_hot


class TemporalOrder(Classes):
    noise = 0.8

    def __init__(self, variant, length=100, signals=2, longest=0, sequences=1):
        self.variant, self.T, self.count = variant, length, sequences
        three = variant in ("hochreiter1997_6b", "gers2000_continual", "pascanu2013_3bit") or signals == 3
        self.k = 3 if three else 2
        self.late_cue = not (variant == "martens2011" and self.k == 2)
        if "pascanu" in variant:
            self.alphabet = "XYabcd"
            self.lengths = list(range(length, max(length, longest) + 1))
        elif variant == "martens2011":
            self.alphabet = "abcdXYTS"
            self.lengths = [length + 1 + e for e in range(length // 10)]
        else:
            self.alphabet = "XYabcdEB"
            self.lengths = [length + e for e in range(length // 10 + 1)]
        self.steps = sequences * max(self.lengths)
        self.tolerant = variant.startswith(("hochreiter", "gers"))

    def ranges(self, n):
        """Where each signal may stand in a sequence of n steps."""
        T = self.T
        if "pascanu" in self.variant:
            starts = [n // 10, n // 2] if self.k == 2 else [n // 10, 3 * n // 10, 6 * n // 10]
            return [range(s, s + n // 10) for s in starts]
        if self.variant == "martens2011":
            ends = [(1, 10), (40, 50)] if self.k == 2 else [(1, 10), (30, 40), (50, 60)]
            return [range(a * T // 100, b * T // 100 + 1) for a, b in ends]
        starts = [T // 10, T // 2] if self.variant.endswith("6a") else [T // 10, T // 3, 2 * T // 3]
        return [range(s - 1, s + T // 10) for s in starts]

    def one(self, rng):
        n = self.lengths[rng.integers(len(self.lengths))]
        line = ["abcd"[rng.integers(4)] for _ in range(n)]
        if "pascanu" not in self.variant:
            line[0] = self.alphabet[-1] if self.variant == "martens2011" else "E"
            line[-1 if self.late_cue else -2] = "T" if self.variant == "martens2011" else "B"
        for places in self.ranges(n):
            line[places[rng.integers(len(places))]] = "XY"[rng.integers(2)]
        return line

    def draw(self, rng):
        line = [s for _ in range(self.count) for s in self.one(rng)]
        return self.encode(line + ["_"] * (self.steps - len(line)))

    def encode(self, line):
        size = len(self.alphabet)
        inputs = [[0.0] * size if s == "_" else one_hot(self.alphabet.index(s), size) for s in line]
        return inputs, [s != "_" for s in line]

    def decode(self, inputs):
        return ["_" if 1.0 not in x else self.alphabet[list(x).index(1.0)] for x in inputs]

    def split(self, inputs, valid):
        """The joined sequences."""
        line = self.decode(inputs)[: sum(valid)]
        if self.count == 1:
            return [line]
        parts = [[]]
        for s in line:
            parts[-1].append(s)
            if s == "B":
                parts.append([])
        assert parts.pop() == []
        return parts

    def check(self, inputs, valid):
        assert len(inputs) == self.steps
        assert self.encode(self.decode(inputs)) == ([list(x) for x in inputs], list(valid))
        assert all(valid[: sum(valid)])
        parts = self.split(inputs, valid)
        assert len(parts) == self.count
        for line in parts:
            assert len(line) in self.lengths
            places = [t for t, s in enumerate(line) if s in "XY"]
            assert len(places) == self.k
            assert all(t in allowed for t, allowed in zip(places, self.ranges(len(line)), strict=True))
            if "pascanu" not in self.variant:
                first, cue = ("S", "T") if self.variant == "martens2011" else ("E", "B")
                assert line[0] == first or places[0] == 0
                assert [t for t, s in enumerate(line) if s == cue] == [len(line) - (1 if self.late_cue else 2)]
                assert line[1:].count(first) == 0

    def places(self, inputs, valid):
        hit = {"length": []} | {f"signal {k}": [] for k in range(self.k)}
        for line in self.split(inputs, valid):
            hit["length"].append(len(line))
            for k, t in enumerate(t for t, s in enumerate(line) if s in "XY"):
                hit[f"signal {k}"].append(t)
        return hit

    def answer(self, inputs, valid):
        names = ["XX", "XY", "YX", "YY"]
        if self.k == 3:
            names = ["XXX", "XXY", "XYX", "XYY", "YXX", "YXY", "YYX", "YYY"]
        backwards = "pascanu" in self.variant or (self.variant == "martens2011" and self.k == 3)
        targets, scored = [], []
        for line in self.split(inputs, valid):
            order = "".join(s for s in line if s in "XY")
            targets += [0] * (len(line) - 1) + [names.index(order[::-1] if backwards else order)]
            scored += [False] * (len(line) - 1) + [True]
        pad = self.steps - len(targets)
        return targets + [0] * pad, scored + [False] * pad

    def alter(self, inputs, valid, t):
        line = self.decode(inputs)
        if line[t] not in "XY":
            return None
        line[t] = "Y" if line[t] == "X" else "X"
        return self.encode(line)[0]

    def wrong(self, outputs, targets, scored):
        if not self.tolerant:
            return super().wrong(outputs, targets, scored)
        for o, y, s in zip(outputs, targets, scored, strict=True):
            if s:
                for c, share in enumerate(self.shares(o)):
                    if not abs(share - (c == y)) < 0.3:
                        return True
        return False

    def blind(self, inputs, valid):
        return [[0.0] * 2**self.k] * self.steps

    def strict(self, t, x):
        return [0.0] * 2**self.k

    def read(self, rows):
        inputs, valid = self.encode(rows["input"])
        targets = [int(cell.replace(".", "0")) for cell in rows["class"]]
        return inputs, targets, [cell != "." for cell in rows["class"]], valid
