"""Images read row by row, or at a glance: what a row alone tells is estimated, since hardly two of them are alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from ltd.types import Batch, Score
from tasks.images import OWN, Digits8, digits8

# of the kernel, in grey values: the least loss over all images among 1.5, 2, 2.5 and 3; among 6 to 12
WIDTH = {"rows": 2.0, "whole": 9.0}
PRIOR = 0.1  # what the shares of the classes count beside an image with the very same row


@dataclass(frozen=True)
class DigitRows(Digits8):
    """Name a handwritten digit of 8 x 8 pixels, read by rows or (`whole`) at once: 1797 images come with the package.

        variant rows
        row0     0  0  0 12 13  5  0  0
        row1     0  0  0 11 16  9  0  0
        row2     0  0  3 15 16  6  0  0
        row3     0  7 15 16 16  2  0  0
        row4     0  0  1 16 16  3  0  0
        row5     0  0  1 16 16  6  0  0
        row6     0  0  1 16 16  6  0  0
        row7     0  0  0 11 16 10  0  0
        class    1

        variant whole
        row0     0  0  3 13 11  7  0  0
        row1     0  0 11 16 16 16  2  0
        row2     0  4 16  9  1 14  2  0
        row3     0  4 16  0  0 16  2  0
        row4     0  0 16  1  0 12  8  0
        row5     0  0 15  9  0 13  6  0
        row6     0  0  9 14  9 14  1  0
        row7     0  0  2 12 13  4  0  0
        class    0

        `rows`: 8 steps of 8 pixels; `whole`: one step of 64, for nets that are deep in layers and not in time. Values
        are divided by 16

    Loss
        cross-entropy in nats, at the last step
    Metric
        share of images named rightly, in [0, 1]
    Levels, counted on the split
        blind    the share of each class
        strict   estimated: what the last step tells to a kernel classifier. Each class weighs as much as its images
                 with *another* last row, exp(-d^2 / 2w^2) each at distance d of their last rows, w = 2 of 16 grey
                 values, and a tenth of its share. A table of the rows would know the images (464 of the 500 test
                 images have a last row of their own: 0.02 nats and 0.98), and nothing could beat it. `whole`: the
                 same of whole images, w = 9; nothing needs to be remembered, a net may well be better
        optimum  0 and 1

    Raises
        ValueError  if `split` is unknown.

    Departures
        That the best function of a row is not known leaves a margin: a result that beats `strict` by little may have
        found a better one. The images and their split are those of `digits8/pixels`; so are the draws.
    """

    sources = {"rows": OWN, "whole": OWN}  # noqa: RUF012
    shapes = {"rows": (8, 8), "whole": (1, 64)}  # noqa: RUF012

    def glanced(self, pixels: np.ndarray, labels: np.ndarray) -> Score:
        """The strict level: the images of the split by the kernel classifier."""
        answers = self._logs(pixels[:, -self.inputs :].astype(float), np)
        right = np.mean(answers.argmax(axis=1) == labels)
        return Score(float(-np.mean(answers[np.arange(len(labels)), labels])), float(right))

    def glance(self, batch: Batch) -> Float[Array, "T B O"]:
        """The answers of the kernel classifier to the last step, at every step."""
        answers = self._logs(jnp.round(batch.inputs[-1] * self.white), jnp)
        return jnp.broadcast_to(answers, (self.steps, *answers.shape))

    def _logs(self, shown: Any, xp: Any) -> Any:
        """Logarithms of the chances of the classes [N, 10] after last steps [N, D], from all images with others."""
        images = digits8()
        one_hot = np.eye(10)[images.labels]
        others = xp.asarray(images.pixels[:, -self.inputs :], shown.dtype)
        apart = xp.sum((shown[:, None] - others) ** 2, axis=-1)
        near = xp.where(apart > 0, xp.exp(-apart / (2 * WIDTH[self.variant] ** 2)), 0.0)
        weights = near @ xp.asarray(one_hot, shown.dtype) + xp.asarray(PRIOR * one_hot.mean(axis=0), shown.dtype)
        return xp.log(weights / weights.sum(axis=-1, keepdims=True))


TASKS = {"digits8/rows": partial(DigitRows, "rows"), "digits8/whole": partial(DigitRows, "whole")}
