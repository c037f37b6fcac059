"""Settings are decoded strictly, say what is wrong with them, and are named by what they hold."""

import dataclasses
import inspect
import json
import subprocess
import sys

import jax
import pytest

from ltd import config, settings
from ltd.config import Choice, ConfigError, decode, digest, overlay, parse, plain, split
from ltd.settings import NEWTON, Gradient, Initial, Measure, Optimizer, Plan, Regularizer, Run, Train

FULL = Run(
    task=Choice("adding/bai2018", {"length": 30}),
    cell=Choice("elman", {"hidden": 8, "activation": "relu"}),
    plan=Plan("chunked", 5),
    initial=Initial("noise", 0.1),
    optimizer=Optimizer("rmsprop", 1e-2, clip_norm=1.0, nonfinite="skip"),
    train=Train(steps=10, stop=False),
    rho=0.9,
    seed=7,
    precision="float64",
)
CONFIGS = [Run(), FULL, Measure(), Measure(Choice("gradient"), task=Choice("parity/arora2024", {"bits": 5}), sigma=1.1)]


def wrong(cls, fields, words):
    with pytest.raises(ConfigError, match=words) as error:
        decode(cls, fields)
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------------------------------------- decoding


@pytest.mark.parametrize("one", CONFIGS)
def test_round_trip(one):
    assert decode(type(one), plain(one)) == one
    written = json.loads(json.dumps(plain(one)))
    assert decode(type(one), written) == one
    assert digest(decode(type(one), written)) == digest(one)


def test_defaults_are_filled_in():
    assert decode(Run, {}) == Run()
    assert decode(Run, {"optimizer": {"learning_rate": 0.1}}).optimizer == Optimizer(learning_rate=0.1)


def test_unknown_fields_list_the_known():
    wrong(Run, {"sed": 1}, r"no field 'sed'; known: task, cell, net, plan, .*seed.* Did you mean 'seed'\?")
    wrong(
        Run,
        {"optimizer": {"lr": 1}},
        r"no field 'optimizer\.lr'; known: optimizer\.type, optimizer\.learning_rate",
    )
    wrong(Run, {"train": {"step": 1}}, r"no field 'train\.step'.* Did you mean 'train\.steps'\?")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seed": "many"}, "seed = 'many': must be a whole number"),
        ({"seed": 1.5}, "seed = 1.5: must be a whole number"),
        ({"seed": True}, "seed = True: must be a whole number"),
        ({"rho": "big"}, "rho = 'big': must be a number or null"),
        ({"rho": True}, "rho = True: must be a number or null"),
        ({"rho": [1.0]}, r"rho = \[1.0\]: must be a number or null"),
        ({"train": {"stop": "perhaps"}}, r"train\.stop = 'perhaps': must be true or false"),
        ({"train": 5}, "train = 5 must hold fields: steps, batch"),
        ({"precision": "float16"}, "precision = 'float16': must be one of float32, float64, tensorfloat32"),
        ({"cell": 3}, r"cell = 3 must name its type: --cell\.type=NAME"),
        ({"cell": {"type": 3}}, r"must name its type: --cell\.type=NAME"),
        ({"optimizer": {"nonfinite": "ignore"}}, "must be one of stop, skip, pascanu2013"),
    ],
)
def test_wrong_types_say_what_is_wanted(fields, words):
    wrong(Run, fields, words)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seed": -1}, r"seed = -1 must lie in \[0, 2\*\*32\)"),
        ({"seed": 2**32}, r"must lie in \[0, 2\*\*32\)"),
        ({"rho": 0.0}, "rho = 0.0 must be a finite number above 0"),
        ({"rho": float("inf")}, "rho = inf must be a finite number above 0"),
        ({"rho": 1.0, "sigma": 1.0}, "rho = 1.0 and sigma = 1.0 rescale the same blocks: give one of them"),
        ({"train": {"batch": 0}}, "train: batch = 0 must be a finite number above 0"),
        ({"plan": {"chunk": -2}}, "plan: chunk = -2 must be"),
        ({"optimizer": {"learning_rate": -0.1}}, "optimizer: learning_rate = -0.1 must not be below 0"),
        ({"optimizer": {"momentum": 1.0}}, r"optimizer: momentum = 1.0 must lie in \[0, 1\)"),
        ({"optimizer": {"clip_norm": 0}}, "optimizer: clip_norm = 0.0 must be"),
        ({"initial": {"type": "noise"}}, "initial: value = 0.0 must be above 0"),
    ],
)
def test_impossible_values_say_why(fields, words):
    wrong(Run, fields, words)


