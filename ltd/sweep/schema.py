"""W&B sweep files: one file for `wandb sweep` and for `ltd sweep`.

Read strictly. What W&B knows and what changes nothing here is accepted; what asks for something that only W&B's server
does is refused by name.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import yaml

from ltd import config
from ltd.config import ConfigError, unknown
from ltd.sweep import hyperband, parameters
from ltd.sweep.hyperband import Hyperband
from ltd.sweep.parameters import MOST, Parameter

PROGRAM = "experiments/cli.py"

# keys that change nothing here: what they must hold
IGNORED = {"description": str, "project": str, "entity": str, "command": list, "apiVersion": str, "kind": str}
USED = ("name", "program", "method", "metric", "parameters", "run_cap", "early_terminate", "controller")
ELSEWHERE = "job image_uri imageuri resource resource_args template template_variables queue launch scheduler metrics"


@dataclass(frozen=True)
class Metric:
    """What early stopping compares."""

    name: str
    goal: Literal["minimize", "maximize"] = "minimize"


@dataclass(frozen=True)
class Sweep:
    """What a sweep file asks for."""

    name: str
    method: Literal["grid", "random"]
    metric: Metric | None
    run_cap: int | None
    stop: Hyperband | None
    configs: list[dict[str, Any]]  # dotted field -> value, one per run, in order, no two equal
    repeated: int = 0  # configs left out because an equal one stands before them
    program: str = PROGRAM


def read(
    path: Path | str,
    fixed: Mapping[str, Any] | None = None,
    replaced: Mapping[str, Mapping[str, Any]] | None = None,
    own: str | None = None,
) -> Sweep:
    """The sweep of a file. `fixed` are fields of the command line, dotted or nested, which replace the file's.

    `replaced` are parameters as the file would have them (`{"values": [...]}`) that stand instead of the file's own of
    that name. `own` is the name of a file that may be the program besides the command line: a claim's `claim.py`.

    Order of a grid, as W&B has it: names sorted (at each level, where parameters are nested), the values of each as in
    the file, the last name fastest; `run_cap` cuts it. Config i of a random sweep takes the value of each parameter
    from a stream of its own, so that a larger `run_cap` keeps the earlier configs and a further parameter leaves the
    others as they are; there `run_cap` counts the draws, of which equal ones are one config.

    Raises
        ConfigError  in one line that names the file.
    """
    path = Path(path)
    try:
        return _sweep(_load(path), path, fixed or {}, replaced or {}, own)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _sweep(
    raw: Mapping[str, Any],
    path: Path,
    fixed: Mapping[str, Any],
    replaced: Mapping[str, Mapping[str, Any]],
    own: str | None,
) -> Sweep:
    _check_keys(raw)
    program = _program(raw.get("program", PROGRAM), own)
    name = raw.get("name", path.stem if path.stem != "sweep" else path.resolve().parent.name)
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"name = {name!r} must be text.")
    method, cap = raw.get("method"), raw.get("run_cap")
    if method == "bayes":
        raise ConfigError("method = bayes is W&B's: `wandb sweep` reads this file; here take grid or random.")
    if method not in ("grid", "random"):
        raise ConfigError(f"method = {method!r} must be grid or random.")
    if cap is not None and (isinstance(cap, bool) or not isinstance(cap, int) or cap < 1):
        raise ConfigError(f"run_cap = {cap!r} must be a whole number of at least 1.")
    if method == "random" and cap is None:
        raise ConfigError("method = random goes on for ever: give run_cap, the number of runs.")
    metric = _metric(raw["metric"]) if "metric" in raw else None
    stop = hyperband.read(raw["early_terminate"]) if "early_terminate" in raw else None
    if stop is not None and metric is None:
        raise ConfigError("early_terminate needs metric: name and goal of what is compared.")
    its = parameters.read(_replace(raw.get("parameters"), replaced))
    configs, repeated = _configs(its, method, cap, _flat(fixed))
    return Sweep(name, method, metric, cap, stop, configs, repeated, program)


def _replace(given: Any, replaced: Mapping[str, Mapping[str, Any]]) -> Any:
    if not replaced:
        return given
    known = given if isinstance(given, Mapping) else {}
    for name in replaced:
        if name not in known:
            raise ConfigError(unknown("parameter", name, known) + " Only what the file has can be replaced.")
    return {**known, **replaced}


# ------------------------------------------------------------------------------------------------ configs


def _configs(
    its: list[Parameter], method: str, cap: int | None, fixed: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], int]:
    taken = {_thing(name) for name in fixed}
    if method == "grid":
        for each in its:
            each.grid()  # even one that the command line replaces must be one of a grid
    its = [each for each in its if _thing(each.name) not in taken or _holds_fields(each)]
    draws: Iterable[tuple[Any, ...]]
    if method == "grid":
        pools = [each.grid() for each in its]
        count = math.prod(map(len, pools))
        draws = itertools.product(*pools)
    else:
        count = cap or 0
        draws = (tuple(each.sample(i) for each in its) for i in range(count))
    if min(count, cap or count) > MOST:
        raise ConfigError(f"{count} configs are too many, at most {MOST}: give run_cap.")
    found: dict[str, dict[str, Any]] = {}
    repeated = 0
    for draw in draws:
        fields = _joined(its, draw, fixed)
        key = json.dumps({name: _same(value) for name, value in fields.items()}, sort_keys=True)
        if key in found:
            repeated += 1
            continue
        found[key] = fields
        if method == "grid" and len(found) == cap:
            break
    return list(found.values()), repeated


def _joined(its: list[Parameter], draw: tuple[Any, ...], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """One config. A field that two parameters set is an error; those of the command line stand over all."""
    nested: dict[str, Any] = {}
    owner: dict[str, str] = {}
    for each, value in zip(its, draw, strict=True):
        for name, inner in _flat({each.name: value}).items():
            if (other := owner.setdefault(_thing(name), each.name)) != each.name:
                raise ConfigError(f"parameters.{other} and parameters.{each.name} both set {name}: leave one out.")
            config.put(nested, name, inner)
    for name, value in fixed.items():
        config.put(nested, name, value)
    return _flat(nested)


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in nested.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) and value else {prefix + name: value}
    return found


def _thing(name: str) -> str:
    """`cell` and `cell.type` are one field."""
    return name.removesuffix(".type")


def _holds_fields(each: Parameter) -> bool:
    values = each.options.get("values", [each.options.get("value")])
    return any(isinstance(value, Mapping) for value in values)


def _same(value: Any) -> Any:
    """3.0 and 3 make equal configs; true and 1 do not."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# ------------------------------------------------------------------------------------------------ the file


