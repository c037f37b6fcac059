"""Digits of scikit-learn's own copy, in the order of the dialect."""

import math

import numpy as np
from sklearn.datasets import load_digits

from oracles.tasks.base import Classes

BUNCH = load_digits()
IMAGES = {tuple(int(p) for p in image): int(label) for image, label in zip(BUNCH.data, BUNCH.target, strict=True)}


class Digits8(Classes):
    """No `answer`: the label is read off the set, which holds no image twice."""

    lag = None

    def __init__(self, variant, split="train", seed=92916):
        self.variant, self.split = variant, split
        self.steps, self.width = {"rows": (8, 8), "whole": (1, 64)}.get(variant, (64, 1))
        self.order = list(np.random.RandomState(seed).permutation(64)) if variant == "permuted" else list(range(64))
        self.lag = (0, self.steps - 1)
        part = {"train": slice(1297), "test": slice(1297, None), "all": slice(None)}[split]
        self.pixels = [[int(p) for p in image] for image in BUNCH.data[part]]
        self.labels = [int(label) for label in BUNCH.target[part]]
        self.known = {tuple(image) for image in self.pixels}
        self.tables, self.rows = {}, {}
        self.common = self.shares(self.labels)

    def arranged(self, image):
        line = [image[p] / 16 for p in self.order]
        return [line[t * self.width : (t + 1) * self.width] for t in range(self.steps)]

    def image_of(self, inputs):
        line = [round(x * 16) for step in inputs for x in step]
        image = [0] * 64
        for place, value in zip(self.order, line, strict=True):
            image[place] = value
        return tuple(image)

    def draw_all(self, rng):
        n = int(rng.integers(len(self.labels)))
        return self.arranged(self.pixels[n]), [True] * self.steps, self.ends(self.labels[n]), self.last()

    def ends(self, label):
        return [label if t == self.steps - 1 else 0 for t in range(self.steps)]

    def last(self):
        return [t == self.steps - 1 for t in range(self.steps)]

    def check_all(self, inputs, valid, targets, scored):
        image = self.image_of(inputs)
        assert image in self.known
        assert all(valid)
        assert targets == self.ends(IMAGES[image])
        assert scored == self.last()

    def places(self, inputs, valid):
        return {"label": [IMAGES[self.image_of(inputs)]]}

    def blind(self, inputs, valid):
        return [self.common] * self.steps

    def strict(self, t, x):
        if self.width > 1:
            return self.by_neighbours(tuple(round(v * 16) for v in x)) if t == self.steps - 1 else [0.0] * 10
        value = round(x[0] * 16)
        if value not in self.tables:
            last = self.order[-1]
            pairs = zip(self.pixels, self.labels, strict=True)
            self.tables[value] = self.shares([y for image, y in pairs if value == image[last]])
        return self.tables[value]

    def by_neighbours(self, row):
        """Every image of the set with another last step votes for its class, the nearer the louder."""
        if row not in self.rows:
            apart = np.sum((BUNCH.data[:, -self.width :] - row) ** 2, axis=1)
            loud = np.where(apart == 0, 0.0, np.exp(-apart / (8 if self.width == 8 else 162)))
            votes = [0.1 * np.mean(BUNCH.target == c) + np.sum(loud[BUNCH.target == c]) for c in range(10)]
            self.rows[row] = [math.log(v / sum(votes)) for v in votes]
        return self.rows[row]

    def shares(self, labels):
        return [float(np.log(max(labels.count(c), 1e-12) / max(1, len(labels)))) for c in range(10)]

    def read(self, rows):
        image = [int(cell) for r in range(8) for cell in rows[f"row{r}"]]
        return self.arranged(image), self.ends(int(rows["class"][0])), self.last(), [True] * self.steps
