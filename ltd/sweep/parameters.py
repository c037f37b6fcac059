"""The parameters of a sweep file: their distributions by W&B's names, the values of a grid, and repeatable samples."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml
from scipy import special

from ltd import config
from ltd.config import ConfigError, unknown

MOST = 100_000  # values of one parameter of a grid, and configs of one sweep
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")

RANGE = ("min", "max")
NORMAL, BETA, STEP = {"mu": 0.0, "sigma": 1.0}, {"a": 1.0, "b": 1.0}, {"q": 1.0}

# distribution: fields that it needs, fields that it may have with their defaults
DISTRIBUTIONS: dict[str, tuple[tuple[str, ...], dict[str, float]]] = {
    "constant": (("value",), {}),
    "categorical": (("values",), {}),
    "categorical_w_probabilities": (("values", "probabilities"), {}),
    "int_uniform": (RANGE, {}),
    "uniform": (RANGE, {}),
    "q_uniform": (RANGE, STEP),
    "log_uniform": (RANGE, {}),
    "log_uniform_values": (RANGE, {}),
    "q_log_uniform": (RANGE, STEP),
    "q_log_uniform_values": (RANGE, STEP),
    "inv_log_uniform": (RANGE, {}),
    "inv_log_uniform_values": (RANGE, {}),
    "normal": ((), NORMAL),
    "q_normal": ((), NORMAL | STEP),
    "log_normal": ((), NORMAL),
    "q_log_normal": ((), NORMAL | STEP),
    "beta": ((), BETA),
    "q_beta": ((), BETA | STEP),
}

# the value below which a share u of the samples lies, before it is rounded to a multiple of q
QUANTILES: dict[str, Callable[[Mapping[str, Any], float], float]] = {
    "uniform": lambda o, u: _between(o["min"], o["max"], u),
    "log_uniform": lambda o, u: math.exp(_between(o["min"], o["max"], u)),
    "log_uniform_values": lambda o, u: _geometric(o, u),
    "inv_log_uniform": lambda o, u: math.exp(-_between(o["min"], o["max"], 1 - u)),
    "inv_log_uniform_values": lambda o, u: _geometric(o, u),
    "normal": lambda o, u: o["mu"] + o["sigma"] * float(special.ndtri(u)),
    "log_normal": lambda o, u: math.exp(o["mu"] + o["sigma"] * float(special.ndtri(u))),
    "beta": lambda o, u: float(special.betaincinv(o["a"], o["b"], u)),
}


@dataclass(frozen=True)
class Parameter:
    """One parameter: a dotted field, the distribution of its values, and that distribution's fields, complete.

    constant, categorical, categorical_w_probabilities    value; values; values and probabilities
    int_uniform, uniform                                  from min to max, both ends included
    log_uniform_values, inv_log_uniform_values            from min to max, their logarithm uniform (one law)
    log_uniform                                           exp(x), x uniform from min to max
    inv_log_uniform                                       exp(-x), x uniform from min to max
    normal, log_normal                                    N(mu, sigma^2); exp of it
    beta                                                  Beta(a, b)
    q_...                                                 the same, rounded to a multiple of q; whole where q is
    """

    name: str
    distribution: str
    options: Mapping[str, Any]

    def grid(self) -> Sequence[Any]:
        """The values that a grid goes through.

        As W&B does: int_uniform gives every whole number from min to max, q_uniform gives min, min + q, ... below max.
        """
        o = self.options
        if self.distribution == "constant":
            return [o["value"]]
        if self.distribution == "categorical":
            return o["values"]
        if self.distribution == "int_uniform":
            self._limit(o["max"] - o["min"] + 1)
            return range(o["min"], o["max"] + 1)
        if self.distribution == "q_uniform":
            self._limit((o["max"] - o["min"]) / o["q"])
            return np.arange(o["min"], o["max"], o["q"]).tolist()
        raise ConfigError(
            f"parameters.{self.name}: a grid cannot go through the distribution {self.distribution}: give values, or "
            "take method: random."
        )

    def _limit(self, count: float) -> None:
        if count > MOST:
            raise ConfigError(f"parameters.{self.name}: {count:.0f} values are too many for a grid, at most {MOST}.")

    def sample(self, i: int) -> Any:
        """The value in config i: the same every time, whatever else is in the file."""
        u = np.random.default_rng((zlib.crc32(self.name.encode()), i)).random()
        return self.quantile(max(float(u), 2.0**-54))

    def quantile(self, u: float) -> Any:
        """The value below which a share u in (0, 1) of the samples lies."""
        o = self.options
        if self.distribution == "constant":
            return o["value"]
        if self.distribution == "categorical":
            return o["values"][int(u * len(o["values"]))]
        if self.distribution == "categorical_w_probabilities":
            reached = np.cumsum(o["probabilities"])
            return o["values"][int(np.searchsorted(reached, u * reached[-1], side="right"))]
        if self.distribution == "int_uniform":
            return min(o["min"] + int(u * (o["max"] - o["min"] + 1)), o["max"])
        try:
            value = QUANTILES[self.distribution.removeprefix("q_")](o, u)
            value = round(value / o["q"]) * o["q"] if "q" in o else value
            if math.isfinite(value):
                return value
        except (OverflowError, ValueError):  # of rounding what is not finite
            pass
        raise ConfigError(f"parameters.{self.name}: its values are too large for a number: {dict(o)}.")


def _between(low: float, high: float, u: float) -> float:
    return min(low + u * (high - low), high)


def _geometric(o: Mapping[str, Any], u: float) -> float:
    value = math.exp(_between(math.log(o["min"]), math.log(o["max"]), u))
    return min(max(value, o["min"]), o["max"])


# ------------------------------------------------------------------------------------------------ reading


def read(raw: Any, prefix: str = "") -> list[Parameter]:
    """The parameters of a sweep file, nested ones under dotted names, each level in the order of its sorted names."""
    where = f"parameters.{prefix}" if prefix else "parameters"
    where = where.removesuffix(".")
    if not isinstance(raw, Mapping) or not raw:
        raise ConfigError(f"{where} = {raw!r} must hold fields, each with value, values, or min and max.")
    for name in raw:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ConfigError(f"{where}: {name!r} is no name of a field: letters, digits, _ and -, parted by dots.")
    found: list[Parameter] = []
    for name in sorted(raw):
        given, dotted = raw[name], prefix + name
        if not isinstance(given, Mapping):
            raise ConfigError(f"parameters.{dotted} = {given!r} must hold fields: write value: {given}.")
        if "parameters" in given:
            if len(given) > 1:
                raise ConfigError(f"parameters.{dotted} holds parameters, and so nothing besides them.")
            found += read(given["parameters"], f"{dotted}.")
        else:
            found.append(_parameter(dotted, given))
    return found


def _parameter(name: str, given: Mapping[str, Any]) -> Parameter:
    where = f"parameters.{name}"
    kind = given["distribution"] if "distribution" in given else _implied(where, given)
    if not isinstance(kind, str) or kind not in DISTRIBUTIONS:
        raise ConfigError(unknown(f"distribution of {where}", kind, DISTRIBUTIONS))
    required, defaults = DISTRIBUTIONS[kind]
    for field in given:
        if field not in ("distribution", *required, *defaults):
            known = [f"{where}.{f}" for f in ("distribution", *required, *defaults)]
            raise ConfigError(unknown(f"field of {kind}", f"{where}.{field}", known))
    for field in required:
        if field not in given:
            raise ConfigError(f"{where}: {kind} needs {field}.")
    options = {**defaults, **{field: value for field, value in given.items() if field != "distribution"}}
    if "value" in options:
        return Parameter(name, kind, {"value": plain(options["value"], where)})
    if "values" in options:
        return Parameter(name, kind, _categorical(where, options))
    return Parameter(name, kind, _numeric(where, kind, options))


def _implied(where: str, given: Mapping[str, Any]) -> str:
    """The distribution of a parameter that names none, by W&B's rules."""
    if "value" in given:
        return "constant"
    if "values" in given:
        return "categorical_w_probabilities" if "probabilities" in given else "categorical"
    if "min" in given and "max" in given:
        whole = all(isinstance(given[end], int) for end in RANGE)
        return "int_uniform" if whole else "uniform"
    raise ConfigError(f"{where} = {dict(given)} needs value, values, min and max, parameters, or a distribution.")


