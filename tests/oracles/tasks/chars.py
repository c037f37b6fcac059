"""Text of our own: the grammar once more, and its entropies by following sentences one by one."""

import math

from oracles.tasks.base import Classes

ALPHABET = " abcdefghijklmnopqrstuvwxyz"
KINDS = [
    ["the", "a", "this", "every", "some", "no", "that", "each"],
    ["river", "stone", "child", "winter", "garden", "letter", "ship", "mountain"],
    ["finds", "keeps", "loses", "follows", "remembers", "carries", "leaves", "knows"],
    ["again", "slowly", "here", "never", "at", "night", "for", "ever", "alone"],
]
OF = {word: c for c, kind in enumerate(KINDS) for word in kind}


def chances(before):
    """{word: probability} after a word of this kind (None: the first word)."""
    kinds = {c: 0.25 for c in range(4)} if before is None else {(before + 1) % 4: 0.5, (before + 2) % 4: 0.5}
    found = {}
    for c, p in kinds.items():
        total = sum(1 / r for r in range(1, len(KINDS[c]) + 1))
        for r, word in enumerate(KINDS[c], 1):
            found[word] = p / r / total
    return found


def next_letters(text):
    """{character: probability} after all that has been read."""
    *words, prefix = text.split(" ")
    likely, total = {}, 0.0
    for word, p in chances(OF[words[-1]] if words else None).items():
        if word.startswith(prefix):
            letter = (word + " ")[len(prefix)]
            likely[letter] = likely.get(letter, 0.0) + p
            total += p
    return {letter: p / total for letter, p in likely.items()}


class Chars(Classes):
    noise = 0.02

    def __init__(self, variant, length=100, warm=0):
        self.steps, self.warm = length, warm
        self.lag = (0, min(length - 1, 18))
        self.before = self.follow()

    def follow(self):
        """Probability of every text so far, step by step, and from it the tables of the predictors."""
        texts, tables = {"": 1.0}, []
        for step in range(self.steps + 1):
            grown, present = {}, {}
            for text, p in texts.items():
                for letter, q in next_letters(text).items():
                    now = text + letter
                    # what lies before the last word does not matter any more
                    words = now.split(" ")
                    key = now if len(words) < 3 else " ".join(words[-2:])
                    grown[key] = grown.get(key, 0.0) + p * q
                    row = present.setdefault(text[-1:], {})
                    row[letter] = row.get(letter, 0.0) + p * q
            texts = grown
            if step:
                tables.append(present)
        return tables

    def draw_all(self, rng):
        text, before = "", None
        while len(text) <= self.steps:
            words, weights = zip(*chances(before).items(), strict=True)
            word = words[rng.choice(len(words), p=weights)]
            text, before = text + word + " ", OF[word]
        codes = [ALPHABET.index(c) for c in text[: self.steps + 1]]
        scored = [t >= self.warm for t in range(self.steps)]
        targets = [y if s else 0 for y, s in zip(codes[1:], scored, strict=True)]
        return codes[:-1], [True] * self.steps, targets, scored

    def check_all(self, inputs, valid, targets, scored):
        assert scored == [t >= self.warm for t in range(self.steps)] and all(valid)
        ends = [*inputs, targets[-1]]
        text = "".join(ALPHABET[c] for c in ends)
        for t in range(len(text)):
            assert text[t] in next_letters(text[:t]), (text, t)
        assert targets == [c if s else 0 for c, s in zip(ends[1:], scored, strict=True)]

    def places(self, inputs, valid):
        return {"first": [ALPHABET[inputs[0]]]}

    def logs(self, weights):
        total = sum(weights.values())
        return [math.log(max(weights.get(c, 0.0) / total, 1e-30)) for c in ALPHABET]

    def blind(self, inputs, valid):
        found = []
        for table in self.before:
            merged = {}
            for row in table.values():
                for letter, p in row.items():
                    merged[letter] = merged.get(letter, 0.0) + p
            found.append(self.logs(merged))
        return found

    def strict(self, t, x):
        return self.logs(self.before[t][ALPHABET[x]])

    def best(self, inputs, valid):
        text = "".join(ALPHABET[c] for c in inputs)
        return [self.logs(next_letters(text[: t + 1])) for t in range(self.steps)]

    def read(self, rows):
        code = [ALPHABET.index(c.replace(".", " ")) for c in rows["input"]]
        ahead = [ALPHABET.index(c.replace(".", " ")) for c in rows["target"]]
        return code, ahead, [True] * len(code), [True] * len(code)
