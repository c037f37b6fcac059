"""A probe attached to training: what it stores, what it costs, and that it changes nothing."""

import json

import jax
import numpy as np
import pytest

from experiments.cli import main
from ltd import attached, config, launch, results
from ltd.block import Block
from ltd.config import ConfigError
from ltd.model import load, make_task
from ltd.probes import PROBES
from ltd.settings import Run
from ltd.train import EVAL_SEED, Trainer

FIELDS = {
    "task": {"type": "copy/arjovsky2016", "gap": 3, "pattern": 1, "symbols": 2},
    "cell": {"type": "elman", "hidden": 4},
    "train": {"steps": 20, "batch": 4, "eval_every": 5, "eval_batch": 8, "stop": False},
}
PROBE = {"type": "gradient", "every": 10, "batch": 3}


def runs_of(seeds=2, probe=PROBE, **fields):
    given = {**FIELDS, **fields, **({} if probe is None else {"probe": probe})}
    return launch.seeds_of(launch.configure(Run, given), seeds)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    out = tmp_path_factory.mktemp("watched")
    return launch.run(runs_of(), out)


def test_without_a_probe_a_run_is_the_run_it_was():
    """Its digest was taken before runs could have a probe; one that is null is none."""
    assert config.digest(Run()) == "438e7ce62796"
    (one,) = runs_of(1, None)
    assert "probe" not in config.plain(one)
    assert config.digest(launch.configure(Run, {**FIELDS, "probe": None})) == config.digest(one)
    digests = [config.digest(run) for probe in (PROBE, {**PROBE, "every": 5}) for run in runs_of(1, probe)]
    assert len({config.digest(one), *digests}) == 3
    assert config.decode(Run, config.plain(runs_of(1)[0])) == runs_of(1)[0]


def test_it_looks_when_it_is_due_and_stores_float32_without_samples(watched):
    for record in watched:
        seen = results.read_looks(record.folder)
        assert seen["update"].tolist() == [0, 10, 20]
        steps = make_task(config.Choice(FIELDS["task"]["type"], {"gap": 3, "pattern": 1, "symbols": 2})).steps
        assert seen["adjoint_log10"].shape == (3, steps) and seen.axes["adjoint_log10"] == ("update", "lag")
        assert {a.dtype.name for n, a in seen.arrays.items() if n != "update"} == {"float32"}
        assert seen.facts["probe"] == PROBE
        assert results.names_of(seen) == ["adjoint_log10", "adjoint_h_log10"]


def test_the_last_look_is_the_probe_on_the_final_network(watched):
    """By the public road: load the network, sample the same sequences, take the median."""
    record = watched[1]
    model, run, task = load(record.folder)
    watch = attached.Watch(Trainer(run, task))
    key = attached.stream(jax.random.key(EVAL_SEED), "attached probe")
    curves = PROBES["gradient"](model, key, task.sample(attached.stream(key, "data"), 3), task)
    seen = results.read_looks(record.folder)
    np.testing.assert_allclose(seen["adjoint_log10"][-1], np.median(curves["adjoint_log10"], axis=-1), atol=1e-4)
    assert np.abs(seen["adjoint_log10"][-1] - seen["adjoint_log10"][0]).max() > 1e-3
    assert watch.due(10) and not watch.due(15)


def test_training_is_the_same_with_and_without(watched, tmp_path):
    for record, plain in zip(watched, launch.run(runs_of(probe=None), tmp_path), strict=True):
        assert record.metrics() == plain.metrics()
        assert not (plain.folder / results.LOOKS).exists()


def test_its_cost_is_in_the_summary(watched):
    for record in watched:
        summary = json.loads((record.folder / "summary.json").read_text())
        looks = results.read_looks(record.folder)["seconds"]
        assert summary["probe_seconds"] == pytest.approx(looks.sum(), abs=1e-3)
        assert record.times["probe_seconds"] == summary["probe_seconds"] and np.all(looks > 0)


class Killed(BaseException):
    """As a SIGKILL: nothing catches it."""


POINTS = [
    (results, "save", 1),  # looks and records are ahead of the checkpoint
    (results, "save", 3),
    (Block, "advance", 1),  # after the look at update 0
    (Block, "advance", 4),
    (results.Looks, "add", 1),
    (results.Looks, "add", 4),  # one run of the block has been looked at, the other not
]


@pytest.mark.parametrize(("owner", "name", "at"), POINTS, ids=[f"{name} {at}" for _, name, at in POINTS])
def test_a_kill_loses_no_look_and_repeats_none(owner, name, at, watched, tmp_path, monkeypatch):
    calls, real = [], getattr(owner, name)

    def deadly(*words, **named):
        calls.append(1)
        if len(calls) == at:
            raise Killed
        return real(*words, **named)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, deadly)
        with pytest.raises(Killed):
            launch.run(runs_of(), tmp_path)
    records = launch.run(runs_of(), tmp_path)
    for record, whole in zip(records, watched, strict=True):
        assert record.metrics() == whole.metrics()
        mine, theirs = (results.read_looks(r.folder) for r in (record, whole))
        for array in ("update", "adjoint_log10", "adjoint_h_log10"):
            np.testing.assert_array_equal(mine[array], theirs[array])


