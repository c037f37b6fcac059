from oracles.tasks.base import Numbers


class Latch(Numbers):
    noise = 8.0

    def __init__(self, variant, length=100):
        self.variant, self.steps = variant, length
        self.height = {"variant1": 0.8, "variant2": 1.0}[variant]

    def draw(self, rng):
        kind = int(rng.integers(2))
        rest = [float(rng.normal(0.0, 0.2**0.5)) for _ in range(self.steps - 1)]
        if self.variant == "variant2":
            return [[1.0 - 2.0 * kind]] + [[z] for z in rest], [True] * self.steps
        return [[1.0 - kind, float(kind), 0.0]] + [[0.0, 0.0, z] for z in rest], [True] * self.steps

    def check(self, inputs, valid):
        assert len(inputs) == self.steps
        assert all(valid)
        firsts = [[1.0], [-1.0]] if self.variant == "variant2" else [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
        assert list(inputs[0]) in firsts
        assert all(abs(x[-1]) < 4.0 and not any(x[:-1]) for x in inputs[1:])

    def places(self, inputs, valid):
        return {"first": [inputs[0][0]]}

    def answer(self, inputs, valid):
        up = inputs[0][0] == 1.0
        scored = [False] * (self.steps - 1) + [True]
        return [[(self.height if up else -self.height) if s else 0.0] for s in scored], scored

    def alter(self, inputs, valid, t):
        if t > 0:
            return None
        swapped = [-inputs[0][0]] if self.variant == "variant2" else [inputs[0][1], inputs[0][0], 0.0]
        return [swapped, *inputs[1:]]

    def wrong(self, outputs, targets, scored):
        return (outputs[-1][0] > 0) != (targets[-1][0] > 0)

    def blind(self, inputs, valid):
        return [[0.0]] * self.steps

    def strict(self, t, x):
        return [0.0]

    def read(self, rows):
        columns = ["class+", "class-", "noise"] if self.variant == "variant1" else ["value"]
        inputs = [[float(cell) for cell in cells] for cells in zip(*(rows[c] for c in columns), strict=True)]
        scored = [cell != "." for cell in rows["target"]]
        return inputs, [[float(y) if y != "." else 0.0] for y in rows["target"]], scored, [True] * self.steps
