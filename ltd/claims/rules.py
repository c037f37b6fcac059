"""Verdicts that several claims share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ltd.claims.data import Measured, Published, Result, Verdict


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
