"""Addition of long numbers."""

from tables.tasks.rows import TaskRow, both, span

MANY = [({"digits": n}, both(loss, None)) for n, loss in [(3, 0.618), (5, 0.665), (15, 0.728)]]
PLACES = {"first": span(1, 10), "last": span(0, 10)}

ROWS = [
    TaskRow("digits_add/kalchbrenner2015", {"digits": 2}, 10, (1, 7), PLACES, MANY,
            [({"digits": 0}, "digits = 0 must be at least 1")], digits=6e-4),
    TaskRow("digits_add/kalchbrenner2015", {"digits": 1}, 7, (1, 4), {**PLACES, "last": span(1, 10)}),
]  # fmt: skip
