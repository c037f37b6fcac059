"""Verdicts that several claims share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ltd.claims.data import Line, Measured, Plot, Published, Result, Verdict
from ltd.stats import time_to_success, wilson

MEMORYLESS = "memoryless"
LEVELS = {"blind": "blind", "strict": MEMORYLESS}  # the names of `ltd.types.Levels`, and those of figures


def equal(found: Mapping[str, float], printed: Sequence[Published], tolerance: float = 0.0) -> Verdict:
    """Every printed number against ours of the same name, up to a relative tolerance; supported only if all agree."""
    numbers = tuple(Measured(name, value) for name, value in found.items())
    expected = {one.what: float(one.value) for one in printed if not isinstance(one.value, str)}
    absent = [name for name in expected if name not in found]
    if absent or not expected:
        return Verdict(
            "inconclusive", f"there is no number of ours for {', '.join(absent) or 'any printed one'}.", numbers
        )
    wrong = [name for name, value in expected.items() if not abs(found[name] - value) <= tolerance * abs(value)]
    if wrong:
        told = ", ".join(f"{name}: {found[name]:g} instead of {expected[name]:g}" for name in wrong)
        return Verdict("contradicted", f"{len(wrong)} of {len(expected)} numbers differ: {told}.", numbers)
    within = f" to {100 * tolerance:g} %" if tolerance else ""
    return Verdict("supported", f"all {len(expected)} numbers agree{within}.", numbers)


def chosen(results: Sequence[Result], **fields: object) -> list[Result]:
    """The results of these settings; __ stands for the dot of a name."""
    wanted = {name.replace("__", "."): value for name, value in fields.items()}
    return [one for one in results if all(one.config.get(name) == value for name, value in wanted.items())]


def numbers_of(results: Sequence[Result], name: str, **fields: object) -> list[float]:
    """One number of each result of these settings."""
    return [float(one.summary[name]) for one in chosen(results, **fields)]


def solved(what: str, results: Sequence[Result]) -> Measured:
    """The share of runs whose success rule held twice in a row, with its Wilson interval."""
    return share(what, results, lambda one: one.status == "solved")


def share(what: str, results: Sequence[Result], holds: Callable[[Result], bool]) -> Measured:
    """The share of runs of which something holds, with its Wilson interval."""
    count = sum(map(holds, results))
    return Measured(what, count / len(results), *wilson(count, len(results)), len(results))


def wins(ours: Measured, theirs: Measured, least: float, told: str, numbers: tuple[Measured, ...] = ()) -> Verdict:
    """Supported if at least a share `least` of our runs does it and none of theirs.

    Contradicted if the interval of our share lies below `least`, or theirs above one half.
    """
    numbers = (ours, theirs, *numbers)
    if ours.value >= least and theirs.value == 0:
        return Verdict("supported", told, numbers)
    if (ours.high or 0) < least or (theirs.low or 0) > 0.5:
        return Verdict("contradicted", told, numbers)
    return Verdict("inconclusive", told, numbers)


def mean_updates(what: str, results: Sequence[Result], batch: int = 1) -> tuple[Measured, ...]:
    """Mean sequences to success, log-normal, unsolved runs censored where they ended.

    None with fewer than two times, or where most runs are unsolved: the mean would lie in what nobody has seen.
    """
    times = [batch * one.summary["solved_at"] for one in results if one.status == "solved"]
    late = [batch * one.summary["updates"] for one in results if one.status != "solved"]
    if len(times) < max(2, len(late)):
        return ()
    if not late and len(set(times)) == 1:  # all at one check
        return (Measured(what, times[0], times[0], times[0], len(times)),)
    try:
        return (Measured(what, *time_to_success(times, late), len(times)),)
    except ValueError:
        return ()


def timely(found: Verdict, printed: Sequence[Published], factor: float = 2.0) -> Verdict:
    """A verdict that holds only if its mean times may lie within a factor of the printed ones of the same names.

    Contradicted where an interval lies outside as a whole; inconclusive where a time is missing.
    """
    if found.answer != "supported":
        return found
    times = {one.what: one for one in found.numbers}
    expected = {one.what: float(one.value) for one in printed if not isinstance(one.value, str)}
    if absent := [name for name in expected if name not in times]:
        return replace(found, answer="inconclusive", because=f"{found.because} But no time: {', '.join(absent)}.")
    beside = [(times[name], wanted) for name, wanted in expected.items()]
    apart = [(o, w) for o, w in beside if (o.low or 0) > w * factor or (o.high or math.inf) < w / factor]
    if not apart:
        return found
    told = "; ".join(f"{one.what}: {one.value / wanted:.2g} times the printed" for one, wanted in apart)
    return replace(found, answer="contradicted", because=f"{found.because} But {told}.")


def clips(results: Sequence[Result], threshold: float) -> bool:
    """Whether no clipped gradient is longer than the threshold and some gradient was, before it was cut.

    A norm that is missing is not finite: that is for a run that diverged alone, and is no gradient that was cut.
    """
    rows = [(one, row) for one in results for row in one.rows[1:]]
    norms = [(one, row["train/grad_norm"], row["train/grad_norm_clipped"]) for one, row in rows]
    held = (c <= threshold * (1 + 1e-4) if c is not None else one.status == "diverged" for one, _, c in norms)
    return all(held) and any(before is not None and before > threshold for _, before, _ in norms)


def median_curves(
    groups: Mapping[str, Sequence[Result]], number: str, y: str, dashed: Sequence[str] = (), *, relative: bool = False
) -> Plot:
    """A number of the checks over the updates, the median of each group; a run that is over keeps its last, and what
    is not finite counts as the worst.

    The levels of the number go with it, of a loss or a metric. `relative` divides the loss of each run by its own
    memoryless level, for groups of several tasks.

    Raises
        ValueError  where the levels differ and nothing is divided.
    """
    kind = number.removeprefix("eval/")
    worst = math.inf if kind.endswith("loss") else -math.inf
    lines, levels = [], dict[str, float]()
    for name, runs in groups.items():
        longest = max((one.rows for one in runs), key=len, default=())
        curves = []
        for one in runs:
            its = one.summary.get("levels", {})
            known = {word: its[level][kind] for level, word in LEVELS.items() if kind in its.get(level, ())}
            unit = min(known.values()) if relative else 1.0
            if not relative and levels and levels != known:
                raise ValueError("the groups have several levels: give relative=True.")
            levels = {MEMORYLESS: 1.0} if relative else known
            values = [worst if row[number] is None else row[number] / unit for row in one.rows]
            curves += [[*values, *values[-1:] * (len(longest) - len(values))]] if values else []
        if curves:
            at = [float(row["update"]) for row in longest]
            lines.append(Line(name, at, np.median(curves, axis=0).tolist(), name in dashed))
    return Plot("update", y, tuple(lines), levels)
