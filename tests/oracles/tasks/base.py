"""Tasks once more, one sequence at a time: lists, loops and the papers' rules. Nothing here reads the code under test.

A twin of a task has
    draw(rng)                       inputs [T][D] (or tokens [T]), valid [T]: an independent sampler
    check(inputs, valid)            fails unless the sequence could have been drawn
    places(inputs, valid)           what was drawn where: {name: [index or value]}
    answer(inputs, valid)           targets [T] or [T][O], scored [T]
    alter(inputs, valid, t)         the inputs with other content at step t; None where step t holds no content
    blind(inputs, valid)            outputs [T][O] from layout, clock and cues; it must not look at content
    strict(t, inputs_t)             outputs [O] from the step and its input alone
    blind_by_metric, strict_by_metric   the same, where the best score of the metric takes other outputs than the loss
    meant(inputs, targets)          targets by which a sequence is judged, where they are not those of the loss
    best(inputs, valid)             outputs [T][O] of one who knows the rule, where chance decides the targets
    read(rows)                      inputs, targets, scored, valid of a docstring's example: {label: [cell]}
and, by its kind (Classes, Numbers, Bits),
    loss(outputs, target)           of one scored step
    wrong(outputs, targets, scored) of one sequence
    metric(batch)                   of a list of (outputs, targets, scored)
    perfect(target, outputs)        the outputs [O] that are certain of the target

A twin without `alter` says `lag`; one that draws nothing says `random = False`.
A twin whose targets or scored steps are no function of the inputs (a hidden draw decides) draws (inputs, valid,
targets, scored) in `draw_all(rng)` instead, and has no `answer`.
"""

import math

CERTAIN = 60.0  # a logit against 0: the other classes cost less than 1e-25 nats


def one_hot(symbol, size):
    return [1.0 if c == symbol else 0.0 for c in range(size)]


def symbol_of(channels):
    assert sorted(channels) == [0.0] * (len(channels) - 1) + [1.0], channels
    return list(channels).index(1.0)


def argmax(outputs):
    best = 0
    for c, value in enumerate(outputs):
        if value > outputs[best]:
            best = c
    return best


def scored_steps(batch):
    """(outputs, target) of all scored steps of a list of (outputs, targets, scored)."""
    return [(o, y) for outs, ys, ss in batch for o, y, s in zip(outs, ys, ss, strict=True) if s]


class Classes:
    """Cross-entropy in nats, share of scored steps right."""

    kind = "classes"

    def shares(self, outputs):
        weights = [math.exp(v - max(outputs)) for v in outputs]
        return [w / sum(weights) for w in weights]

    def loss(self, outputs, target):
        top = max(outputs)
        return top + math.log(sum(math.exp(o - top) for o in outputs)) - outputs[target]

    def metric(self, batch):
        right = [argmax(o) == y for o, y in scored_steps(batch)]
        return sum(right) / len(right)

    def wrong(self, outputs, targets, scored):
        return any(s and argmax(o) != y for o, y, s in zip(outputs, targets, scored, strict=True))

    def perfect(self, target, size):
        return [CERTAIN if c == target else 0.0 for c in range(size)]


def logistic_units(twin):
    """A twin of classes whose outputs are logistic units: the same answers said by them, half the squared error.

    Its loss adds up the steps of a sequence.
    """

    class Logistic(twin):
        summed = True

        def __init__(self, variant, **sizes):
            super().__init__(variant, **sizes)
            self.noise = 1.5
            if hasattr(self, "best"):
                knows = self.best
                self.best = lambda inputs, valid: [self.say(outputs) for outputs in knows(inputs, valid)]

        def shares(self, outputs):
            return [1 / (1 + math.exp(-v)) for v in outputs]

        def loss(self, outputs, target):
            return sum((s - (c == target)) ** 2 for c, s in enumerate(self.shares(outputs))) / 2

        def say(self, outputs):
            return [max(-CERTAIN, min(CERTAIN, math.log(s + 1e-30) - math.log(1 - s + 1e-30)))
                    for s in super().shares(outputs)]  # fmt: skip

        def perfect(self, target, size):
            return self.say(super().perfect(target, size))

        def strict(self, t, x):
            return self.say(super().strict(t, x))

        def blind(self, inputs, valid):
            return [self.say(outputs) for outputs in super().blind(inputs, valid)]

    return Logistic


class Numbers:
    """Squared error summed over outputs; a sequence is right if every error is below the tolerance."""

    kind = "numbers"
    tolerance = 0.0

    def loss(self, outputs, target):
        return sum((o - y) ** 2 for o, y in zip(outputs, target, strict=True))

    def metric(self, batch):
        return sum(not self.wrong(*sequence) for sequence in batch) / len(batch)

    def wrong(self, outputs, targets, scored):
        return any(
            s and any(not abs(o - y) < self.tolerance for o, y in zip(os, ys, strict=True))
            for os, ys, s in zip(outputs, targets, scored, strict=True)
        )

    def perfect(self, target, size):
        return list(target)


class Bits:
    """Cross-entropy of every bit in nats, summed over bits; share of scored steps with every bit right."""

    kind = "bits"

    def loss(self, outputs, target):
        return sum(math.log1p(math.exp(-abs(o))) + max(o, 0.0) - o * y for o, y in zip(outputs, target, strict=True))

    def right(self, outputs, target):
        return all((o > 0) == (y > 0.5) for o, y in zip(outputs, target, strict=True))

    def metric(self, batch):
        steps = scored_steps(batch)
        return sum(self.right(o, y) for o, y in steps) / len(steps)

    def wrong(self, outputs, targets, scored):
        return any(s and not self.right(o, y) for o, y, s in zip(outputs, targets, scored, strict=True))

    def perfect(self, target, size):
        return [CERTAIN if y > 0.5 else -CERTAIN for y in target]
