import math

from oracles.tasks.base import CERTAIN, Bits, one_hot


class Counting(Bits):
    def __init__(self, variant, largest=10, smallest=1):
        self.letters = "abc"[: variant.count("n", 0, variant.index("_"))]
        self.ns = list(range(smallest, largest + 1))
        self.steps = len(self.word(largest))
        self.lag = (min(self.ns), max(2 * n - 1 for n in self.ns))
        self.tables = {}

    def word(self, n):
        return "S" + "".join(letter * n for letter in self.letters)

    def encode(self, word):
        size, pad = len(self.letters) + 1, self.steps - len(word)
        inputs = [one_hot(("S" + self.letters).index(s), size) for s in word]
        return inputs + [[0.0] * size] * pad, [True] * len(word) + [False] * pad

    def decode(self, inputs):
        return "".join(("S" + self.letters)[list(x).index(1.0)] for x in inputs if 1.0 in x)

    def draw(self, rng):
        return self.encode(self.word(self.ns[rng.integers(len(self.ns))]))

    def check(self, inputs, valid):
        word = self.decode(inputs)
        assert word in [self.word(n) for n in self.ns]
        assert self.encode(word) == ([list(x) for x in inputs], list(valid))

    def places(self, inputs, valid):
        return {"n": [self.decode(inputs).count("a")]}

    def legal(self, word):
        """What may follow, letter by letter."""
        n, sets = word.count("a"), []
        for t, s in enumerate(word):
            if s == "S":
                sets.append("a")
            elif s == "a":
                sets.append("ab")
            elif word[: t + 1].count(s) < n:
                sets.append(s)
            else:
                sets.append((self.letters + "T")[self.letters.index(s) + 1])
        return sets

    def bits(self, symbols):
        return [1.0 if s in symbols else 0.0 for s in self.letters + "T"]

    def answer(self, inputs, valid):
        sets = self.legal(self.decode(inputs))
        return [self.bits(s) for s in sets + [""] * (self.steps - len(sets))], list(valid)

    def metric(self, batch):
        return sum(not self.wrong(*one) for one in batch) / len(batch)

    def rates(self, by):
        """The mean of the targets for each kind of step, over all words."""
        if by not in self.tables:
            cases = {}
            for n in self.ns:
                word = self.word(n)
                for t, (s, legal) in enumerate(zip(word, self.legal(word), strict=True)):
                    cases.setdefault(s if by == "symbol" else (t, s), []).append(self.bits(legal))
            means = {kind: [sum(bit) / len(bit) for bit in zip(*rows, strict=True)] for kind, rows in cases.items()}
            self.tables[by] = {kind: [self.logit(p) for p in ps] for kind, ps in means.items()}
        return self.tables[by]

    def logit(self, p):
        return -CERTAIN if p == 0 else CERTAIN if p == 1 else math.log(p / (1 - p))

    def sure(self, symbols):
        return [CERTAIN if s in symbols else -CERTAIN for s in self.letters + "T"]

    def blind(self, inputs, valid):
        found = [self.rates("symbol")[s] for s in self.decode(inputs)]
        return found + [[0.0] * (len(self.letters) + 1)] * (self.steps - len(found))

    def blind_by_metric(self, inputs, valid):
        """Every b (and c) is taken for the last."""
        after = {"S": "a", "a": "ab"} | {s: (self.letters + "T")[k + 1] for k, s in enumerate(self.letters) if s != "a"}
        found = [self.sure(after[s]) for s in self.decode(inputs)]
        return found + [self.sure("")] * (self.steps - len(found))

    def strict(self, t, x):
        word = self.decode([x])
        return self.rates("clock")[t, word] if word else [0.0] * (len(self.letters) + 1)

    def together(self):
        """What one function of step and symbol says that accepts as many n as it can, by trying all sets of n."""
        if "best" not in self.tables:
            most = -1
            for mask in range(2 ** len(self.ns)):
                chosen = [n for k, n in enumerate(self.ns) if mask >> k & 1]
                table, fits = {}, True
                for word in map(self.word, chosen):
                    for key, legal in zip(enumerate(word), self.legal(word), strict=True):
                        fits = fits and table.setdefault(key, legal) == legal
                if fits and len(chosen) > most:
                    most, self.tables["best"] = len(chosen), table
        return self.tables["best"]

    def strict_by_metric(self, t, x):
        return self.sure(self.together().get((t, self.decode([x])), ""))

    def read(self, rows):
        inputs, valid = self.encode("".join(rows["input"]).replace("_", ""))
        return inputs, [self.bits(cell) for cell in rows["target"]], [cell != "." for cell in rows["target"]], valid
