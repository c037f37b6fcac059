from oracles.tasks.base import CERTAIN, Classes, argmax


def recall(variant, **sizes):
    if variant == "poli2024":
        return NextToken(**sizes) if sizes.get("train_on") == "all" else Recalled(**sizes)
    return Filled(**sizes) if sizes.get("filler") == "filled" else NoKeys(**sizes)


class Tokens(Classes):
    def strict(self, t, x):
        return self.constant(t)

    def blind(self, inputs, valid):
        return [self.constant(t) for t in range(self.steps)]

    def constant(self, t):
        return self.among(range(self.vocabulary // 2, self.vocabulary))

    def among(self, tokens):
        return [CERTAIN if c in tokens else 0.0 for c in range(self.vocabulary)]

    def read(self, rows):
        targets = [int(cell.replace(".", "0")) for cell in rows["target"]]
        scored = [cell != "." for cell in rows["target"]]
        return [int(cell) for cell in rows["input"]], targets, scored, [True] * self.steps


class Mqar(Tokens):
    def __init__(self, length=64, vocabulary=64, pairs=4, power=0.01, filler="filled_nokeys"):
        self.steps, self.vocabulary, self.K, self.power, self.filler = length, vocabulary, pairs, power, filler

    def draw_slots(self, rng):
        """One after the other, each time among the slots that are left."""
        left = list(range((self.steps - 2 * self.K) // 2))
        slots = []
        for _ in range(self.K):
            weights = [(i + 1) ** (self.power - 1) for i in left]
            point = rng.random() * sum(weights)
            k = 0
            while k < len(left) - 1 and point >= weights[k]:
                point -= weights[k]
                k += 1
            slots.append(left.pop(k))
        return slots

    def draw_filler(self, rng, keys):
        if self.filler == "clean":
            return 0
        allowed = [c for c in range(self.vocabulary) if self.filler == "filled" or c not in keys]
        return allowed[rng.integers(len(allowed))]

    def draw_line(self, rng):
        half = self.vocabulary // 2
        keys = [int(k) for k in rng.permutation(range(1, half))[: self.K]]
        values = [int(v) for v in rng.permutation(range(half, self.vocabulary))[: self.K]]
        line = [token for pair in zip(keys, values, strict=True) for token in pair]
        line += [self.draw_filler(rng, keys) for _ in range(self.steps - 2 * self.K)]
        places = [2 * self.K + 2 * s for s in self.draw_slots(rng)]
        for k, t in zip(keys, places, strict=True):
            line[t] = k
        return line, places

    def draw(self, rng):
        return self.draw_line(rng)[0], [True] * self.steps

    def pairs_of(self, inputs):
        return {inputs[2 * j]: inputs[2 * j + 1] for j in range(self.K)}

    def check_tokens(self, inputs, valid):
        half, known = self.vocabulary // 2, self.pairs_of(inputs)
        assert len(inputs) == len(valid) == self.steps
        assert all(valid)
        assert len(known) == len(set(known.values())) == self.K
        assert all(1 <= k < half <= v < self.vocabulary for k, v in known.items())
        assert all(0 <= x < self.vocabulary for x in inputs)

    def places(self, inputs, valid):
        known = self.pairs_of(inputs)
        rest = inputs[2 * self.K :]
        return {
            "key": list(known),
            "value": list(known.values()),
            "query": [t for t in range(2 * self.K, self.steps) if inputs[t] in known],
            "filler": [x for x in rest if x not in known],
        }


class NoKeys(Mqar):
    """Filler that is none of the keys: the scored steps can be told from the inputs."""

    def check(self, inputs, valid):
        self.check_tokens(inputs, valid)
        known, rest = self.pairs_of(inputs), inputs[2 * self.K :]
        assert sorted(x for x in rest[::2] if x in known) == sorted(known)
        assert not any(x in known for x in rest[1::2])
        if self.filler == "clean":
            assert all(x in known or x == 0 for x in rest)

    def answer(self, inputs, valid):
        known = self.pairs_of(inputs)
        scored = [t >= 2 * self.K and x in known for t, x in enumerate(inputs)]
        return [known[x] if s else 0 for x, s in zip(inputs, scored, strict=True)], scored

    def alter(self, inputs, valid, t):
        if t >= 2 * self.K or t % 2 == 0:
            return None
        half = self.vocabulary // 2
        return [*inputs[:t], half + (inputs[t] - half + 1) % half, *inputs[t + 1 :]]


class Filled(Mqar):
    """Filler may be a key: which repeated keys are scored is a hidden draw."""

    def __init__(self, **sizes):
        super().__init__(**sizes)
        self.lag = (1, self.steps - 3)

    def draw_all(self, rng):
        line, places = self.draw_line(rng)
        known = self.pairs_of(line)
        targets = [known[x] if t in places else 0 for t, x in enumerate(line)]
        return line, [True] * self.steps, targets, [t in places for t in range(self.steps)]

    def check_all(self, inputs, valid, targets, scored):
        self.check_tokens(inputs, valid)
        known = self.pairs_of(inputs)
        places = [t for t in range(self.steps) if scored[t]]
        assert all(t >= 2 * self.K and t % 2 == 0 for t in places)
        assert sorted(inputs[t] for t in places) == sorted(known)
        assert targets == [known[x] if s else 0 for x, s in zip(inputs, scored, strict=True)]


class Poli(Tokens):
    def __init__(self, length=128, vocabulary=16, train_on="scored"):
        self.steps, self.vocabulary, self.keys = length - 1, vocabulary, vocabulary // 2

    def draw(self, rng):
        line, value_of = [], {}
        for _ in range((self.steps + 1) // 2 - 1):
            k = int(rng.integers(self.keys))
            if k not in value_of:
                value_of[k] = int(rng.integers(self.keys, self.vocabulary))
            line += [k, value_of[k]]
        seen = list(value_of)
        return [*line, seen[rng.integers(len(seen))]], [True] * self.steps

    def check(self, inputs, valid):
        assert len(inputs) == len(valid) == self.steps
        assert all(valid)
        value_of = {}
        for t in range(0, self.steps - 1, 2):
            assert 0 <= inputs[t] < self.keys <= inputs[t + 1] < self.vocabulary
            assert value_of.setdefault(inputs[t], inputs[t + 1]) == inputs[t + 1]
        assert inputs[-1] in value_of

    def places(self, inputs, valid):
        _, scored = Poli.answer(self, inputs, valid)
        return {
            "key": inputs[::2],
            "value": inputs[1::2],
            "recall": [t for t in range(self.steps) if scored[t]],
            "last pair": [inputs[::2].index(inputs[-1])],
        }

    def answer(self, inputs, valid):
        targets, scored, value_of = [0] * self.steps, [False] * self.steps, {}
        for t in range(0, self.steps, 2):
            if inputs[t] in value_of:
                targets[t], scored[t] = value_of[inputs[t]], True
            if t + 1 < self.steps:
                value_of[inputs[t]] = inputs[t + 1]
        return targets, scored


class Recalled(Poli):
    """Trained on the values of repeated keys."""

    def alter(self, inputs, valid, t):
        """One value other than before: it is the next use of the key that needs it."""
        if t % 2 == 0:
            return None
        values = self.vocabulary - self.keys
        return [*inputs[:t], self.keys + (inputs[t] - self.keys + 1) % values, *inputs[t + 1 :]]


class NextToken(Poli):
    """Trained on every next token, judged by the values of repeated keys."""

    def __init__(self, **sizes):
        super().__init__(**sizes)
        self.lag = (1, self.steps - 2)

    def answer(self, inputs, valid):
        return inputs[1:] + super().answer(inputs, valid)[0][-1:], [True] * self.steps

    def meant(self, inputs, targets):
        return [y if s else None for y, s in zip(*Poli.answer(self, inputs, None), strict=True)]

    def metric(self, batch):
        right = [argmax(o) == y for os, ys, _ in batch for o, y in zip(os, ys, strict=True) if y is not None]
        return sum(right) / len(right)

    def wrong(self, outputs, targets, scored):
        return super().wrong(outputs, targets, [y is not None for y in targets])

    def constant(self, t):
        return self.among(range(self.keys) if t % 2 else range(self.keys, self.vocabulary))

    def best(self, inputs, valid):
        known, asked = Poli.answer(self, inputs, valid)
        outputs = []
        for t in range(self.steps):
            if asked[t]:
                outputs.append(self.among([known[t]]))
            elif t == self.steps - 2:
                outputs.append(self.among(inputs[:-1:2]))
            else:
                outputs.append(self.constant(t))
        return outputs
