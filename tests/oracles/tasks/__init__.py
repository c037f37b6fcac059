"""The twins of the tasks; see `oracles.tasks.base`."""

from oracles.tasks.adding import Adding
from oracles.tasks.copying import Copying
from oracles.tasks.multiplication import Multiplication
from oracles.tasks.parity import Parity

FAMILIES = {
    "adding": Adding,
    "copy": Copying,
    "multiplication": Multiplication,
    "parity": Parity,
}


def twin(name, **sizes):
    """The twin of `task/variant`."""
    task, variant = name.split("/")
    return FAMILIES[task](variant, **sizes)
