"""Character text of our own."""

from tables.tasks.rows import TaskRow

ROWS = [
    TaskRow(
        "chars/ltd", {"length": 12}, 12, (0, 11), {"first": set("taesnrcwglmfkh")}, [],
        [({"length": 0}, "length = 0 must be at least 1"), ({"length": 3, "warm": 3}, "warm = 3 must be below")],
    ),
    TaskRow("chars/ltd", {"length": 9, "warm": 4}, 9, (0, 8), {"first": set("taesnrcwglmfkh")}),
]  # fmt: skip
