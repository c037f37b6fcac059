"""Modules as plain pytrees."""

from __future__ import annotations

import math
from typing import Any

import jax
from flax import nnx
from jax import Array


def disassemble(module: nnx.Module) -> tuple[Any, Any, Any]:
    """(graphdef, parameters, the rest): where objects become plain pytrees; `nnx.merge` puts them together again."""
    parts: Any = nnx.split(module, nnx.Param, ...)
    return parts[0], parts[1], parts[2]


def flat(params: Any) -> dict[str, Any]:
    """Parameters by dotted name: `cell.U`, `V`."""
    found = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]:
        words = [str(getattr(k, "key", getattr(k, "name", getattr(k, "idx", "")))) for k in path]
        found[".".join(w for w in words if w != "value")] = leaf
    return found


def nbytes(tree: Any) -> int:
    """Bytes of all leaves, which may be shapes alone."""
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def spread(mask: Array, leaf: Array) -> Array:
    """A mask `[T, B]` (or `[B]`) with axes of length 1 at the end, as many as the leaf has."""
    return mask.reshape(mask.shape + (1,) * (leaf.ndim - mask.ndim))
