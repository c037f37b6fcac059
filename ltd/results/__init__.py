"""The ledger: runs, guessing controls, what is unfinished, and how files are written."""

from ltd.results.files import commit, now, provenance, writable, write_atomically, write_json
from ltd.results.guesses import guessed, read_guesses, write_guess
from ltd.results.looks import LOOKS, Looks, names_of, read_looks
from ltd.results.runs import (
    DONE,
    Record,
    RunFolder,
    edited,
    finished,
    read_params,
    read_rows,
    read_run,
    read_runs,
    rows_of,
)
from ltd.results.unfinished import FOLDER, Checkpoint, Locks, checkpoints, discard, load, save

__all__ = [
    "DONE",
    "FOLDER",
    "LOOKS",
    "Checkpoint",
    "Locks",
    "Looks",
    "Record",
    "RunFolder",
    "checkpoints",
    "commit",
    "discard",
    "edited",
    "finished",
    "guessed",
    "load",
    "names_of",
    "now",
    "provenance",
    "read_guesses",
    "read_looks",
    "read_params",
    "read_rows",
    "read_run",
    "read_runs",
    "rows_of",
    "save",
    "writable",
    "write_atomically",
    "write_guess",
    "write_json",
]
