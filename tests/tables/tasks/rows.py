"""What must be true of a dialect: the columns of the tables. Numbers and ranges are the papers', by hand."""

from typing import Any, NamedTuple


class TaskRow(NamedTuple):
    """A registered task at a small size, and what must be true of it."""

    name: str
    sizes: dict[str, Any]  # small enough for loops in Python
    steps: int
    lag: tuple[int, int]
    places: dict[str, set]  # what many draws hit: exactly these
    published: list[tuple[dict, dict]] = []  # noqa: RUF012   sizes, {level: (loss, metric)} to 6 decimals
    impossible: list[tuple[dict, str]] = []  # noqa: RUF012   sizes, what the error says
    success: tuple[int, float, float | None] | None = None  # sequences, allowed, training loss
    padded: bool = False
    shared: int = 1  # sequences of a batch of 20 that carry the information of one: 20 where they share their length
    digits: float = 6e-7  # how exactly the published levels are known
    lengths: tuple[int, ...] = (20, 45, 21)  # further sizes that can be built

    def __str__(self):
        return "-".join([self.name, *(f"{key}{value}" for key, value in self.sizes.items())])


def span(start, stop):
    return set(range(start, stop))


def both(loss, metric) -> dict[str, Any]:
    """Blind and strict are the same."""
    return {"blind": (loss, metric), "strict": (loss, metric)}


LN2 = 0.693147
