"""Made-up runs of the claims that train networks: one function per claim, see `claim_cases`."""

import json
from math import log10
from pathlib import Path

from experiments.sweep import flatten
from ltd import claims, config, launch
from ltd.claims import Result
from ltd.settings import Run

ROOT = Path(__file__).parents[1] / "experiments"


def trained(name, outcome, keep=lambda fields: True):
    """A run per config of the claim's sweep, its fields complete; `outcome` gives summary, rows and status."""
    found = []
    for fields in claims.load(ROOT / name).sweep("full").configs:
        whole = flatten(config.plain(launch.configure(Run, fields)))
        if keep(whole):
            summary, rows, status = outcome(whole)
            plain = json.loads(json.dumps(summary))
            found.append(Result(config.digest(whole), whole, plain, status, rows, 1.0, "abc"))
    return found


def of_levels(blind, strict=None):
    """Levels as a summary holds them."""
    return {"levels": {"blind": {"loss": blind}, "strict": {"loss": strict or blind}}}


def reber(answer):
    def outcome(fields):
        lstm, seed = fields["cell.type"] == "lstm1997", fields["seed"]
        good = seed % 10 < {"contradicted": 3, "inconclusive": 8}.get(answer, 10) if lstm else False
        loss = 0.9 if answer == "broken" else 0.45
        at = (8000 if fields.get("cell.hidden") == 6 else 35000) + 100 * seed
        summary = {"eval/loss": loss, "solved_at": at if good else None, "updates": 200000}
        known = 0.9 if good else 0.5
        rows = [
            {"update": u, "eval/metric": m, "eval/outer_accuracy": o} for u, m, o in ((0, 0.1, 0.0), (500, 0.9, known))
        ]
        return summary | of_levels(0.5, 0.77), rows, "solved" if good else "finished"

    return trained("hochreiter1997_reber", outcome)


def lag(answer):
    def outcome(fields):
        q, seed = fields["task.length"], fields["seed"]
        good = seed < {"contradicted": 5, "inconclusive": 17}.get(answer, 20) or q == 50
        at = 30000 + 14000 * log10(q / 50) + 10 * seed
        summary = {"eval/loss": 0.01 if answer != "broken" else 0.24, "updates": 5_000_000}
        rows = ({"update": 0, "eval/loss": 0.25}, {"update": 1000, "eval/loss": 0.2})
        return summary | of_levels(0.25) | {"solved_at": at if good else None}, rows, "solved" if good else "finished"

    return trained("hochreiter1997_lag", outcome)


def against_simple(name, number, printed):
    def case(answer):
        def outcome(fields):
            lstm, seed = fields["cell.type"] == "lstm1997", fields["seed"]
            good = seed % 10 < {"contradicted": 3, "inconclusive": 8}.get(answer, 10) if lstm else False
            loss = 0.001 if lstm and answer != "broken" else 0.05
            summary = {number: 1 - (1 if good else 900) / 2560, "eval/loss": loss, "best/eval/loss": 0.04}
            at = printed + 100 * seed
            summary |= {"solved_at": at if good else None, "updates": 300000}
            rows = ({"update": 0, "eval/loss": 0.05}, {"update": 1000, "eval/loss": 0.03})
            return summary | of_levels(0.04), rows, "solved" if good else "finished"

        return trained(name, outcome)

    return case


def clipping_rows(clipped):
    """The check before training knows no gradient."""
    norms = {"train/grad_norm": 9.0, "train/grad_norm_clipped": clipped}
    return [{"update": 0, "eval/loss": 1.4}, {"update": 9, "eval/loss": 1.0, **norms}]


def clipping_omega(answer):
    def outcome(fields):
        clip, omega = fields["optimizer.clip_norm"], fields.get("regularizer.omega")
        method = ("CR" if omega else "C") if clip else ("omega" if omega else "SGD")
        good = method == {"contradicted": "SGD", "inconclusive": "all"}.get(answer, "CR") or answer == "inconclusive"
        clipped = 5.0 if answer == "broken" or not clip else 1.0
        rows = clipping_rows(clipped)
        return {"eval/loss": 0.1, "updates": 9}, rows, "solved" if good else "finished"

    return trained("pascanu2013_clipping_omega", outcome)


def chrono(answer):
    def outcome(fields):
        own = fields["cell.chrono"] is not None
        at = {"contradicted": (900, 1000), "inconclusive": (500, 900 + 300 * (fields["seed"] % 5))}.get(
            answer, (200, 1400)
        )
        at = at[0] + 10 * fields["seed"] if own else at[1] + 10 * fields["seed"]
        rows = [{"update": u, "eval/loss": 0.17 if u < at else 0.05} for u in range(0, 5001, 50)]
        return {"eval/loss": 0.5 if answer == "broken" else 0.05} | of_levels(0.167), rows, "finished"

    return trained("tallec2018_chrono", outcome)


def warps(answer):
    order = {"supported": (0.1, 0.5, 1.5), "contradicted": (1.5, 0.5, 0.1), "inconclusive": (0.3, 0.3, 0.3)}

    def outcome(fields):
        place = ("lstm", "leaky", "elman").index(fields["cell.type"])
        variable, uniform = order.get(answer, order["supported"])[place], (0.1, 0.1, 0.9)[place]
        loss = variable if fields["task.mode"] == "variable" else uniform
        loss = (2.0 if answer == "broken" else loss) + 0.001 * fields["seed"]
        rows = [{"update": 0, "eval/loss": 2.3}, {"update": 100, "eval/loss": loss}]
        return {"eval/loss": loss} | of_levels(2.2, 2.0), rows, "finished"

    return trained("tallec2018_warps", outcome)