def test_a_choice_is_a_name_or_a_name_with_options():
    assert decode(Run, {"cell": "elman"}).cell == Choice("elman")
    assert decode(Run, {"cell": {"type": "elman", "hidden": 3}}).cell == Choice("elman", {"hidden": 3})
    assert decode(Run, {"cell": {"hidden": 3}}).cell == Choice(Run().cell.type, {"hidden": 3})
    assert decode(Measure, {"task": "parity/arora2024"}).task == Choice("parity/arora2024")
    assert decode(Measure, {"task": None}).task is None
    wrong(Measure, {"task": {"bits": 3}}, r"task = \{'bits': 3\} must name its type")
    assert decode(Run, {"plan": "stepwise"}).plan == Plan("stepwise")


def cell(key, inputs, *, depth: int, width: int = 4, rate: float = 0.5, name: str = "x", hook=print, **rest):
    """A constructor with a required option, plain ones, and one that no user may set."""


def test_options_are_checked_against_the_constructor():
    def options(**given):
        return config.call(cell, Choice("mine", given), "cell", given=("key", "inputs"))

    assert options(depth=2) == {"depth": 2, "width": 4, "rate": 0.5, "name": "x"}
    assert options(depth=2, rate=1)["rate"] == 1.0
    for given, words in [
        ({}, r"cell 'mine' needs --cell\.depth=\.\.\."),
        ({"depth": 2.5}, r"cell\.depth = 2\.5: must be a whole number"),
        ({"depth": 2, "deep": 3}, r"no field 'cell\.deep'; known: .*cell\.depth"),
        ({"depth": 2, "hook": "len"}, r"no field 'cell\.hook'"),
        ({"depth": 2, "key": 3}, r"no field 'cell\.key'"),
    ]:
        with pytest.raises(ConfigError, match=words):
            options(**given)


def test_names_are_found_in_the_registry_or_imported(tmp_path, monkeypatch):
    assert config.resolve("a", {"a": 1}, "cell") == 1
    assert config.resolve("math:pi", {"a": 1}, "cell") == pytest.approx(3.14159265)
    (tmp_path / "broken_by_itself.py").write_text("import not_there_at_all\n")
    (tmp_path / "bad_syntax.py").write_text("class Cell(:\n")
    (tmp_path / "bad_name.py").write_text("nothing\n")
    (tmp_path / "bad_exit.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name, words in [
        ("aa", r"no cell 'aa'; known: a\. Did you mean 'a'\? Your own: package\.module:Class"),
        ("no_such_module:Cell", r"cell 'no_such_module:Cell' cannot be imported \(No module named 'no_such_module'\)"),
        ("math:tau_squared", r"cannot be imported \(AttributeError: .*tau_squared.*\)\.$"),
        ("broken_by_itself:Cell", r"cannot be imported \(No module named 'not_there_at_all'\)"),
        (":Cell", "cannot be imported"),
        (
            "./my_cell.py:Residual",
            r"names a file, not a module: write my_cell:Residual, with its folder as the current",
        ),
        ("my_cell.py:Residual", r"names a file, not a module: write my_cell:Residual, with its folder as the current"),
        ("..cells:Residual", r"cannot be imported \(TypeError: "),
        ("bad_syntax:Cell", r"cannot be imported \(SyntaxError: .*bad_syntax\.py, line 1\)\)\.$"),
        ("bad_name:Cell", r"cannot be imported \(NameError: name 'nothing' is not defined\)\.$"),
        ("bad_exit:Cell", r"cannot be imported \(SystemExit: 3\)\.$"),
    ]:
        with pytest.raises(ConfigError, match=words) as error:
            config.resolve(name, {"a": 1}, "cell")
        assert "\n" not in str(error.value)


