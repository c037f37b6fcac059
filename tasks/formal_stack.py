"""A formal-language task about a stack: build it, change it, read it from the top."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from tasks.formal import SOURCE, Alphabet, Formal

POP = 2


@dataclass(frozen=True)
class FormalStack(Formal):
    """Read a stack from the bottom, act on it, then say it from the top: `length` symbols (n), stack and actions.

        variant stack_manipulation_deletang2023, length = 7
        input    0 1 1 0 4 2 2 e e e e e e e e
        target   . . . . . . . 1 1 0 2 0 0 0 0

        0 and 1 are symbols of the stack, 2 pops, 3 pushes 0, 4 pushes 1; e is the empty symbol, . is not scored;
        one-hot. U{1..n-1} symbols, then actions, each one of three; one symbol and no action if n = 1. A pop of the
        empty stack does nothing. The answer ends with a 2, and zeros follow up to n + 1 steps.

    The source draws n from U{1..40} for each batch of training and tests on longer words: use `at(n)`.

    Loss
        cross-entropy in nats per scored step, over all n + 1 steps, those after the end included
    Metric
        share of steps right among those up to the end, in [0, 1]
    Levels
        blind = strict  the best class per step, from the distribution of the height of the stack: a walk that does not
                        fall below 0. Symbols are fair at any height. The class that is best for the metric can differ
                        from the one that is best for the loss, which counts the zeros after the end.
        optimum         0 and 1

    Raises
        ValueError  if there is no symbol.
    """

    variant: str
    length: int = 40

    alphabets = {"stack_manipulation_deletang2023": Alphabet(5, 3)}  # noqa: RUF012
    metric_by_loss = False
    sources = {"stack_manipulation_deletang2023": SOURCE}  # noqa: RUF012
    ends = True

    @property
    def answers(self) -> int:
        """The highest stack, and the end."""
        return self.length + 1

    @property
    def needed(self) -> tuple[int, int]:
        """From the last action to the top, from the first symbol to the bottom of the highest stack."""
        return 1, 2 * self.length - 1

    def draw(self, key: Array, batch: int) -> Int[Array, "N B"]:
        """Symbols, then actions."""
        size_key, stack_key, action_key = jax.random.split(key, 3)
        n = self.length
        size = jax.random.randint(size_key, (batch,), 1, max(n, 2), jnp.int32)
        stack = jax.random.randint(stack_key, (n, batch), 0, 2, jnp.int32)
        actions = jax.random.randint(action_key, (n, batch), POP, POP + 3, jnp.int32)
        return jnp.where(jnp.arange(n)[:, None] < size, stack, actions)

    def answer(self, word: Int[Array, "N B"]) -> Int[Array, "M B"]:
        """What was pushed and is never popped, latest first."""
        n, batch = word.shape
        pushes = word != POP
        walk = jnp.cumsum(jnp.where(pushes, 1, -1), axis=0, dtype=jnp.int32)
        height = walk - jnp.minimum(jax.lax.cummin(walk), 0)  # a pop of the empty stack does nothing
        lowest = jax.lax.cummin(height, reverse=True)
        later = jnp.concatenate([lowest[1:], jnp.full((1, batch), n, jnp.int32)])
        stays = pushes & (later >= height)
        place = jnp.where(stays, height[-1] - height, n + 1)  # from the top; the others fall off the end
        bit = ((word == 1) | (word == 4)).astype(jnp.int32)
        column = jnp.arange(batch)
        said = jnp.zeros((n + 1, batch), jnp.int32).at[place, column].set(bit, mode="drop")
        return said.at[height[-1], column].set(2)

    def marginals(self) -> tuple[Any, Any]:
        """From the distribution of the height."""
        n = self.length
        heights = np.zeros(n + 1)
        for size in range(1, max(n, 2)):
            one = np.zeros(n + 1)
            one[size] = 1 / max(n - 1, 1)
            for _ in range(n - size):
                up, down = 2 / 3 * one[:-1], 1 / 3 * one
                one = np.append(0.0, up) + np.append(down[1:], 0.0)
                one[0] += down[0]
            heights += one
        above = 1 - np.cumsum(heights)
        below = np.cumsum(heights) - heights
        counted = np.stack([above / 2, above / 2, heights], axis=1).clip(0.0)
        return counted + np.stack([below, 0 * below, 0 * below], axis=1), counted


TASKS = {"formal/stack_manipulation_deletang2023": partial(FormalStack, "stack_manipulation_deletang2023")}