def _categorical(where: str, options: dict[str, Any]) -> dict[str, Any]:
    values, shares = options["values"], options.get("probabilities")
    if not isinstance(values, list) or not values:
        raise ConfigError(f"{where}.values = {values!r} must be a list that is not empty.")
    found: dict[str, Any] = {"values": [plain(value, where) for value in values]}
    if shares is None:
        return found
    if not isinstance(shares, list) or len(shares) != len(values):
        raise ConfigError(f"{where}.probabilities = {shares!r} must be a list as long as values: {len(values)}.")
    for share in shares:
        if _number(f"{where}.probabilities", share) < 0:
            raise ConfigError(f"{where}.probabilities: {share} must not be below 0.")
    if not math.isclose(sum(shares), 1, rel_tol=1e-5):
        raise ConfigError(f"{where}.probabilities add up to {sum(shares):g}: they must add up to 1.")
    return {**found, "probabilities": shares}


def _numeric(where: str, kind: str, options: dict[str, Any]) -> dict[str, Any]:
    for field, value in options.items():
        _number(f"{where}.{field}", value)
        if kind == "int_uniform" and not isinstance(value, int):
            raise ConfigError(f"{where}.{field} = {value} must be a whole number, or the distribution uniform.")
    if "min" in options and options["min"] >= options["max"]:
        raise ConfigError(f"{where}: min = {options['min']} must be below max = {options['max']}.")
    if kind.endswith("log_uniform_values") and options["min"] <= 0:
        raise ConfigError(f"{where}.min = {options['min']} must be above 0, since its logarithm is taken.")
    if options.get("sigma", 0) < 0:
        raise ConfigError(f"{where}.sigma = {options['sigma']} must not be below 0.")
    for field in ("q", "a", "b"):
        if options.get(field, 1) <= 0:
            raise ConfigError(f"{where}.{field} = {options[field]} must be above 0.")
    return options


def _number(where: str, value: Any) -> float:
    if isinstance(value, str) and isinstance(config.scalar(value), float):
        raise ConfigError(f"{where} = {value!r} is text in YAML: write {yaml.safe_dump(float(value)).split()[0]}.")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f"{where} = {value!r} must be a finite number.")
    return value


def plain(value: Any, where: str) -> Any:
    """A value of the file as the command line would understand it: text such as 1e-3 is a number, `none` is null."""
    if isinstance(value, str):
        return config.scalar(value)
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str) or not NAME.fullmatch(name):
                raise ConfigError(f"{where}: {name!r} is no name of a field: letters, digits, _ and -, parted by dots.")
        return {name: plain(inner, where) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner, where) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise ConfigError(f"{where}: {value!r} is neither text, nor a number, true, false or null: put it into quotes.")
