"""Configuration: frozen dataclasses (see `ltd.settings`) decoded strictly; each field traced or static; a digest.

A *traced* field (learning rate, seed, clip threshold, rho) may differ between the lanes of one compiled program; every
other field is *static* and forces a new one. A `Choice` names a registered thing, or a user's `package.module:Class`,
and holds its options, which are decoded against the parameters of its constructor.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import importlib
import inspect
import json
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

SCALARS = (int, float, str, bool, type(None))


class ConfigError(ValueError):
    """A value that the user can mend: one line naming the value, the rule and the way out."""


def traced(default: Any) -> Any:
    """A dataclass field that may differ between the lanes of one program."""
    return field(default=default, metadata={"traced": True})


def unless(default: Any) -> Any:
    """A static field that is left out of a config, and so out of its digest, where it has its default.

    For what was added when runs already had their digests: a run that does not use it keeps its own.
    """
    return field(default=default, metadata={"unless": True})


def positive(owner: Any, *names: str) -> None:
    """Refuse fields that are given and not finite and above zero."""
    for name in names:
        value = getattr(owner, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} = {value} must be a finite number above 0.")


def finite(owner: Any, *names: str) -> None:
    """Refuse fields that are infinite or NaN."""
    for name in names:
        if not math.isfinite(getattr(owner, name)):
            raise ValueError(f"{name} = {getattr(owner, name)} must be finite.")


@dataclass(frozen=True)
class Choice:
    """A name in a registry (or `package.module:Class`) with the options that differ from its defaults."""

    type: str
    options: Mapping[str, Any] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------------ decoding


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """The sentence for a name that is not known: of a family such as `copy/...` its members, and the nearest one."""
    known = list(known)
    known = [each for each in known if each.startswith(str(name).partition("/")[0] + "/")] or known
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"no {kind} {str(name)!r}; known: {', '.join(known) or 'none'}.{hint}"


def resolve(name: str, registry: Mapping[str, Any], kind: str) -> Any:
    """The thing of that name: from the registry, or imported from `package.module:Attribute`."""
    if name in registry:
        return registry[name]
    module, colon, attribute = str(name).partition(":")
    if not colon:
        raise ConfigError(unknown(kind, name, registry) + " Your own: package.module:Class.")
    if module.endswith(".py") or "/" in module:
        stem = module.rpartition("/")[2].removesuffix(".py")
        raise ConfigError(
            f"{kind} {name!r} names a file, not a module: write {stem}:{attribute}, with its folder as the current one "
            "or on PYTHONPATH."
        )
    try:
        return functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    except (Exception, SystemExit) as error:  # whatever a user's module raises
        said = " ".join(str(error).split())
        if isinstance(error, ModuleNotFoundError):
            raise ConfigError(f"{kind} {name!r} cannot be imported ({said}); is its folder on PYTHONPATH?") from None
        raise ConfigError(f"{kind} {name!r} cannot be imported ({type(error).__name__}: {said}).") from None


def name_of(thing: Any) -> Any:
    """`module:Class` of a class or function; anything else as it is."""
    if not isinstance(thing, (type, types.FunctionType)):
        return thing
    if "<" in thing.__qualname__:
        raise ConfigError(f"{thing.__qualname__} cannot be imported by its name: define it at the top of a module.")
    return f"{thing.__module__}:{thing.__qualname__}"


def decode(cls: type, mapping: Any, where: str = "") -> Any:
    """A frozen dataclass from nested plain values. Unknown fields and wrong types are errors that show the way out."""
    import draccus

    if isinstance(mapping, str) and "type" in _names(cls):
        mapping = {"type": mapping}
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"{where or 'the config'} = {mapping!r} must hold fields: {', '.join(_names(cls))}.")
    hints = typing.get_type_hints(cls)
    defaults = {f.name: f.default for f in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for name, value in mapping.items():
        path = f"{where}.{name}" if where else str(name)
        if name not in _names(cls):
            raise ConfigError(unknown("field", path, [f"{where}.{n}" if where else n for n in _names(cls)]))
        kind = hints[name]
        optional = typing.get_args(kind)
        if value is None and type(None) not in optional and "none" in optional:
            value = "none"  # one of the words of a Literal, which the command line reads as null
        if kind is Choice or Choice in optional:
            absent = value is None and kind is not Choice
            values[name] = None if absent else _choice(value, path, defaults[name])
        elif dataclasses.is_dataclass(kind):
            values[name] = decode(typing.cast(type, kind), value, path)
        elif isinstance(value, bool) and bool not in (kind, *typing.get_args(kind)):
            raise ConfigError(f"{path} = {value}: must be {words(kind)}.")
        else:
            try:
                values[name] = draccus.decode(kind, value)
            except Exception:  # draccus raises several kinds; all mean that the value does not fit
                raise ConfigError(f"{path} = {value!r}: must be {words(kind)}.") from None
    with explained(where):
        return cls(**values)


class explained:
    """Within this block a ValueError, TypeError or KeyError is the user's: it becomes a one-line ConfigError."""

    def __init__(self, where: str = ""):
        self.where = where

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, ConfigError) or not isinstance(error, (ValueError, TypeError, KeyError)):
            return False
        words = " ".join(str(error.args[0] if error.args else error).split())
        raise ConfigError(f"{self.where}: {words}" if self.where else words) from error


