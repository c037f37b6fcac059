"""The twins of the tasks; see `oracles.tasks.base`."""

from oracles.tasks.adding import Adding
from oracles.tasks.chars import Chars
from oracles.tasks.copying import Copying
from oracles.tasks.images import Digits8
from oracles.tasks.parity import Parity

FAMILIES = {"copy": Copying, "adding": Adding, "parity": Parity, "digits8": Digits8, "chars": Chars}


def twin(name, **sizes):
    """The twin of `task/variant`."""
    task, variant = name.split("/")
    return FAMILIES[task](variant, **sizes)
