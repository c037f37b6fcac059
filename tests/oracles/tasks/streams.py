import itertools
import math

from oracles.tasks.base import CERTAIN, Classes, one_hot, symbol_of


class Dyck(Classes):
    def __init__(self, variant, pairs=32, types=2):
        self.m, self.k, self.steps = pairs, types, 2 * pairs

    def draw(self, rng):
        """The cycle rule: of m + 1 ups and m downs in a ring, one start keeps every sum above zero."""
        ring = rng.permutation([1] * (self.m + 1) + [-1] * self.m).tolist()
        for start in range(len(ring)):
            turned = ring[start:] + ring[:start]
            if all(total > 0 for total in itertools.accumulate(turned)):
                break
        word, stack = [], []
        for move in turned[1:]:
            if move == 1:
                stack.append(int(rng.integers(self.k)))
                word.append(stack[-1])
            else:
                word.append(self.k + stack.pop())
        return [one_hot(s, 2 * self.k) for s in word], [True] * self.steps

    def check(self, inputs, valid):
        assert len(inputs) == self.steps
        assert all(valid)
        assert all(e is not None for e in self.partners(inputs))

    def partners(self, inputs):
        """For each step that of the other bracket of its pair; None where there is none of its kind."""
        found, stack = [None] * len(inputs), []
        for t, x in enumerate(inputs):
            s = symbol_of(list(x))
            if s < self.k:
                stack.append((t, s))
            elif stack and stack[-1][1] == s - self.k:
                opened, _ = stack.pop()
                found[t], found[opened] = opened, t
        return found

    def places(self, inputs, valid):
        partners = self.partners(inputs)
        return {
            "symbol": [symbol_of(list(x)) for x in inputs],
            "distance": [p - t for t, p in enumerate(partners) if p > t],
        }

    def answer(self, inputs, valid):
        targets, scored = [0] * self.steps, [False] * self.steps
        for t, p in enumerate(self.partners(inputs)):
            if p < t:
                targets[t - 1], scored[t - 1] = symbol_of(list(inputs[p])), True
        return targets, scored

    def alter(self, inputs, valid, t):
        partner = self.partners(inputs)[t]
        if partner < t:
            return None
        kind = (symbol_of(list(inputs[t])) + 1) % self.k
        changed = {t: one_hot(kind, 2 * self.k), partner: one_hot(self.k + kind, 2 * self.k)}
        return [changed.get(s, x) for s, x in enumerate(inputs)]

    def blind(self, inputs, valid):
        return [[0.0] * self.k] * self.steps

    def strict(self, t, x):
        return [CERTAIN * x[j] for j in range(self.k)]

    def read(self, rows):
        inputs = [one_hot("([)]".index(cell), 4) for cell in rows["input"]]
        targets = [0 if cell == "." else int(cell) for cell in rows["target"]]
        return inputs, targets, [cell != "." for cell in rows["target"]], [True] * self.steps


class FutureLabel(Classes):
    def __init__(self, variant, length=50, ahead=5, symbols=8):
        self.steps, self.ahead, self.symbols = length, ahead, symbols

    def draw(self, rng):
        return [one_hot(int(rng.integers(self.symbols)), self.symbols) for _ in range(self.steps)], [True] * self.steps

    def check(self, inputs, valid):
        assert len(inputs) == self.steps
        assert all(valid)
        assert all(0 <= symbol_of(list(x)) < self.symbols for x in inputs)

    def places(self, inputs, valid):
        return {"symbol": [symbol_of(list(x)) for x in inputs]}

    def answer(self, inputs, valid):
        later = [symbol_of(list(x)) for x in inputs[self.ahead :]]
        return later + [0] * self.ahead, [True] * len(later) + [False] * self.ahead

    def alter(self, inputs, valid, t):
        other = one_hot((symbol_of(list(inputs[t])) + 1) % self.symbols, self.symbols)
        return [*inputs[:t], other, *inputs[t + 1 :]]

    def blind(self, inputs, valid):
        return [[0.0] * self.symbols] * self.steps

    def strict(self, t, x):
        return [0.0] * self.symbols

    def read(self, rows):
        targets = [0 if cell == "." else int(cell) for cell in rows["target"]]
        inputs = [one_hot(int(cell), self.symbols) for cell in rows["input"]]
        return inputs, targets, [cell != "." for cell in rows["target"]], [True] * self.steps


