"""How large the threshold of clipping is hardly matters: from half to ten times the mean norm of the gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from ltd.claims import Claim, Control, Measured, Plot, Published, Result, Verdict
from ltd.claims.rules import chosen, clips, median_curves, solved
from ltd.stats import fisher, holm, median_interval
from ltd.types import Source

MEAN = 0.26  # mean norm of the gradient of a run without clipping, seed 100, over its 10,000 updates
SHARE, UPDATES, SPEED = "solved, threshold {} x mean norm", "updates to success, threshold {} x", "slowest over fastest"


def groups(results: Sequence[Result]) -> Mapping[float, Sequence[Result]]:
    """Runs by the threshold, in mean norms."""
    clips = sorted({one.config["optimizer.clip_norm"] for one in results})
    return {round(c / MEAN, 3): chosen(results, **{"optimizer.clip_norm": c}) for c in clips}


def verdict(results: Sequence[Result]) -> Verdict:
    """No two thresholds differ in the share of solved runs (Fisher), and every one solves half or more.

    For the claim no p of a pair may be below 0.05 as it stands; against it one must be after Holm's correction.
    """
    found = groups(results)
    if len(found) < 2 or min(map(len, found.values())) < 5:
        return Verdict("inconclusive", "at least 5 runs of two thresholds are needed.")
    rows = {c: solved(SHARE.format(c), runs) for c, runs in found.items()}
    counts = {c: (round(row.value * row.n), row.n) for c, row in rows.items()}
    each_p = [fisher(counts[a], counts[b], "two-sided") for a, b in combinations(counts, 2)]
    least, corrected = min(each_p), min(holm(each_p))
    times = {c: [one.summary["solved_at"] for one in runs if one.status == "solved"] for c, runs in found.items()}
    each = {c: Measured(UPDATES.format(c), *median_interval(t), len(t)) for c, t in times.items() if t}
    numbers = (*rows.values(), *each.values())
    if each:
        speed = max(one.value for one in each.values()) / min(one.value for one in each.values())
        numbers += (Measured(SPEED, speed),)
    told = (
        "solved: "
        + ", ".join(f"{k} of {n} at {c} x" for c, (k, n) in counts.items())
        + f" (least p {least:.2g}, after Holm {corrected:.2g})."
    )
    if corrected < 0.05:
        return Verdict("contradicted", told, numbers)
    if least >= 0.05 and min(row.value for row in rows.values()) >= 0.5:
        return Verdict("supported", told, numbers)
    because = "two thresholds may differ" if least < 0.05 else "some threshold solves fewer than half"
    return Verdict("inconclusive", f"{because}: {told}", numbers)


def plot(results: Sequence[Result]) -> Plot:
    """The loss over training."""
    return median_curves({f"{c} x mean norm": runs for c, runs in groups(results).items()}, "eval/loss", "loss (nats)")


CLAIM = Claim(
    key="B-S8",
    sentence="Training with clipped gradients is not sensitive to the threshold: from half to ten times the mean norm "
    "of the gradient it succeeds as often, if not as fast.",
    source=Source(
        "pascanu2013",
        "Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, ICML, "
        "arXiv 1211.5063, section 3.2",
        "c p",
    ),
    published=(
        *(Published(SHARE.format(c), "as often as at others", "", "paper", "section 3.2") for c in (0.5, 10.0)),
        Published(SPEED, "speed may change", "", "paper", "section 3.2"),
    ),
    controls=(
        Control(
            "clipping clips",
            "no clipped gradient is longer than its threshold, and some gradient was cut at each",
            lambda results: all(
                clips(runs, runs[0].config["optimizer.clip_norm"]) for runs in groups(results).values()
            ),
        ),
    ),
    verdict=verdict,
    departures=(
        "Temporal order at T = 20, 50 tanh units from the paper's smart tanh matrix, learning rate 0.01, batch 20, "
        f"10,000 updates. The mean norm, {MEAN}, is that of one run without clipping that is not among those judged; "
        "the largest of its norms was 7.5, the median 0.03.",
        "That no difference shows in ten seeds of each does not say that there is none.",
    ),
    plot=plot,
)