def _choice(value: Any, path: str, default: Any) -> Choice:
    """Options given without a type belong to the default's. A class or a function stands for its name."""
    value = name_of(value)
    if isinstance(value, (str, Choice)):
        return Choice(value) if isinstance(value, str) else value
    kept = default.type if isinstance(default, Choice) else None
    kind = name_of(value.get("type", kept)) if isinstance(value, Mapping) else None
    if not isinstance(kind, str):
        raise ConfigError(f"{path} = {value!r} must name its type: --{path}.type=NAME.")
    return Choice(kind, {k: v for k, v in value.items() if k != "type"})


def _names(cls: type) -> list[str]:
    return [f.name for f in dataclasses.fields(cls) if f.init]


def words(kind: Any) -> str:
    """A type in words."""
    if typing.get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, typing.get_args(kind)))
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return " or ".join(words(k) for k in typing.get_args(kind))
    return {int: "a whole number", float: "a number", bool: "true or false", type(None): "null", str: "text"}.get(
        kind, str(kind)
    )


@functools.cache
def options_of(constructor: Callable, given: tuple[str, ...] = ()) -> type:
    """A dataclass whose fields are the constructor's parameters that a user may set: the plain ones not `given`.

    Where the constructor is a dataclass itself, they keep what its fields say of themselves (see `unless`).
    """
    whole = constructor.func if isinstance(constructor, functools.partial) else constructor
    function = whole.__init__ if inspect.isclass(whole) else whole
    parameters = inspect.signature(function).parameters
    names = [name for name in parameters if name != "self"]
    bound, preset = {"self", *given}, {}
    if isinstance(constructor, functools.partial):
        bound |= set(names[: len(constructor.args)])
        preset = constructor.keywords
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError):
        hints = {}
    fields: list[Any] = []
    said = {f.name: f.metadata for f in dataclasses.fields(whole)} if dataclasses.is_dataclass(whole) else {}
    for name, parameter in parameters.items():
        if name in bound or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = preset.get(name, parameter.default)
        missing = default is inspect.Parameter.empty
        kind = hints.get(name, str if missing else type(default))
        if _plain(kind):
            fields.append((name, kind) if missing else (name, kind, field(default=default, metadata=said.get(name))))
    fields.sort(key=len)  # dataclasses want fields without a default first
    return dataclasses.make_dataclass(f"{whole.__name__}Options", fields, frozen=True)


def _plain(kind: Any) -> bool:
    if typing.get_origin(kind) is Literal:
        return True
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return all(_plain(k) for k in typing.get_args(kind))
    return kind in SCALARS or kind is Choice


def call(constructor: Callable, choice: Choice, where: str, given: tuple[str, ...] = ()) -> dict[str, Any]:
    """All options of a choice, defaults filled in but for those of `unless`, checked against the parameters."""
    if not callable(constructor):
        raise ConfigError(f"{where} {choice.type!r} is no class: it is {constructor!r}.")
    cls = options_of(constructor, given)
    required = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
    for name in required:
        if name not in choice.options:
            raise ConfigError(f"{where} {choice.type!r} needs --{where}.{name}=...")
    decoded = decode(cls, choice.options, where)
    values = {f.name: getattr(decoded, f.name) for f in dataclasses.fields(cls) if f.name in plain(decoded)}
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{where}.{name} = {value} must be finite.")
    return values


# ------------------------------------------------------------------------------------------------ command line


def parse(arguments: Sequence[str]) -> dict[str, Any]:
    """`--a.b=c` (or `--a.b c`) as nested mappings. Values are YAML scalars, and numbers such as 1e-3 are numbers."""
    nested: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or len(word) == 2:
            raise ConfigError(f"{word!r} is not a field: fields are written --name=value.")
        name, equals, value = word[2:].partition("=")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise ConfigError(f"--{name} has no value: write --{name}=value.")
            value = rest.pop(0)
        put(nested, name, scalar(value))
    return nested


