"""Images read row by row: what the last row alone tells is estimated, since hardly two of them are alike."""

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

WIDTH = 2.0  # of the kernel, in grey values: the least loss over all images among 1.5, 2, 2.5 and 3
PRIOR = 0.1  # what the shares of the classes count beside an image with the very same row


@dataclass(frozen=True)
class DigitRows(Digits8):
    """Name a handwritten digit of 8 x 8 pixels, read one row at a time: 1797 images come with the package.

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

        8 steps of 8 pixels; values are divided by 16

    Loss
        cross-entropy in nats, at the last step
    Metric
        share of images named rightly, in [0, 1]
    Levels, counted on the split
        blind    the share of each class
        strict   estimated: what the last row tells to a kernel classifier. Each class weighs as much as its images
                 with *another* last row, exp(-d^2 / 2w^2) each at distance d of their last rows, w = 2 of 16 grey
                 values, and a tenth of its share. A table of the rows would know the images (464 of the 500 test
                 images have a last row of their own: 0.02 nats and 0.98), and nothing could beat it
        optimum  0 and 1

    Raises
        ValueError  if `split` is unknown.

    Departures
        That the best function of a row is not known leaves a margin: a result that beats `strict` by little may have
        found a better one. The images and their split are those of `digits8/pixels`; so are the draws.
    """

    sources = {"rows": OWN}  # noqa: RUF012
    shapes = {"rows": (8, 8)}  # noqa: RUF012

    def glanced(self, pixels: np.ndarray, labels: np.ndarray) -> Score:
        """The strict level: the images of the split by the kernel classifier."""
        answers = _logs(pixels[:, -8:].astype(float), np)
        right = np.mean(answers.argmax(axis=1) == labels)
        return Score(float(-np.mean(answers[np.arange(len(labels)), labels])), float(right))

    def glance(self, batch: Batch) -> Float[Array, "T B O"]:
        """The answers of the kernel classifier to the last row, at every step."""
        answers = _logs(jnp.round(batch.inputs[-1] * self.white), jnp)
        return jnp.broadcast_to(answers, (self.steps, *answers.shape))


def _logs(rows: Any, xp: Any) -> Any:
    """Logarithms of the chances of the classes [N, 10] after last rows [N, 8], from all images with another one."""
    images = digits8()
    one_hot = np.eye(10)[images.labels]
    apart = xp.sum((rows[:, None] - xp.asarray(images.pixels[:, -8:], rows.dtype)) ** 2, axis=-1)
    near = xp.where(apart > 0, xp.exp(-apart / (2 * WIDTH**2)), 0.0)
    weights = near @ xp.asarray(one_hot, rows.dtype) + xp.asarray(PRIOR * one_hot.mean(axis=0), rows.dtype)
    return xp.log(weights / weights.sum(axis=-1, keepdims=True))


TASKS = {"digits8/rows": partial(DigitRows, "rows")}