class _Loader(yaml.SafeLoader):
    """Plain values alone; a name that is given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge" and isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ConfigError(f"{key.value!r} is given twice, again in line {line}: leave one out.")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _load(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError("there is no such file: give a W&B sweep file.") from None
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror}): give a W&B sweep file.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 text (byte {error.start}): give a W&B sweep file.") from None
    try:
        raw = yaml.load(text, _Loader)
        json.dumps(raw, default=str)  # an alias inside of what it names has no end
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"is not YAML ({line}{' '.join(str(problem or error).split())}).") from None
    except (ValueError, TypeError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"is not plain YAML ({' '.join(str(error).split())}).") from None
    if raw is None:
        raise ConfigError("is empty: it needs method and parameters.")
    if not isinstance(raw, dict):
        raise ConfigError(f"must hold fields (method, parameters, ...), not {type(raw).__name__}.")
    return raw


def _check_keys(raw: Mapping[str, Any]) -> None:
    for key, value in raw.items():
        if key in ELSEWHERE.split():
            raise ConfigError(f"{key} is for W&B's server, nothing here can honour it: leave it out.")
        if key not in USED and key not in IGNORED:
            raise ConfigError(unknown("key", key, sorted((*USED, *IGNORED))))
        if not isinstance(value, IGNORED.get(key, object)):
            raise ConfigError(f"{key} = {value!r} must be {'a list' if IGNORED[key] is list else 'text'}.")
    if raw.get("kind", "sweep") != "sweep":
        raise ConfigError(f"kind = {raw['kind']!r} must be sweep.")
    controller = raw.get("controller", {"type": "local"})
    if controller not in ({"type": "local"}, {"type": "cloud"}):
        raise ConfigError(f"controller = {controller!r} must be type: local, or type: cloud, which is W&B's default.")


def _program(given: Any, own: str | None) -> str:
    path = PurePosixPath(given) if isinstance(given, str) else None
    if path is not None and own is not None and path.name == own:
        return own
    if path != PurePosixPath(PROGRAM):
        other = f" or {own}" if own else ""
        hint = " `ltd judge` runs a claim's." if path is not None and path.name == "claim.py" else ""
        raise ConfigError(f"program = {given!r} must be {PROGRAM}{other}: no other is run here.{hint}")
    return PROGRAM


def _metric(raw: Any) -> Metric:
    known = ("name", "goal", "target", "impute", "impute_while_running")  # the last two: of bayes alone
    if not isinstance(raw, Mapping) or not isinstance(raw.get("name"), str):
        raise ConfigError(f"metric = {raw!r} must hold its name, and its goal: minimize or maximize.")
    for key in raw:
        if key not in known:
            raise ConfigError(unknown("field", f"metric.{key}", [f"metric.{k}" for k in known if k != "target"]))
    if "target" in raw:
        raise ConfigError("metric.target ends a whole sweep, which nothing here does: leave it out.")
    goal = raw.get("goal", "minimize")
    if goal not in ("minimize", "maximize"):
        raise ConfigError(f"metric.goal = {goal!r} must be minimize or maximize.")
    return Metric(raw["name"], goal)
