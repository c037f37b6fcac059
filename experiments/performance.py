"""docs/performance.md: what was measured, against others and against the machine's best; `experiments.docs` writes it.

Every number comes from a file in `benchmarks/results/`. A goal that is missed stands with where the time went and why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.tables import markdown, number

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks/results"
KINDS = ("step", "probe", "start", "sweeps", "gpu")  # of result files with one schema
REASONS = {  # part of the goal and case of a missed goal -> why
    "H=128": "The products are the largest part of the work, and XLA's are those of most peers too. The rest "
    "is elementwise work, copies in and out of the chunks, and one core waiting for the other.",
    "lstm T=200 B=64 H=512": "The products alone, as XLA multiplies, take nine tenths of the whole step of the fastest "
    "peer or more: its library multiplies faster. Ours is the fastest of those that XLA compiles.",
    "H=512": "The products alone, timed in the same run, take as long as the whole step of the fastest peer. Runs on "
    "this machine differ by more than the gap: the one before had 0.922.",
    "the jacobian probe": "By hand the cost is H calls for each step; here it is one QR step and the singular values "
    "of one matrix for each lag, both by LAPACK, which every exact way to all singular values needs.",
    "ltd list": "Importing jax and flax, and building every cell, net and task once for what is told of it.",
    "first training update": "Importing jax, and compiling one program of some 7000 instructions, which holds three "
    "unrolls of the network, its gradient, the task and the random numbers; a program that was kept is read instead.",
}


def rows_of(kind: str) -> list[dict[str, Any]]:
    """The committed rows of one kind, of all machines."""
    return [row for path in sorted(RESULTS.glob(f"*_{kind}.json")) for row in json.loads(path.read_text())]


def reason(row: Mapping[str, Any]) -> str:
    """Why this goal is missed, as far as we know; empty if nobody has said."""
    return next((why for start, why in REASONS.items() if f"{row['goal']}, {row['case']}".find(start) >= 0), "")


def line(row: Mapping[str, Any]) -> dict[str, str]:
    """One row of a table."""
    goal = ", ".join(f"{name} {number(bound)}" for name, bound in row["at_most"].items())
    peers = ", ".join(f"{name} {number(value)}" for name, value in row["peers"].items())
    bound = sum(row["limit"].values()) if row["limit"] else None
    shown = {
        "case": row["case"],
        "what": row["goal"],
        "ours": f"{number(row['ours'])} {row['unit']}",
        "others": peers or "-",
        "ratio": "-" if row["ratio"] is None else number(row["ratio"]),
        "goal, at most": goal or "-",
        "met": {True: "yes", False: "no", None: "-"}[row["met"]],
    }
    return shown | ({"times the limit": number(row["ours"] / bound)} if bound else {})


def named(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The column that tells machines apart, where these rows are of several."""
    return {"machine": row["machine"]} if len({one["machine"] for one in rows}) > 1 else {}


def around(rows: Sequence[Mapping[str, Any]]) -> str:
    """Machine, date, commit and versions of some rows, once for each that differ."""
    said = {
        f"{row['machine']}, {row['date']}, commit {row['commit']}; "
        + ", ".join(f"{name} {value}" for name, value in row["versions"].items())
        for row in rows
    }
    return "\n".join(f"{one}." for one in sorted(said))


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows and their circumstances, as lines of Markdown."""
    if not rows:
        return ["Not measured yet.", ""]
    lines = [named(row, rows) | line(row) for row in rows]
    names = list(dict.fromkeys(name for one in lines for name in one))
    return [markdown([{name: one.get(name, "-") for name in names} for one in lines]), around(rows), ""]


def page() -> str:
    """The whole page."""
    step, gpu = rows_of("step"), rows_of("gpu")
    times = [row for row in step if row["unit"] == "ms"]
    own = [row for row in times if row["limit"]]
    lines = [*HEAD]
    lines += ["## One gradient step (P1)", "", *STEP, *table(own)]
    lines += ["What bounds it, in ms, measured in the same run (`benchmarks/limits.py`):", "", _limits(own)]
    lines += ["Other arrangements of ours, against the same peers:", "", *table([r for r in times if not r["limit"]])]
    lines += ["## Memory of that step (P2)", "", *MEMORY, *table([row for row in step if row["unit"] == "MiB"])]
    lines += ["## A sweep, from cold start to ledger (P3), and growth with size (P7)", "", *SWEEP]
    sweeps = rows_of("sweeps")
    lines += table([row for row in sweeps if "milliseconds" not in row])
    lines += [_growth([row for row in sweeps if "milliseconds" in row])]
    lines += ["## The `jacobian` probe (P4)", "", *PROBE, *table(rows_of("probe"))]
    lines += ["## A fresh process (P8)", "", *START, *table(rows_of("start"))]
    lines += ["## On a GPU (P5, P6)", ""]
    lines += table(gpu) if gpu else ["Not measured: no GPU could be had. `python -m benchmarks.gpu` measures it.", ""]
    lines += ["## Goals that are missed", "", *MISSED]
    for row in [row for kind in KINDS for row in rows_of(kind) if row["met"] is False]:
        shares = ", ".join(f"{kind} {share:.0%}" for kind, share in (row["profile"] or {}).items())
        lines += [f"- **{row['goal']}, {row['case']}** ({row['machine']}): ratio {number(row['ratio'])}. {reason(row)}"]
        lines += [f"  The cores' time: {shares}."] if shares else []
    return "\n".join([*lines, ""])


def _limits(rows: Sequence[Mapping[str, Any]]) -> str:
    return markdown(
        [named(row, rows) | {"case": row["case"], **{n: number(v) for n, v in row["limit"].items()}} for row in rows]
    )


def _growth(rows: Sequence[Mapping[str, Any]]) -> str:
    times = "ms per update of all lanes"
    return markdown(
        [
            {
                "varied": row["case"],
                times: ", ".join(map(number, row["milliseconds"])),
                row["unit"]: number(row["ours"]),
            }
            for row in rows
        ]
    )


HEAD = (
    "# How fast it is",
    "",
    "Generated by `python -m experiments.docs` from `benchmarks/results/`. `make bench` measures P1, P2, P4 and P8,",
    "`make bench-sweeps` P3 and P7, `make bench-batches` what drawing a batch costs beside the step it is for, and",
    "`python -m benchmarks.gpu` P5, P6 and many lanes. Peers run side by side with ours in one run;",
    "times are medians of five; no test asserts any of this.",
    "",
)
STEP = (
    "All weights' gradient of a one-layer network, float32, D = 32 inputs. Ours is what `ltd run` does: the plan",
    "`chunked`, on a CPU with the batch over one device per core up to 1.5 MB of weights. `times the limit` is ours",
    "over what the products at their shapes, the logistics and tangents, and every state written and read once take",
    "when they are timed alone. It is an estimate: a step can fall below it, since weight gradients are timed over up",
    "to 16,384 rows at once, and those of a chunk that lies in the cache are faster.",
    "",
)
MEMORY = ("Extra peak of the resident set over one step, each in a fresh process.", "")
SWEEP = (
    "16 seeds x 4 learning rates in one program against 64 processes of a Flax script, two at a time. Both check the",
    "loss on 256 sequences every 100 updates; ours also holds the success rule, and keeps records and checkpoints.",
    "",
)
MISSED = (
    "Shares of the cores' time; `waiting` holds what a step on one device hands to further threads of its products,",
    "which the trace does not show (`benchmarks/profile.py`).",
    "",
)
PROBE = ("All lags of one Elman network, with singular values, against a step Jacobian row by row from autograd.", "")
START = ("Whole commands by the clock.", "")