def put(nested: dict[str, Any], dotted: str, value: Any) -> None:
    """Set a dotted name in nested mappings. `cell=lstm` means `cell.type=lstm`."""
    *path, last = dotted.split(".")
    here = nested
    for part in path:
        if not isinstance(here.setdefault(part, {}), dict):
            here[part] = {"type": here[part]}
        here = here[part]
    if isinstance(here.get(last), dict) and not isinstance(value, Mapping):
        here, last = here[last], "type"
    here[last] = value


def scalar(text: str) -> Any:
    """A value of the command line: null, true, false, a whole number, a number, `{...}`, or the text itself.

    `{...}` is a mapping in YAML, or as Python writes it: so `wandb agent` renders a nested parameter.
    """
    if text.startswith("{"):
        return _mapping(text)
    words = {"null": None, "none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _mapping(text: str) -> dict[str, Any]:
    import yaml

    def plainly(value: Any) -> Any:
        if isinstance(value, Mapping):
            if not all(isinstance(name, str) for name in value):
                raise ConfigError(f"{text!r} is not a mapping of names to values: write {{type: elman, hidden: 3}}.")
            return {name: plainly(inner) for name, inner in value.items()}
        return scalar(value) if isinstance(value, str) else value  # YAML reads 1e-3 and None as text

    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError:
        read = None
    if not isinstance(read, dict):
        raise ConfigError(f"{text!r} begins like a mapping and is none: write {{type: elman, hidden: 3}}.")
    return plainly(read)


def numbers(value: Any, name: str) -> list[float]:
    """A list of numbers from `0.5,0.9,1.0` or a single one."""
    try:
        return [float(v) for v in str(value).split(",")]
    except ValueError:
        raise ConfigError(f"{name} = {value!r}: must be numbers separated by commas.") from None


def lengths(text: Any, name: str) -> list[int]:
    """The lengths of `50,100,200`, of `41..500` (both ends included) or of `41..500..20` (every twentieth)."""
    found: list[int] = []
    for word in str(text).split(","):
        ends = word.strip().split("..")
        if not all(end.isdecimal() for end in ends) or len(ends) > 3 or (len(ends) == 3 and int(ends[2]) < 1):
            raise ValueError(f"{name} = {text!r} must be lengths such as 50,100,200 or 41..500 or 41..500..20.")
        first, last, step = int(ends[0]), int(ends[min(1, len(ends) - 1)]), int(ends[2]) if len(ends) == 3 else 1
        if last < first:
            raise ValueError(f"{name} = {text!r}: {last} must not be below {first}.")
        found += range(first, last + 1, step)
    return sorted(set(found))


# ------------------------------------------------------------------------------------------------ identity


def plain(config: Any, whole: bool = False) -> dict[str, Any]:
    """Nested plain values, a choice as its options beside its `type`.

    Without fields that are left out at their default (see `unless`), except in the `whole` of it.
    """
    if isinstance(config, Choice):
        return {"type": config.type, **{k: plain(v) if isinstance(v, Choice) else v for k, v in config.options.items()}}
    return {
        f.name: plain(v, whole) if dataclasses.is_dataclass(v) else v
        for f in dataclasses.fields(config)
        if (v := getattr(config, f.name)) != f.default or whole or not f.metadata.get("unless")
    }


def digest(config: Any) -> str:
    """Twelve hexadecimal digits that name a config: equal configs, and only those, have equal digests."""
    values = config if isinstance(config, Mapping) else plain(config)
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def split(config: Any, prefix: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """(static, traced): dotted name -> value. A traced field that is off (None) is static: it changes the program."""
    static: dict[str, Any] = {}
    moving: dict[str, Any] = {}
    for f in dataclasses.fields(config):
        value, name = getattr(config, f.name), prefix + f.name
        if isinstance(value, Choice):
            static[name] = plain(value)
        elif dataclasses.is_dataclass(value):
            inner_static, inner_moving = split(value, name + ".")
            static |= inner_static
            moving |= inner_moving
        elif f.metadata.get("traced") and value is not None:
            moving[name] = value
        else:
            static[name] = value
    return static, moving


def overlay(config: Any, moving: Mapping[str, Any]) -> Any:
    """The config with its traced fields replaced by values that may be tracers, and so are not checked again."""
    seen = object.__new__(type(config))
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        inner = {k.removeprefix(f.name + "."): v for k, v in moving.items() if k.startswith(f.name + ".")}
        value = overlay(value, inner) if inner else moving.get(f.name, value)
        object.__setattr__(seen, f.name, value)
    return seen
