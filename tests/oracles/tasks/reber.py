import math

from oracles.tasks.base import CERTAIN, Classes, one_hot

LETTERS = "BTPSXVE"
ARROWS = {0: "T1 P2", 1: "S1 X3", 2: "T2 V4", 3: "X2 S5", 4: "P3 V5"}


def legal_after(line):
    """Symbols that may follow an unfinished embedded string, read from the left; None: it is no such string."""
    if len(line) < 3:
        return {0: "B", 1: "TP", 2: "B"}[len(line)]
    inner, state = line[2:], 0
    for t, s in enumerate(inner[1:]):
        if state == 5:
            tail = inner[t + 2 :]  # after the inner E
            return line[1] if tail == "" else "E"
        state = {arrow[0]: int(arrow[1]) for arrow in ARROWS[state].split()}[s]
    return "E" if state == 5 else "".join(arrow[0] for arrow in ARROWS[state].split())


def finished(line):
    return len(line) > 8 and line.endswith("E" + line[1] + "E")


class Reber(Classes):
    """The next symbols are drawn with the inputs."""

    noise = 0.6

    def __init__(self, variant, length=50):
        self.ends = variant.startswith("embedded")
        self.length = length
        self.steps = length - 1 if self.ends else length
        inner = [n for n in range(5, length) if (n + 4 <= length if self.ends else n + 2 <= length)]
        self.lag = (min(inner), max(inner))  # the symbols of the inner string lie between u and the step that asks
        self.seen, self.pairs = None, {}

    def draw_all(self, rng):
        line, rest = "", ""
        while len(line) <= self.steps:
            options = legal_after(rest)
            s = options[rng.integers(len(options))]
            line, rest = line + s, rest + s
            if finished(rest):
                if self.ends:
                    break
                rest = ""
        inputs = [one_hot(LETTERS.index(s), 7) for s in line[:-1]]
        targets = [LETTERS.index(s) for s in line[1:]]
        pad = self.steps - len(inputs)
        valid = [True] * len(inputs) + [False] * pad
        return inputs + [[0.0] * 7] * pad, valid, targets + [0] * pad, list(valid)

    def rests(self, inputs, valid):
        """The part of the unfinished string that each step has read."""
        rest, parts = "", []
        for x in inputs[: sum(valid)]:
            if finished(rest):
                rest = ""
            rest += LETTERS[list(x).index(1.0)]
            parts.append(rest)
        return parts

    def options(self, rest):
        return "B" if finished(rest) else legal_after(rest)

    def check_all(self, inputs, valid, targets, scored):
        assert len(inputs) == self.steps
        n = sum(valid)
        assert all(valid[:n])
        assert scored == valid
        assert not any(v for x in inputs[n:] for v in x)
        assert LETTERS[list(inputs[0]).index(1.0)] == "B"
        for t, rest in enumerate(self.rests(inputs, valid)):
            assert LETTERS[targets[t]] in self.options(rest)
            if t + 1 < n:
                assert targets[t] == list(inputs[t + 1]).index(1.0)
        assert not any(targets[n:])
        if n < self.steps:
            assert self.ends
            assert "".join(LETTERS[y] for y in targets[n - 3 : n]) in ("ETE", "EPE")

    def places(self, inputs, valid):
        return {"length": [sum(valid)], "u": [LETTERS[list(inputs[1]).index(1.0)]]}

    def meant(self, inputs, targets):
        n = len([x for x in inputs if 1.0 in x])
        found = [self.options(rest) for rest in self.rests(inputs, [True] * n)]
        return found + [""] * (self.steps - n)

    def legal(self, outputs, options):
        low = [v for c, v in enumerate(outputs) if LETTERS[c] in options]
        return all(a > v for a in low for c, v in enumerate(outputs) if LETTERS[c] not in options)

    def wrong(self, outputs, targets, scored):
        return any(s and not self.legal(o, y) for o, y, s in zip(outputs, targets, scored, strict=True))

    def metric(self, batch):
        right = [self.legal(o, y) for os, ys, ss in batch for o, y, s in zip(os, ys, ss, strict=True) if s]
        return sum(right) / len(right)

    def guess(self, options):
        return [CERTAIN if c in options else 0.0 for c in LETTERS]

    def best(self, inputs, valid):
        return [self.guess(options) for options in self.meant(inputs, None)]

    def blind(self, inputs, valid):
        """T and P are alike where u is asked for, T a trifle ahead."""
        outputs = []
        for rest, options in zip(self.rests(inputs, valid), self.meant(inputs, None), strict=False):
            asks = len(rest) > 6 and rest[-1] == "E" and options in ("T", "P")
            outputs.append([v + 1e-3 * (c == "T") for c, v in zip(LETTERS, self.guess("TP"), strict=True)]
                           if asks else self.guess(options))  # fmt: skip
        return outputs + [[0.0] * 7] * (self.steps - len(outputs))

    def chances(self):
        """For each step: symbol -> options -> chance, by following all strings at once."""
        if self.seen is None:
            self.seen, now = [], {"B": 1.0}
            for _ in range(self.steps):
                table, after = {}, {}
                for rest, p in now.items():
                    options = self.options(rest)
                    row = table.setdefault(rest[-1], {})
                    row[options] = row.get(options, 0.0) + p
                    for s in options:
                        new = "B" if finished(rest) else rest + s
                        if not (self.ends and finished(new)):
                            after[new] = after.get(new, 0.0) + p / len(options)
                self.seen.append(table)
                now = after
        return self.seen

    def strict(self, t, x):
        table = self.chances()[t].get(LETTERS[list(x).index(1.0)] if 1.0 in x else "", {})
        total = sum(table.values())
        share = [sum(p / len(o) for o, p in table.items() if c in o) for c in LETTERS]
        return [math.log(max(v / total, 1e-26)) if total else 0.0 for v in share]

    def strict_by_metric(self, t, x):
        """The two most active symbols that are most often the legal ones."""
        letter = LETTERS[list(x).index(1.0)] if 1.0 in x else ""
        if (t, letter) not in self.pairs:
            table = self.chances()[t].get(letter, {})
            pairs = [(a, b) for a in LETTERS for b in LETTERS if a != b]
            often = [sum(p for o, p in table.items() if set(o) in ({a}, {a, b})) for a, b in pairs]
            self.pairs[t, letter] = pairs[often.index(max(often))]
        a, b = self.pairs[t, letter]
        return [2.0 * (c == a) + 1.0 * (c == b) for c in LETTERS]

    def read(self, rows):
        inputs = [[0.0] * 7 if s == "_" else one_hot(LETTERS.index(s), 7) for s in rows["input"]]
        scored = [s != "." for s in rows["target"]]
        targets = [LETTERS.index(s) if s != "." else 0 for s in rows["target"]]
        return inputs, targets, scored, [s != "_" for s in rows["input"]]
