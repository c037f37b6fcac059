from oracles.tasks.adding import Adding


class Multiplication(Adding):
    """Lengths and marks of adding; values from 0 to 1."""

    def __init__(self, variant, length=100):
        super().__init__(variant, length)
        self.low = 0.0

    def rule(self, values):
        product = 1.0
        for value in values:
            product *= value
        return product

    def metric(self, batch):
        return sum(not self.wrong(*sequence) for sequence in batch) / len(batch)

    def constant(self):
        """The mean target, over the places of both marks."""
        if self.variant != "hochreiter1997":
            return [0.25]
        means = []
        for first in range(10):
            means += [0.5 if 0 in (first, t) else 0.25 for t in range(self.T // 2) if t != first]
        return [sum(means) / len(means)]

    def blind_by_metric(self, inputs, valid):
        return [[0.2 if self.variant == "pascanu2013" else 0.04]] * self.steps

    def strict_by_metric(self, t, x):
        return [0.2 if self.variant == "pascanu2013" else 0.04]