def arjovsky_copy(answer):
    def outcome(fields):
        unitary = fields["cell.type"] == "urnn"
        share = 0.01 if unitary else 1.0
        if answer == "contradicted" and fields["cell.type"] == "lstm":
            share = 0.5
        if answer == "inconclusive" and unitary and fields["seed"] < 2:
            share = 0.5
        share = 1.3 if answer == "broken" else share
        rows = [{"update": 0, "eval/loss": 2.0}, {"update": 100, "eval/loss": share}]
        return {"eval/loss": share} | of_levels(1.0), rows, "finished"

    return trained("arjovsky2016_copy", outcome)


def linear_transitions(answer):
    def outcome(fields):
        copy, identity = fields["task.type"].startswith("copy"), fields["cell.init"] == "identity"
        good = copy != identity
        if answer in ("contradicted", "inconclusive"):
            good = not good if answer == "contradicted" else True
        loss = 0.5 if answer == "broken" else 0.01 if good else 0.17
        rows = [{"update": 0, "eval/loss": 2.0}, {"update": 100, "eval/loss": loss}]
        return {"eval/loss": loss} | of_levels(0.17), rows, "solved" if good else "finished"

    return trained("henaff2016_orthogonal_identity", outcome)


def depth(answer):
    def outcome(fields):
        plain, deep = fields["net.type"] == "plain", fields["net.depth"]
        stuck = plain and deep >= 20
        if answer == "contradicted":
            stuck = not plain and deep >= 50
        if answer == "inconclusive" and fields["seed"] < 2:
            stuck = False
        if answer == "broken":
            stuck = True
        summary = {"train/loss": 2.3026 if stuck else 0.2, "eval/metric": 0.1 if stuck else 0.95}
        return summary, ({"update": 0, "eval/metric": 0.1},), "finished"

    return trained("srivastava2015_depth", outcome)


def parity(answer):
    def outcome(fields):
        cell = fields["cell.type"]
        last = 1.0 if cell in ("elman", "lstm", "slstm") else 0.5
        if answer == "contradicted" and cell == "lru":
            last = 0.95
        if answer == "inconclusive" and cell == "lstm":
            last = 0.9 if fields["seed"] < 6 else 1.0
        first = 0.6 if answer == "broken" else last
        rows = ({"update": 0, "eval/metric": 0.5},)
        return {"lengths": [{"length": 20, "metric": first}, {"length": 256, "metric": last}]}, rows, "finished"

    return trained("beck2024_parity", outcome)


def threshold(answer):
    def outcome(fields):
        clip, seed = fields["optimizer.clip_norm"], fields["seed"]
        good = {"contradicted": clip > 0.2, "inconclusive": seed < 3}.get(answer, True)
        clipped = 9.0 if answer == "broken" else clip
        rows = clipping_rows(clipped)
        return {"solved_at": 4000 + seed if good else None}, rows, "solved" if good else "finished"

    return trained("pascanu2013_threshold", outcome)


def learned_decay(answer):
    def outcome(fields):
        fast, learned = fields["cell.fast"], fields["cell.learned"]
        gain = {"contradicted": -0.1, "inconclusive": 0.0}.get(answer, 0.1)
        loss = 0.6 + 0.001 * fields["seed"] - (gain if learned and not fast else 0.0)
        loss += 2.0 if answer == "broken" else 0.0
        rows = [
            {"update": 0, "eval/loss": 2.4, "eval/slow_loss": 1.4},
            {"update": 9, "eval/loss": 1, "eval/slow_loss": 1},
        ]
        return {"eval/loss": loss, "eval/slow_loss": loss / 2} | of_levels(2.3), rows, "finished"

    return trained("mikolov2014_learned_decay", outcome)


def forget_gate(answer):
    def outcome(fields):
        gated, reset = fields["cell.forget_gate"], fields["task.type"].startswith("reber/embedded")
        last = 0.99 if gated or (reset and answer != "broken") else 0.55
        if not gated and not reset and (answer == "contradicted" or (answer == "inconclusive" and fields["seed"] < 3)):
            last = {"contradicted": 0.98}.get(answer, 0.8)
        rows = ({"update": 0, "eval/outer_accuracy": 0.5}, {"update": 300, "eval/outer_accuracy": 0.6})
        return {"eval/outer_accuracy": last, "solved": gated and fields["seed"] < 2}, rows, "finished"

    return trained("gers2000_forget_gate", outcome)


CASES = {
    "gers2000_forget_gate": forget_gate,
    "beck2024_parity": parity,
    "pascanu2013_threshold": threshold,
    "mikolov2014_learned_decay": learned_decay,
    "hochreiter1997_reber": reber,
    "hochreiter1997_lag": lag,
    "hochreiter1997_adding": against_simple("hochreiter1997_adding", "eval/within", 70000),
    "hochreiter1997_temporal_order": against_simple("hochreiter1997_temporal_order", "eval/sequence_accuracy", 31390),
    "pascanu2013_clipping_omega": clipping_omega,
    "tallec2018_chrono": chrono,
    "tallec2018_warps": warps,
    "arjovsky2016_copy": arjovsky_copy,
    "henaff2016_orthogonal_identity": linear_transitions,
    "srivastava2015_depth": depth,
}
