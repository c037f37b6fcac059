"""Claims: a published sentence, its numbers, what must hold before it is judged, and the pure function that judges it.

FOLDER/claim.py      CLAIM, a `Claim`; and `measure(**parameters) -> numbers`, where nothing is trained
       sweep.yaml    the paper's setting as a sweep file; its `program` is the command line or claim.py
       README.md     made from both and from the committed result
"""

from ltd.claims.data import (
    SCALES,
    TAGS,
    Answer,
    Claim,
    Control,
    Judged,
    Line,
    Measured,
    Plot,
    Published,
    Result,
    Scale,
    Verdict,
    judge,
    line,
    plain,
    rank,
)
from ltd.claims.folders import OWN, Folder, find, known, load

__all__ = [
    "OWN",
    "SCALES",
    "TAGS",
    "Answer",
    "Claim",
    "Control",
    "Folder",
    "Judged",
    "Line",
    "Measured",
    "Plot",
    "Published",
    "Result",
    "Scale",
    "Verdict",
    "find",
    "judge",
    "known",
    "line",
    "load",
    "plain",
    "rank",
]