class MotionChange(Classes):
    def __init__(self, variant, length=60, speed=0.02, noise=0.002):
        self.steps, self.speed, self.error = length, speed, noise
        self.turns = range(length // 4, 3 * length // 4)
        self.lag = (length - 1 - self.turns[-1], length - 1 - self.turns[0])

    def draw(self, rng):
        x, y, angle = rng.random(), rng.random(), 2 * math.pi * rng.random()
        turn = rng.choice(self.turns) if rng.random() < 0.5 else self.steps
        side = rng.choice([-1, 1]) * math.pi / 2
        positions = []
        for t in range(self.steps):
            positions.append((x + self.error * rng.normal(), y + self.error * rng.normal()))
            angle += side if t == turn else 0.0
            x, y = x + self.speed * math.cos(angle), y + self.speed * math.sin(angle)
        return [self.encode(*p) for p in positions], [True] * self.steps

    def encode(self, x, y):
        a, b = 2 * math.pi * x, 2 * math.pi * y
        return [math.cos(a), math.cos(b), math.sin(a), math.sin(b)]

    def moves(self, inputs):
        places = [[math.atan2(x[2 + i], x[i]) / (2 * math.pi) for i in (0, 1)] for x in inputs]
        steps = [[b[i] - a[i] for i in (0, 1)] for a, b in itertools.pairwise(places)]
        return [[d - round(d) for d in step] for step in steps]

    def turned(self, inputs):
        """Of all straight ways and all ways with one turn, the nearest: the sum of moves before and after."""
        moves = self.moves(inputs)

        def length_of(part):
            return math.hypot(sum(d[0] for d in part), sum(d[1] for d in part))

        bent = [length_of(moves[:turn]) + length_of(moves[turn:]) for turn in self.turns]
        return max(bent) - length_of(moves) > 0.5 * self.speed

    def check(self, inputs, valid):
        assert len(inputs) == self.steps
        assert all(valid)
        assert all(abs(x[i] ** 2 + x[i + 2] ** 2 - 1) < 1e-5 for x in inputs for i in (0, 1))
        assert all(abs(math.hypot(*d) - self.speed) < 8 * self.error + 1e-5 for d in self.moves(inputs))

    def places(self, inputs, valid):
        return {"quadrant": [(x[0] > 0, x[2] > 0) for x in inputs]}

    def answer(self, inputs, valid):
        last = self.steps - 1
        return [0] * last + [int(self.turned(inputs))], [t == last for t in range(self.steps)]

    def blind(self, inputs, valid):
        return [[0.0, 0.0]] * self.steps

    def strict(self, t, x):
        return [0.0, 0.0]

    def read(self, rows):
        inputs = [self.encode(float(x), float(y)) for x, y in zip(rows["x"], rows["y"], strict=True)]
        targets = [0 if cell == "." else int(cell) for cell in rows["target"]]
        return inputs, targets, [cell != "." for cell in rows["target"]], [True] * self.steps


TOKENS = "abcdefghij?wxyzWXYZ"


class TwoTimeScales(Classes):
    def __init__(self, variant, block=100, blocks=2):
        self.block, self.blocks, self.steps = block, blocks, block * blocks
        self.lag = (0, block - 2)

    def draw(self, rng):
        line, last = [], rng.integers(10)
        for _ in range(self.blocks):
            topic = rng.integers(4)
            part = ["WXYZ"[topic]]
            while len(part) < self.block:
                if len(part) < self.block - 1 and rng.random() < 0.05:
                    part += ["?", "wxyz"[topic]]
                else:
                    last = (last + 1) % 10 if rng.random() < 0.9 else rng.integers(10)
                    part.append(TOKENS[last])
            line += part
        return self.encode(line), [True] * self.steps

    def encode(self, line):
        return [one_hot(TOKENS.index(s), 19) for s in line]

    def line(self, inputs):
        return [TOKENS[symbol_of(list(x))] for x in inputs]

    def check(self, inputs, valid):
        line = self.line(inputs)
        assert len(line) == self.steps
        assert all(valid)
        for t, s in enumerate(line):
            topic = line[t - t % self.block]
            assert (s in "WXYZ") == (t % self.block == 0)
            assert (s in "wxyz") == (t > 0 and line[t - 1] == "?")
            assert s not in "wxyz" or s.upper() == topic
            assert s != "?" or t % self.block < self.block - 1

    def places(self, inputs, valid):
        line = self.line(inputs)
        return {"token": line, "query": [t for t, s in enumerate(line) if s == "?"]}

    def answer(self, inputs, valid):
        line = self.line(inputs)
        targets, scored = [0] * self.steps, [False] * self.steps
        for t, (s, after) in enumerate(itertools.pairwise(line)):
            if s == "?" or (s in "abcdefghij" and after in "abcdefghij"):
                targets[t], scored[t] = TOKENS.index(after), True
        return targets, scored

    def wrong(self, outputs, targets, scored):
        return super().wrong(outputs, targets, [s and y > 9 for s, y in zip(scored, targets, strict=True)])

    def blind(self, inputs, valid):
        return [self.likely("wxyz" if s == "?" else "abcdefghij") for s in self.line(inputs)]

    def likely(self, tokens):
        return [CERTAIN if s in tokens else 0.0 for s in TOKENS]

    def strict(self, t, x):
        s = TOKENS[symbol_of(list(x))]
        if s not in "abcdefghij":
            return self.likely("wxyz")
        chances = [0.01 + 0.9 * (c == (TOKENS.index(s) + 1) % 10) for c in range(10)]
        return [math.log(p) for p in chances] + [-CERTAIN] * 9

    def best(self, inputs, valid):
        line = self.line(inputs)
        return [
            self.likely(line[t - t % self.block].lower()) if s == "?" else self.strict(t, x)
            for t, (s, x) in enumerate(zip(line, inputs, strict=True))
        ]

    def read(self, rows):
        targets = [0 if cell == "." else TOKENS.index(cell) for cell in rows["target"]]
        return self.encode(rows["input"]), targets, [cell != "." for cell in rows["target"]], [True] * self.steps