def test_a_class_or_a_function_stands_for_its_name():
    from ltd.cells.elman import Elman

    for fields in ({"cell": Elman}, {"cell": {"type": Elman}}):
        assert decode(Run, fields) == decode(Run, {"cell": "ltd.cells.elman:Elman"})
    assert config.resolve(config.name_of(Elman), {}, "cell") is Elman
    assert decode(Run, {"cell": digest}).cell == Choice("ltd.config:digest")

    class Inside: ...

    with pytest.raises(ConfigError, match="define it at the top of a module"):
        decode(Run, {"cell": Inside})


def test_errors_of_the_user_become_one_line():
    with pytest.raises(ConfigError, match=r"^cell: two words$"), config.explained("cell"):
        raise KeyError("two\n   words")
    with pytest.raises(ConfigError, match=r"^kept$"), config.explained("cell"):
        raise ConfigError("kept")
    with pytest.raises(ZeroDivisionError), config.explained("cell"):
        1 / 0


# ------------------------------------------------------------------------------------------------ command line


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ([], {}),
        (["--seed=3"], {"seed": 3}),
        (["--seed", "3"], {"seed": 3}),
        (["--cell=lstm"], {"cell": "lstm"}),
        (["--cell=lstm", "--cell.hidden=4"], {"cell": {"type": "lstm", "hidden": 4}}),
        (["--cell.hidden=4", "--cell=lstm"], {"cell": {"type": "lstm", "hidden": 4}}),
        (["--cell.type=a.b:C", "--cell.hidden=4"], {"cell": {"type": "a.b:C", "hidden": 4}}),
        (["--optimizer.learning_rate=1e-3"], {"optimizer": {"learning_rate": 0.001}}),
        (["--a=-2", "--b=-1.5"], {"a": -2, "b": -1.5}),
        (["--a=null", "--b=none", "--c=true", "--d=False"], {"a": None, "b": None, "c": True, "d": False}),
        (["--out=runs/x=y"], {"out": "runs/x=y"}),
        (["--name="], {"name": ""}),
        (["--a=1", "--a=2"], {"a": 2}),
        (["--task={'type': 'x/y', 'gap': 2}", "--task.gap=3"], {"task": {"type": "x/y", "gap": 3}}),
        (
            ["--o={'rate': 1e-05, 'clip': None, 'stop': True, 'in': {'b': \"it's\"}}"],
            {"o": {"rate": 1e-5, "clip": None, "stop": True, "in": {"b": "it's"}}},
        ),
        (["--o={type: rmsprop, decay: 0.9}", "--p={}"], {"o": {"type": "rmsprop", "decay": 0.9}, "p": {}}),
    ],
)
def test_parse(words, fields):
    assert parse(words) == fields


def test_numbers_with_exponents_are_numbers():
    for text in ("1e-3", "1E-3", "1.0e-3", "0.001"):
        value = parse([f"--x={text}"])["x"]
        assert isinstance(value, float)
        assert value == 0.001
    assert decode(Run, parse(["--optimizer.learning_rate=1e-3", "--rho=1"])).optimizer.learning_rate == 1e-3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed"], "--seed has no value: write --seed=value"),
        (["--seed", "--rho=1"], "--seed has no value: write --seed=value"),
        (["seed=1"], "'seed=1' is not a field: fields are written --name=value"),
        (["--seed=1", "stray"], "'stray' is not a field"),
        (["--"], "'--' is not a field"),
        (["--task={'type': 'x'"], "begins like a mapping and is none"),
        (["--task={a: 1}}"], "begins like a mapping and is none"),
        (["--task={a: !!python/name:os.system }"], "begins like a mapping and is none"),
        (["--task={1: 2}"], "is not a mapping of names to values"),
    ],
)
def test_parse_refuses(words, message):
    with pytest.raises(ConfigError, match=message):
        parse(words)


def test_lists_of_numbers():
    assert config.numbers("0.5,0.9,1", "rho") == [0.5, 0.9, 1.0]
    assert config.numbers(0.5, "rho") == [0.5]
    with pytest.raises(ConfigError, match=r"rho = '0\.5;1': must be numbers separated by commas"):
        config.numbers("0.5;1", "rho")


# ---------------------------------------------------------------------------------------------------- identity


