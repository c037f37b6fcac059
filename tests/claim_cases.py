"""Made-up results of every shipped claim: `supported`, `contradicted`, `inconclusive`, and of a `broken` harness."""

import json
from pathlib import Path

from ltd import claims, config
from ltd.claims import Result

ROOT = Path(__file__).parents[1] / "experiments"


def results(name, summary, keep=lambda fields: True):
    """A result per config of the claim's sweep; `summary` makes its numbers from its fields."""
    folder = claims.load(ROOT / name)
    configs = [fields for fields in folder.sweep("full").configs if keep(fields)]
    return [
        Result(config.digest(fields), fields, json.loads(json.dumps(summary(fields))), seconds=1.0, commit="abc")
        for fields in configs
    ]


def parameters(answer):
    table = {one.what: one.value for one in claims.load(ROOT / "hochreiter1997_parameters").claim.published}
    off = {"contradicted": 1}.get(answer, 0)

    def summary(fields):
        printed = table[fields["condition.name"]]
        return {"weights": printed + off, "today": printed + (answer != "broken")}

    return results(
        "hochreiter1997_parameters", summary, lambda f: answer != "inconclusive" or f["condition.name"] != "6a"
    )


def nine_times(answer):
    factor = 8 if answer == "contradicted" else 9

    def summary(fields):
        plain = fields["hidden"] ** 2
        return {"plain": plain, "lstm": factor * plain, "two units": (9 if answer == "broken" else 4) * plain}

    return results("hochreiter1997_nine_times", summary, lambda f: answer != "inconclusive" or f["hidden"] == 5)


def four_times(answer):
    def summary(fields):
        D, H = fields["inputs"], fields["hidden"]
        srn = H * D + H * H + H
        return {
            "srn": srn,
            "lstm": (3 if answer == "contradicted" else 4) * srn,
            "diagonal": 4 * srn + (H if answer == "broken" else 3 * H),
            "full": 7 * H * H + 4 * H * D + 4 * H,
            "gru": 3 * srn,
        }

    found = results("survey2016_four_times", summary)
    return found[:1] if answer == "inconclusive" else found


def ten_steps(answer):
    last = {"supported": 8, "contradicted": 40, "inconclusive": None, "broken": 8}[answer]

    def summary(fields):
        name = fields["network"]
        if name == "orthogonal linear":
            slope = -0.1 if answer == "broken" else 0.0
        elif name.startswith("orthogonal"):
            slope = -0.001
        elif name == "logistic":
            slope = -1.5
        else:
            gone = last or (8 if fields["seed"] % 2 else 40)
            slope = -3.0001 / gone
        curve = [slope * k for k in range(51)]
        first = next((k for k, v in enumerate(curve) if v < -3), 51)
        return {"log10": curve, "gone": first}

    return results("survey2016_ten_steps", summary)


def bound(answer):
    def summary(fields):
        bad = answer == "contradicted" and fields["activation"] == "tanh" and fields["seed"] == 0
        return {
            "draws": 500,
            "violations": int(bad),
            "closest": 0.1 if bad else -0.01,
            "caught": 0 if answer == "broken" else 30,
            "log10": [-0.1 * k for k in range(1, 51)],
        }

    return results("pascanu2013_bound", summary, lambda f: answer != "inconclusive" or f["activation"] == "linear")


def conditions(answer):
    def summary(fields):
        last = -3.0 if fields["c"] < 1 else -2.0 if fields["activation"] == "tanh" else 4.0
        if answer == "contradicted" and fields["c"] == 0.99:
            last = 0.2
        if answer == "inconclusive" and fields["c"] > 1:
            last = 4.0
        if answer == "broken" and fields["activation"] == "linear":
            last = -2.0
        return {"last": last, "log10": [last * k / 50 for k in range(51)]}

    return results("pascanu2013_conditions", summary)


def linear(answer):
    from math import log

    def summary(fields):
        off = 1.02 if answer == "contradicted" else 1.0
        slope = off * log(fields["rho"])
        return {"slope": slope, "largest": 0.0 if answer == "broken" else 0.3, "log10": [0.0, slope, 2 * slope]}

    return results("pascanu2013_linear", summary, lambda f: answer != "inconclusive" or f["rho"] < 1)


CASES = {
    "hochreiter1997_parameters": parameters,
    "hochreiter1997_nine_times": nine_times,
    "survey2016_four_times": four_times,
    "survey2016_ten_steps": ten_steps,
    "pascanu2013_bound": bound,
    "pascanu2013_conditions": conditions,
    "pascanu2013_linear": linear,
}