@pytest.mark.parametrize("damage", ["cut off", "gone"])
def test_a_damaged_file_of_looks_makes_the_run_start_over(damage, tmp_path, monkeypatch):
    """While it is under way; a finished run that lost its looks is run again too."""
    runs = runs_of(1)
    calls, save = [], results.save

    def killed(*words):
        save(*words)
        calls.append(1)
        if len(calls) == 3:
            raise Killed

    def spoil():
        (path,) = tmp_path.glob("*/" + results.LOOKS)
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:100])

    with monkeypatch.context() as patch:
        patch.setattr(results, "save", killed)
        with pytest.raises(Killed):
            launch.run(runs, tmp_path)
    spoil()
    said = []
    (record,) = launch.run(runs, tmp_path, warn=said.append)
    assert len(said) == 1 and "it starts over" in said[0] and "probe" in said[0]
    assert results.read_looks(record.folder)["update"].tolist() == [0, 10, 20]
    spoil()
    assert results.finished(tmp_path, runs[0]) is None
    with pytest.raises(ConfigError, match="corrupt" if damage == "cut off" else "has no probe.npz"):
        results.read_looks(record.folder)


def test_logarithms_are_medians_and_other_things_means():
    nan = np.nan
    arrays = {
        "x_log10": np.array([[-np.inf, -np.inf, -2, -1], [nan, 1, 2, 9], [nan] * 4]),
        "share": np.eye(2),
        "rho": 3.0,
    }
    axes = {"x_log10": ("lag", "sample"), "share": ("sample", "rank"), "rho": ()}
    curves = attached.compact(arrays, axes)
    np.testing.assert_array_equal(curves["x_log10"], [-np.inf, 2, nan])
    np.testing.assert_array_equal(curves["share"], [0.5, 0.5])
    assert curves["rho"] == 3 and curves.axes == {"x_log10": ("lag",), "share": ("rank",), "rho": ()}


@pytest.mark.parametrize("name", sorted(set(PROBES) - {"gradient"}))
def test_every_probe_can_be_attached_and_drawn(name, tmp_path, capsys):
    words = ["run", *_words(FIELDS), f"--probe.type={name}", "--probe.every=10", "--probe.batch=4", f"--out={tmp_path}"]
    assert main([*words, *(["--probe.lags=2"] if name == "memory" else [])]) == 0
    assert f"probe {name}: " in capsys.readouterr().out
    assert main(["plot", str(tmp_path)]) == 0
    assert {f"probe_{name}.{kind}" for kind in ("png", "svg", "csv")} <= {p.name for p in tmp_path.iterdir()}
    (folder,) = (p.parent for p in tmp_path.glob("*/" + results.LOOKS))
    seen = results.read_looks(folder)
    assert "singular_log10" not in seen.arrays, "too large to be kept at every look"
    main_array = {"jacobian": "jacobian_log10", "saturation": "h/saturated", "spectrum": "U/rho"}.get(name, name)
    rows = (tmp_path / f"probe_{name}.csv").read_text().splitlines()
    assert np.isfinite(seen[main_array]).any() and len(rows) > 3


def test_a_sweep_attaches_it_too(tmp_path):
    parameters = {name: {"value": value} for name, value in _flat({**FIELDS, "probe": PROBE})}
    parameters["seed"] = {"values": [0, 1]}
    (tmp_path / "sweep.yaml").write_text(json.dumps({"method": "grid", "parameters": parameters}))
    assert main(["sweep", str(tmp_path / "sweep.yaml"), f"--out={tmp_path / 'out'}"]) == 0
    files = sorted((tmp_path / "out").glob("*/" + results.LOOKS))
    assert len(files) == 2 and {path.parent.name for path in files} == {config.digest(run) for run in runs_of()}


REFUSED = {
    "--probe.type=gradeint": "no probe 'gradeint'; known: gradient, jacobian, lyapunov",
    "--probe.type=gradient --probe.every=0": "every = 0 must be at least 1",
    "--probe.type=gradient --probe.every=7": "probe.every = 7 must be a multiple of train.eval_every = 5",
    "--probe.type=gradient --probe.every=often": "probe.every = 'often': must be a whole number",
    "--probe.type=gradient --probe.evry=5": "Did you mean 'probe.every'?",
    "--probe.type=gradient --probe.leading=5": "no field 'probe.leading'; known: probe.every, probe.batch.",
    "--probe.every=10": "must name its type",
    "--probe.type=lyapunov --probe.every=10 --probe.leading=0": "leading = 0",
    "--probe.type=memory --probe.every=10 --probe.batch=1": "batch = 1",
    "--probe.type=spectrum --probe.every=10 --cell.type=lru": "LRU names no recurrent block",
    "--probe.type=lyapunov --probe.every=10 --net.type=bidirectional": "needs a state between steps",
}


@pytest.mark.parametrize("options", REFUSED)
def test_bad_input_is_one_line_and_exit_code_2(options, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", *_words(FIELDS), *options.split()]) == 2
    out, err = capsys.readouterr()
    assert REFUSED[options] in err and err.count("\n") == 1 and out == ""
    assert list(tmp_path.iterdir()) == []


def _flat(nested, prefix=""):
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _words(fields):
    return [f"--{name}={value}" for name, value in _flat(fields)]