def variations(one, prefix=""):
    """The config with each of its fields changed, by dotted name."""
    other = {int: 11, float: 0.37, bool: None, str: "else"}
    for f in dataclasses.fields(one):
        value = getattr(one, f.name)
        if isinstance(value, Choice):
            yield prefix + f.name, dataclasses.replace(one, **{f.name: Choice(value.type, {"x": 1})})
        elif dataclasses.is_dataclass(value):
            for name, inner in variations(value, f"{prefix}{f.name}."):
                yield name, dataclasses.replace(one, **{f.name: inner})
        else:
            new = (not value) if isinstance(value, bool) else other.get(type(value), 0.73)
            known = {
                "nonfinite": "skip",
                "precision": "tensorfloat32",
                "probe": "gradient",
                "sigma": None,
                "lengths": "7",
            }
            new = known.get(f.name, new)
            if f.name == "type" and isinstance(one, Initial):
                new = "learned"
            if f.name == "value":
                one = Initial("constant")
            if f.name in ("curriculum", "shortest"):
                one, new = Train(curriculum="uniform", shortest=3), "growing" if f.name == "curriculum" else 5
            if isinstance(one, Gradient):
                one, new = (one, "hs97") if f.name == "type" else (Gradient("truncated", 2, 5), 3)
            if f.name == "variant":
                one, new = Regularizer(omega=1.0), "paper"
            if f.name in NEWTON:
                one, new = Plan("newton"), "diagonal" if f.name == "jacobian" else new
            if new != value:
                yield prefix + f.name, dataclasses.replace(one, **{f.name: new})


def test_every_field_is_part_of_the_digest():
    changed = dict(variations(Run()))
    assert {"seed", "task", "optimizer.clip_norm", "initial.value", "train.stop", "plan.chunk", "rho"} <= set(changed)
    names = {name: digest(one) for name, one in changed.items()}
    assert len({digest(Run()), *names.values()}) == len(names) + 1


def test_a_digest_depends_on_values_alone():
    assert digest(Run(seed=3)) == digest(decode(Run, {"seed": 3}))
    one, other = {"hidden": 3, "init": "identity"}, {"init": "identity", "hidden": 3}
    assert digest(Run(cell=Choice("elman", one))) == digest(Run(cell=Choice("elman", other)))
    assert digest(Run()) == digest(plain(Run()))
    assert len(digest(Run())) == 12
    program = "from ltd.config import digest; from ltd.settings import Run; print(digest(Run(seed=3)))"
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert elsewhere.stdout.strip() == digest(Run(seed=3))


def test_split_parts_what_lanes_may_share():
    static, moving = split(FULL)
    assert moving == {
        "optimizer.learning_rate": 1e-2, "optimizer.momentum": 0.9, "optimizer.decay": 0.9,
        "optimizer.clip_norm": 1.0, "rho": 0.9, "seed": 7,
    }  # fmt: skip
    assert static["cell"] == {"type": "elman", "hidden": 8, "activation": "relu"}
    assert static["train.steps"] == 10
    assert static["optimizer.clip_value"] is None  # off, which is another program
    assert not set(static) & set(moving)
    assert split(Run(seed=1, rho=0.5))[0] == split(Run(seed=2, rho=0.6))[0]
    assert split(Run(rho=0.5))[0] != split(Run())[0]


def test_every_field_is_either_static_or_traced():
    for name, one in variations(Run()):
        static, moving = split(one)
        before = split(Run())
        assert (static, moving) != before, name
        assert name in {**static, **moving}


def test_overlay_puts_traced_values_back():
    moving = split(FULL)[1]
    assert plain(overlay(FULL, moving)) == plain(FULL)
    seen = overlay(FULL, {"seed": 8, "optimizer.learning_rate": -5.0})  # tracers cannot be checked
    assert (seen.seed, seen.optimizer.learning_rate, seen.optimizer.clip_norm) == (8, -5.0, 1.0)
    assert FULL.seed == 7
    assert jax.jit(lambda rho: overlay(FULL, {"rho": rho}).rho * 2)(0.5) == 1.0


def test_every_setting_is_frozen_and_explained():
    for name, cls in inspect.getmembers(settings, dataclasses.is_dataclass):
        assert cls.__doc__ and not cls.__doc__.startswith(f"{name}("), name
        assert cls.__dataclass_params__.frozen, name
        assert hash(cls) is not None
