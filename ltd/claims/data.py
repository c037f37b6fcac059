"""What a claim is made of, and the pure function that judges it.

Results go in, a verdict comes out. Whatever is wrong with the results makes it inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ltd.types import Source

Answer = Literal["supported", "contradicted", "inconclusive"]
Scale = Literal["quick", "full"]
SCALES: tuple[Scale, ...] = ("quick", "full")
TAGS = {
    "paper": "checked against the paper or its code",
    "second": "second-hand",
    "measured": "derived or computed, printed nowhere",
}
NAMED = 5  # missing runs that are named, of all


@dataclass(frozen=True)
class Published:
    """A number as a source prints it, and how sure it is that it does. `what` names the measured number beside it.

    Raises
        ValueError  for a tag that is none of paper, second, measured: what is only remembered is not printed.
    """

    what: str
    value: float | str
    unit: str
    tag: str
    where: str  # table, section, page

    def __post_init__(self):
        if self.tag not in TAGS:
            raise ValueError(f"published {self.what!r}: tag = {self.tag!r} must be one of {', '.join(TAGS)}.")


@dataclass(frozen=True)
class Result:
    """One run: its settings by dotted name, what came out, and the records of its checks where it was trained."""

    digest: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    status: str = "finished"
    rows: Sequence[Mapping[str, Any]] = ()
    seconds: float = 0.0
    commit: str | None = None


@dataclass(frozen=True)
class Measured:
    """A number of ours, with its interval where it has one, from n runs or draws.

    The interval is one of 95 %, by the method of `ltd.stats` for its kind of number; or the `range` of the n.
    """

    what: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int = 1
    range: bool = False


@dataclass(frozen=True)
class Verdict:
    """The answer, why, and the numbers it rests on; the first is the one that tables show."""

    answer: Answer
    because: str
    numbers: tuple[Measured, ...] = ()


@dataclass(frozen=True)
class Control:
    """What must hold or must fail for the results to mean anything; `check` says whether it is so."""

    name: str
    what: str
    check: Callable[[Sequence[Result]], bool]


@dataclass(frozen=True)
class Line:
    """A line of a claim's own figure."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False


@dataclass(frozen=True)
class Plot:
    """A claim's own figure, as data. `levels` are values of y that need no memory or no training, by name."""

    x: str
    y: str
    lines: tuple[Line, ...]
    levels: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What was published, and how it is judged.

    key         of the catalogue of claims: B-S2
    headline    of the headline suite: H7; empty for the others
    sentence    what is judged at the scale `full`, the paper's setting
    reduced     what is judged at the scale `quick`, whose setting `quick` names: parameters of the sweep file with
                other values (a tuple: values to go through). Both or neither.
    seeds       how many, where the sweep has a parameter `seed`: 0..seeds-1
    budget      seconds that `quick` may take
    cost        what the scale full costs on two cores where it takes long, from the time of its quick runs

    Raises
        ValueError  where something is missing: a sentence, a source, a control, a reduced sentence.
    """

    key: str
    headline: str = ""
    sentence: str
    reduced: str = ""
    source: Source
    published: tuple[Published, ...] = ()
    controls: tuple[Control, ...]
    verdict: Callable[[Sequence[Result]], Verdict]
    departures: tuple[str, ...] = ()
    seeds: int = 10
    quick: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    budget: float = 600.0
    cost: str = ""
    plot: Callable[[Sequence[Result]], Plot] | None = None

    def __post_init__(self):
        for name in ("key", "sentence"):
            if not getattr(self, name).strip():
                raise ValueError(f"the claim has no {name}.")
        if not isinstance(self.source, Source) or not self.source.key or not self.source.reference.strip():
            raise ValueError("the claim has no source: give its key and its reference.")
        if not self.controls:
            raise ValueError("the claim has no control: name something that a broken harness would get wrong.")
        if bool(self.quick) != bool(self.reduced.strip()):
            raise ValueError("quick and reduced belong together: other parameters, and the sentence that they judge.")
        if self.seeds < 1 or self.budget <= 0:
            raise ValueError(f"seeds = {self.seeds} must be at least 1, and budget = {self.budget} above 0.")

    def judged(self, scale: Scale) -> str:
        """The sentence that this scale judges."""
        return self.reduced if scale == "quick" and self.reduced else self.sentence


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict. A control that was not checked, since runs are missing, is None."""

    claim: Claim
    scale: Scale
    verdict: Verdict
    controls: tuple[bool | None, ...]
    results: tuple[Result, ...]
    missing: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing was missing and every control held."""
        return not self.missing and all(self.controls)


def judge(claim: Claim, results: Sequence[Result], scale: Scale, missing: Sequence[str] = ()) -> Judged:
    """Missing runs first, then the controls, then the verdict; each can only make it inconclusive."""
    unknown_ = (None,) * len(claim.controls)

    def undecided(because: str, controls: tuple[bool | None, ...] = unknown_) -> Judged:
        return Judged(claim, scale, Verdict("inconclusive", because), controls, tuple(results), tuple(missing))

    if missing or not results:
        told = "; ".join(missing[:NAMED]) + (" and others" if len(missing) > NAMED else "")
        return undecided(f"{len(missing)} of {len(missing) + len(results)} runs are missing: {told}")
    held = []
    for control in claim.controls:
        try:
            held.append(bool(control.check(results)))
        except Exception as error:  # whatever a claim of the user's own does with what it did not expect
            return undecided(f"the control {control.name!r} cannot be checked: {line(error)}")
    if not all(held):
        failed = next(c for c, ok in zip(claim.controls, held, strict=True) if not ok)
        return undecided(f"the control {failed.name!r} failed, which should be: {failed.what}", tuple(held))
    try:
        found = claim.verdict(results)
    except Exception as error:
        return undecided(f"its verdict cannot be computed: {line(error)}", tuple(held))
    return Judged(claim, scale, found, tuple(held), tuple(results))


def plain(name: str, judged: Judged) -> dict[str, Any]:
    """Everything that a page says of a verdict, as plain values."""
    claim, results = judged.claim, judged.results
    curves, because = None, judged.verdict.because
    if claim.plot is not None and results and not judged.missing:
        try:
            curves = asdict(claim.plot(results))
        except Exception as error:  # of a claim of the user's own: its verdict stands
            because += f" (its figure cannot be drawn: {line(error)})"
    return {
        "name": name,
        "key": claim.key,
        "headline": claim.headline,
        "scale": judged.scale,
        "sentence": claim.judged(judged.scale),
        "whole_sentence": claim.sentence,
        "source": asdict(claim.source),
        "published": [asdict(one) for one in claim.published],
        "answer": judged.verdict.answer,
        "because": because,
        "numbers": [asdict(one) for one in judged.verdict.numbers],
        "controls": [
            {"name": c.name, "what": c.what, "held": held}
            for c, held in zip(claim.controls, judged.controls, strict=True)
        ],
        "departures": list(claim.departures),
        "seeds": len({one.config["seed"] for one in results if "seed" in one.config}) or 1,
        "runs": len(results),
        "missing": list(judged.missing),
        "seconds": round(sum(one.seconds for one in results), 3),
        "digests": [one.digest for one in results],
        "commits": sorted({str(one.commit) for one in results}),
        "plot": curves,
    }


def rank(headline: str, key: str) -> tuple[int, str]:
    """By which claims are sorted: headlines first, by number; then keys."""
    return (int(headline[1:]) if headline[1:].isdigit() else 10**6), key


def line(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
