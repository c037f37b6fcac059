"""Words are lists of symbols; `support` lists all of them with their chances, `answer_to` has the rules."""

import functools
import itertools
import math

from oracles.tasks.base import CERTAIN, Classes, one_hot, symbol_of

SYMBOLS = {  # of the word; the answers have as many classes as the second number
    "parity_check": ("01", 2),
    "even_pairs": ("01", 2),
    "cycle_navigation": ("012", 5),
    "reverse_string": ("01", 2),
    "missing_duplicate_string": ("0123", 2),
    "duplicate_string": ("01", 2),
    "odds_first": ("01", 2),
    "bucket_sort": ("01234", 5),
    "modular_arithmetic": ("01234+-*^", 5),
    "modular_arithmetic_brackets": ("01234+-*()_", 5),
    "solve_equation": ("01234+-()x=", 5),
    "stack_manipulation": ("01234", 3),
    "binary_addition": ("012", 3),
    "binary_multiplication": ("012", 3),
    "compute_sqrt": ("01", 2),
}
FREE = ("parity_check", "even_pairs", "cycle_navigation", "reverse_string", "duplicate_string", "odds_first")


class Formal(Classes):
    def __init__(self, variant, length=40):
        self.rule, self.n = variant.removesuffix("_deletang2023"), length
        self.symbols, self.classes = SYMBOLS[self.rule]
        if self.rule == "modular_arithmetic" and length % 2 == 0:
            self.n = length - 1
        n = self.n
        self.m = {
            "reverse_string": n, "odds_first": n, "bucket_sort": n, "duplicate_string": 2 * n,
            "stack_manipulation": n + 1, "binary_addition": n + 1, "binary_multiplication": n,
            "compute_sqrt": math.ceil(n / 2),
        }.get(self.rule, 1)  # fmt: skip
        self.steps = n + self.m
        self.ends = self.rule in ("stack_manipulation", "binary_addition", "binary_multiplication")

    # ---------------------------------------------------------------------------------------- words

    def draw(self, rng):
        word = self.draw_word(rng)
        return self.encode(word), [True] * self.steps

    def draw_word(self, rng):
        n, rule = self.n, self.rule

        def digits(count, below):
            return "".join(str(rng.integers(below)) for _ in range(count))

        if rule in FREE or rule == "bucket_sort":
            return digits(n, len(self.symbols))
        if rule == "missing_duplicate_string":
            half = digits(n // 2, 2)
            hole = rng.integers(2 * (n // 2))
            word = half + half
            return word[:hole] + "2" + word[hole + 1 :] + "3" * (n % 2)
        if rule == "modular_arithmetic":
            return "".join(str(rng.integers(5)) if t % 2 == 0 else "+-*"[rng.integers(3)] for t in range(n))
        if rule == "modular_arithmetic_brackets":
            return bracketed(rng, n, "+-*")
        if rule == "solve_equation":
            left = bracketed(rng, n - 2, "+-")
            result = eval(left) % 5
            place = rng.integers(n - 2)
            while left[place] not in "01234":
                place = (place + 1) % (n - 2)
            return f"{left[:place]}x{left[place + 1 :]}={result}"
        if rule == "stack_manipulation":
            size = rng.integers(1, n) if n > 1 else 1
            return digits(size, 2) + "".join("234"[rng.integers(3)] for _ in range(n - size))
        if rule == "compute_sqrt":
            return f"{number(rng, n):0{n}b}"
        if n <= 2:
            return little(int(rng.integers(2**n - 1)), n)
        k = rng.integers(1, n - 1)
        return little(number(rng, k), k) + "2" + little(number(rng, n - 1 - k), n - 1 - k)

    @functools.cached_property
    def support(self):
        """All words with their chances."""
        n, rule = self.n, self.rule
        found = {}

        def add(word, chance):
            found[word] = found.get(word, 0.0) + chance

        if rule in FREE or rule == "bucket_sort":
            for word in itertools.product(self.symbols, repeat=n):
                add("".join(word), len(self.symbols) ** -n)
        elif rule == "missing_duplicate_string":
            for half in map("".join, itertools.product("01", repeat=n // 2)):
                for hole in range(2 * (n // 2)):
                    word = half + half
                    add(word[:hole] + "2" + word[hole + 1 :] + "3" * (n % 2), 1.0)
        elif rule == "modular_arithmetic":
            for word in itertools.product(*["01234" if t % 2 == 0 else "+-*" for t in range(n)]):
                add("".join(word), 1.0)
        elif rule == "modular_arithmetic_brackets":
            for word, chance in all_bracketed(n, "+-*"):
                add(word, chance)
        elif rule == "solve_equation":
            for left, chance in all_bracketed(n - 2, "+-"):
                result = eval(left) % 5
                for start in range(n - 2):
                    places = [(start + s) % (n - 2) for s in range(n - 2)]
                    place = next(p for p in places if left[p] in "01234")
                    add(f"{left[:place]}x{left[place + 1 :]}={result}", chance / (n - 2))
        elif rule == "stack_manipulation":
            for size in range(1, max(n, 2)):
                for word in itertools.product(*["01" if t < size else "234" for t in range(n)]):
                    add("".join(word), 1 / 2**size / 3 ** (n - size))
        elif rule == "compute_sqrt":
            for square in range(1, 2**n):
                add(f"{square:0{n}b}", 1.0)
        elif n <= 2:
            for small in range(2**n - 1):
                add(little(small, n), 1.0)
        else:
            for k in range(1, n - 1):
                m = n - 1 - k
                for a, b in itertools.product(range(1, 2**k), range(1, 2**m)):
                    add(little(a, k) + "2" + little(b, m), 1 / (2**k - 1) / (2**m - 1))
        total = sum(found.values())
        return {word: chance / total for word, chance in found.items()}

    def encode(self, word):
        size = len(self.symbols) + 1
        return [one_hot(self.symbols.index(s), size) for s in word] + [one_hot(size - 1, size)] * self.m

    def word_of(self, inputs):
        return "".join(self.symbols[symbol_of(list(x))] for x in inputs[: self.n])

    def check(self, inputs, valid):
        assert len(inputs) == self.steps
        assert all(valid)
        assert self.word_of(inputs) in self.support
        assert all(symbol_of(list(x)) == len(self.symbols) for x in inputs[self.n :])

    def places(self, inputs, valid):
        word = self.word_of(inputs)
        found = {"symbol": list(word)}
        if self.rule == "missing_duplicate_string":
            found["hole"] = [word.index("2")]
        if self.rule == "stack_manipulation":
            found["stack"] = [sum(s in "01" for s in word)]
        if self.rule.startswith("binary"):
            found["separator"] = [word.index("2")]
        if self.rule == "solve_equation":
            found["unknown"] = [word.index("x")]
        if self.rule == "modular_arithmetic_brackets":
            found["root"] = [root_of(word)]
        return found

    # ----------------------------------------------------------------------------------------- rules

    def answer(self, inputs, valid):
        said = self.answer_to(self.word_of(inputs))
        return [0] * self.n + said, [t >= self.n for t in range(self.steps)]

    def answer_to(self, word):
        n, rule = self.n, self.rule
        if rule == "parity_check":
            return [word.count("1") % 2]
        if rule == "even_pairs":
            return [sum(a != b for a, b in itertools.pairwise(word)) % 2]
        if rule == "cycle_navigation":
            return [sum(int(s) - 1 for s in word) % 5]
        if rule == "reverse_string":
            return [int(s) for s in reversed(word)]
        if rule == "duplicate_string":
            return [int(s) for s in word + word]
        if rule == "odds_first":
            return [int(word[t]) for t in range(n) if t % 2] + [int(word[t]) for t in range(n) if t % 2 == 0]
        if rule == "bucket_sort":
            return sorted(map(int, word))
        if rule == "missing_duplicate_string":
            hole, half = word.index("2"), n // 2
            return [int(word[hole - half if hole >= half else hole + half])]
        if rule.startswith("modular"):
            return [eval(word) % 5]
        if rule == "solve_equation":
            left, right = word.split("=")
            (solution,) = [x for x in range(5) if eval(left.replace("x", str(x))) % 5 == int(right)]
            return [solution]
        if rule == "compute_sqrt":
            return [int(s) for s in f"{math.isqrt(int(word, 2)):0{self.m}b}"]
        if rule == "stack_manipulation":
            stack = []
            for s in word:
                if s != "2":
                    stack.append({"0": 0, "1": 1, "3": 0, "4": 1}[s])
                elif stack:
                    stack.pop()
            said = stack[::-1]
        elif n <= 2:
            said = [int(s) for s in f"{int(word[::-1], 2):b}"[::-1]] if rule == "binary_addition" else [0] * (n - 1)
        else:
            a, b = (int(part[::-1], 2) for part in word.split("2"))
            result = a + b if rule == "binary_addition" else a * b
            said = [int(s) for s in f"{result:b}"[::-1]]
        return said + [2] + [0] * (self.m - 1 - len(said))

    def counted(self, said):
        """Which steps of an answer count in the metric: up to its end."""
        last = said.index(2) if self.ends else len(said) - 1
        return [j <= last for j in range(len(said))]

    def wrong(self, outputs, targets, scored):
        counts = [False] * self.n + self.counted(targets[self.n :])
        return super().wrong(outputs, targets, [s and c for s, c in zip(scored, counts, strict=True)])

    def metric(self, batch):
        n = self.n
        return super().metric([(o, y, [False] * n + self.counted(y[n:])) for o, y, _ in batch])

    def alter(self, inputs, valid, t):
        word = self.word_of(inputs)
        other = self.other(word, t) if t < self.n else None
        if other is None:
            return None
        changed = word[:t] + other + word[t + 1 :]
        if (self.rule.startswith("binary") or self.rule == "compute_sqrt") and changed not in self.support:
            return None  # zero is no number here
        return self.encode(changed)

    def other(self, word, t):
        s = word[t]
        turns = "01234"[: len(self.symbols)] if self.rule in FREE or self.rule == "bucket_sort" else "01"
        if self.rule == "stack_manipulation" and s not in "01":
            turns = "234"
        if "arithmetic" in self.rule or self.rule == "solve_equation":
            turns = "01234"
            if s in "+-*" and t > 0 and word[t - 1] in "01234)x":
                turns = "+-" if self.rule == "solve_equation" else "+-*"
        return turns[(turns.index(s) + 1) % len(turns)] if s in turns else None

    # ---------------------------------------------------------------------------------------- levels

    @functools.cached_property
    def tables(self):
        """The chance of each class at each step of the answer, among all and among those that count."""
        likely, counted = ([[0.0] * self.classes for _ in range(self.m)] for _ in range(2))
        for word, chance in self.support.items():
            said = self.answer_to(word)
            for j, (c, counts) in enumerate(zip(said, self.counted(said), strict=True)):
                likely[j][c] += chance
                counted[j][c] += chance * counts
        return likely, counted

    @functools.cached_property
    def guesses(self):
        """The best outputs at each step for the loss, and for the metric."""
        likely, counted = self.tables
        word = [[0.0] * self.classes] * self.n
        return (
            word + [[math.log(p) if p > 0 else -CERTAIN for p in row] for row in likely],
            word + [[CERTAIN * (p == max(row)) for p in row] for row in counted],
        )

    def blind(self, inputs, valid):
        return self.guesses[0]

    def blind_by_metric(self, inputs, valid):
        return self.guesses[1]

    def strict(self, t, x):
        return self.guesses[0][t]

    def strict_by_metric(self, t, x):
        return self.guesses[1][t]

    def read(self, rows):
        word = "".join(cell for cell in rows["input"] if cell != "e")
        targets = [0 if cell == "." else int(cell) for cell in rows["target"]]
        return self.encode(word), targets, [cell != "." for cell in rows["target"]], [True] * self.steps


def little(number, width):
    return f"{number:0{width}b}"[::-1]


def number(rng, width):
    """Uniform on 1..2^width - 1."""
    drawn = 0
    while drawn == 0:
        drawn = int("".join(str(rng.integers(2)) for _ in range(width)), 2)
    return drawn


def bracketed(rng, n, operators):
    digit = str(rng.integers(5))
    if n <= 4:
        return ["", digit, f"-{digit}", f"({digit})", f"(-{digit})"][n]
    left = int(rng.integers(1, n - 3))
    operator = operators[rng.integers(len(operators))]
    return f"({bracketed(rng, left, operators)}{operator}{bracketed(rng, n - 3 - left, operators)})"


@functools.cache
def all_bracketed(n, operators):
    if n <= 4:
        forms = ["", "{}", "-{}", "({})", "(-{})"]
        return [(forms[n].format(d), 0.2) for d in range(5)]
    found = []
    for left in range(1, n - 3):
        pairs = itertools.product(all_bracketed(left, operators), all_bracketed(n - 3 - left, operators))
        for (a, chance_a), (b, chance_b) in pairs:
            found += [(f"({a}{op}{b})", chance_a * chance_b / (n - 4) / len(operators)) for op in operators]
    return found


def root_of(word):
    """Where the outermost operator stands."""
    depth = 0
    for t, s in enumerate(word):
        depth += (s == "(") - (s == ")")
        if depth == 1 and s in "+-*" and word[t - 1] != "(":
            return t
    return -1
