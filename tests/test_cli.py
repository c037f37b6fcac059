"""The command: what it prints, what it refuses, and that it refuses in one line."""

import importlib.metadata
import json
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import numpy as np
import pytest

import ltd
from experiments.cli import main
from ltd import config, launch, runtime
from ltd.settings import Run

ROOT = Path(__file__).parents[1]
TINY = (
    "--task.type=copy/arjovsky2016 --task.gap=2 --task.pattern=1 --task.symbols=2 --cell.hidden=3 "
    "--train.steps=6 --train.batch=4 --train.eval_every=3 --train.eval_batch=8"
).split()

REFUSED = {
    "run --cell.hiden=3": "no field 'cell.hiden'; known: cell.hidden",
    "run --nonsense=3": "no field 'nonsense'",
    "run --cell=lsmt": "Did you mean 'lstm'?",
    "run --cell.type=elman --cell.hidden=0": "hidden = 0 must be at least 1",
    "run --cell.hidden=wide": "cell.hidden = 'wide': must be a whole number",
    "run --cell.hidden=true": "must be a whole number",
    "run --cell.type=elman --cell.activation=foo": "no activation 'foo'",
    "run --cell.type=elman --cell.init=foo": "no initializer 'foo'",
    "run --cell.type=nopkg:Cell": "cannot be imported",
    "run --cell.type=flax.nnx:Linear": "has no method initial_state",
    "run --cell.type=flax.nnx:LSTMCell --rho=1": "LSTMCell names no recurrent block",
    "run --task=copi/arjovsky2016": "no task",
    "run --task.type=induction": "no task 'induction'; known: induction/gu2023. Did you mean",
    "run --task.type=induction/gu2022": "known: induction/gu2023. Did you mean 'induction/gu2023'?",
    "run --task.gap=-1": "gap = -1",
    "run --task.type=adding/arjovsky2016 --task.length=0": "length = 0",
    "run --rho=-1": "rho = -1.0 must be a finite number above 0",
    "run --rho=nan": "rho = nan",
    "run --rho=1 --sigma=1": "give one of them",
    "run --train.steps=0": "steps = 0",
    "run --train.steps=1.5": "must be a whole number",
    "run --plan=foo": "no plan 'foo'",
    "run --plan.chunk=0": "chunk = 0",
    "run --optimizer=foo": "no optimizer 'foo'",
    "run --optimizer.learning_rate=inf": "learning_rate = inf must be finite",
    "run --optimizer.clip_norm=-1": "clip_norm = -1.0",
    "run --optimizer.nonfinite=hope": "must be one of stop, skip, pascanu2013",
    "run --initial.type=noise": "standard deviation",
    "run --seed=-1": "seed = -1",
    "run --seeds=0": "seeds = 0",
    "run --seeds=x": "must be a whole number",
    "run --seeds=100000000": "seeds = 100000000 must be at least 1, and at most 100000",
    "run --cell.hidden=200000": "the network, with its gradient and what the optimizer keeps, takes",
    "run --train.batch=500000000": "a batch of 500000000 sequences takes",
    "run --device=zzz": "device = 'zzz'",
    "run --precision=half": "precision = 'half'",
    "run --out=file/runs": "not a writable folder",
    "run --out=/proc/xx/y": "/proc is not a writable folder",
    "probe jacobian --out=/proc/xx/y": "/proc is not a writable folder",
    "run stray": "'stray' is not a field",
    "run --seed": "has no value",
    "sweep nowhere.yaml": "nowhere.yaml: there is no such file",
    "frobnicate": "no verb 'frobnicate'; known: run, sweep, probe",
    "probe": "probe needs its name",
    "probe lyapunow": "Did you mean 'lyapunov'?",
    "probe --probe=lyapunow": "no probe 'lyapunow'",
    "probe jacobian --probe.leading=3": "no field 'probe.leading'; known: none",
    "probe lyapunov --probe.leading=many": "probe.leading = 'many': must be a whole number or null",
    "probe memory --probe.ridge=nan": "probe.ridge = nan must be finite",
    "probe memory --cell.type=all": "has no portrait",
    "probe jacobian --length=0": "length = 0",
    "probe jacobian --length=10000000000": "of 10000000000 steps leave to measure takes",
    "probe jacobian --run=x --cell.type=lstm --length=9": "cell, length: of fresh networks; where run is given",
    "probe jacobian --run=x --rho=1": "of fresh networks",
    "probe jacobian --rho=0.5,-1": "rho = -1.0",
    "probe jacobian --rho=0.5,many": "must be numbers",
    "probe jacobian --cell.hidden=0": "hidden = 0",
    "probe jacobian --run=nowhere": "nowhere is not a run folder",
    "probe jacobian --run=file": "file is not a run folder",
    "probe jacobian --out=file/probe": "not a writable folder",
    "probe jacobian --precision=tensorfloat32": "must be one of float32, float64",
    "runs": "needs one folder",
    "runs nowhere": "nowhere is not a folder",
    "run --wandb=maybe": "wandb = 'maybe': must be one of off, offline, online",
    "run --mesh=two": "mesh = 'two': must be data:N",
    "run --mesh=data:0": "mesh = 'data:0': must be data:N",
    "sync": "sync needs one folder",
    "sync nowhere --wandb=offline": "nowhere is not a folder",
    "sync . --wandb=off": "wandb is off: choose --wandb=offline",
    "sync . --nonsense=3": "no field 'nonsense'; known: wandb, project, all",
    "runs file": "file is not a folder",
    "plot nowhere": "nowhere is not a folder",
    "plot .": "holds neither runs nor curves.csv",
    "list cell": "Did you mean 'cells'?",
    "list --jsn": "is not an option of list",
    "demo --scale=huge": "no scale 'huge'",
    "demo --precision=half": "precision = 'half'",
    "demo --out=file/demo": "not a writable folder",
    "list --device=abacus": "device = 'abacus'",
    "doctor --fast": "has none",
    "conformance --fast": "has none",
    "run --net=stakced": "Did you mean 'stacked'?",
    "run --net=highway --cell=lstm": "net 'highway' is not made of cells: leave --cell out",
    "run --net.type=stacked --net.layers=0": "layers = 0 must be at least 1",
    "run --net.type=stacked --net.inner.type=sideways": "no net 'sideways'",
    "run --cell.type=lstm --plan=associative": "plan 'associative' does not fit the form of LSTM; its plans: stepwise",
    "run --cell.type=lru --plan=newton": "plan 'newton' does not fit the form of LRU; its plans: stepwise",
    "run --plan.type=newton --plan.damping=1": "damping = 1.0 must lie in [0, 1)",
    "run --cell.type=lstm --cell.variant=NIGG": "cell.variant = 'NIGG': must be one of",
    "run --cell.type=clockwork --cell.periods=1,x": "periods",
    "probe jacobian --cell.type=all --rho=0.9": "rho does not fit every cell",
    "probe jacobian --cell.type=all --cell.activation=relu": "cell.activation does not fit every cell",
}


@pytest.mark.parametrize("command", REFUSED)
def test_bad_input_is_one_line_exit_code_2_and_nothing_written(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and err.startswith("ltd: ")
    assert REFUSED[command] in err
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_help_does_not_import_jax():
    code = (
        "import sys; sys.argv = ['ltd', '--help']; import experiments.cli as c; c.main(); print('jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert "ltd probe" in done.stdout


@pytest.mark.parametrize("command", ["run", "probe", "list", "runs", "sync", "plot", "demo", "conformance", "doctor"])
def test_every_verb_explains_itself(command, capsys):
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"ltd {command}" in out
    if command == "run":
        assert "--optimizer.learning_rate=0.001" in out and "--train.steps=1000" in out
        fields = [line.strip() for line in out.splitlines() if line.startswith("  --")]
        assert "--rho=null" in fields and "--optimizer.clip_norm=null" in fields
        assert launch.configure(Run, config.parse(fields)) == launch.configure(Run, {})  # can be typed as it stands


def test_the_version_is_said_without_an_installation(tmp_path, capsys):
    assert main(["--version"]) == 0
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert capsys.readouterr().out == f"ltd {version}\n" == f"ltd {ltd.__version__}\n"
    assert runtime.version(tmp_path) == importlib.metadata.version("ltd")  # no checkout: what is installed


def test_the_back_door_is_not_shadowed_by_a_users_folder(tmp_path):
    for name in ("tasks", "experiments"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('the wrong one')")
    for command in ([sys.executable, "-m", "ltd"], [str(Path(sys.executable).parent / "ltd")]):
        done = subprocess.run([*command, "list", "tasks"], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr
        assert "copy/arjovsky2016" in done.stdout


def test_list_as_json_is_complete(capsys):
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["kind"] for row in rows} >= {"cell", "plan", "task", "probe", "optimizer"}
    for row in rows:
        assert {"kind", "name", "summary", "source"} <= set(row)
        assert row["summary"], row["name"]
    by_name = {(row["kind"], row["name"]): row for row in rows}
    assert by_name["cell", "elman"]["key"] == "A1.2/A3.4"
    assert by_name["cell", "gru_before"]["plans"] == ["stepwise", "chunked", "newton"]
    assert "Elman" in by_name["cell", "elman"]["source"]
    task = by_name["task", "copy/arjovsky2016"]
    assert task["lag"] == [110, 110]
    assert task["levels"]["blind"] == {
        "loss": pytest.approx(0.173287, abs=1e-6),
        "metric": pytest.approx(0.927083, abs=1e-6),
    }
    assert set(task["levels"]) == {"blind", "strict", "optimum"}
    assert main(["list", "plans"]) == 0
    assert "chunked" in capsys.readouterr().out


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "runs"
    assert main([*TINY, "--cell.type=elman", "--seeds=2", f"--out={out}"]) == 0  # no verb means run
    return out


def test_runs_as_json(ledger, capsys):
    assert main(["runs", str(ledger), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["status"] for row in rows] == ["finished", "finished"]
    assert sorted(row["config"]["seed"] for row in rows) == [0, 1]
    for row in rows:
        assert set(row) == {"digest", "status", "config", "summary", "times", "guessed"}
        assert "eval/loss" in row["summary"] and "started" in row["times"] and "ended" in row["times"]
        assert not {"status", "ended", "started"} & set(row["summary"])


def test_a_corrupt_folder_among_good_ones(ledger, tmp_path, capsys):
    bad = ledger / "000000000000"
    bad.mkdir()
    (bad / "config.json").write_text("{")
    try:
        assert main(["runs", str(ledger)]) == 0
        out, err = capsys.readouterr()
        assert err.count("\n") == 1 and "000000000000" in err
        assert out.count("finished") == 2
    finally:
        (bad / "config.json").unlink()
        bad.rmdir()


def test_plot_draws_what_is_there(ledger, capsys):
    assert main(["plot", str(ledger)]) == 0
    drawn = capsys.readouterr().out.split()
    assert {Path(p).name for p in drawn} >= {"training.png", "training.svg", "training.csv"}
    digests = [p.name for p in ledger.glob("[!.]*") if p.is_dir()]
    svg = (ledger / "training.svg").read_text()
    assert all(digest in svg for digest in digests)


def test_several_rho_make_the_map(tmp_path, capsys):
    for rho in ("0.5", "1.5"):  # learning rates and rho are traced, a gap is a program of its own
        for gap in ("2", "3"):
            words = [*TINY, f"--task.gap={gap}", "--cell.type=elman", f"--rho={rho}", f"--out={tmp_path}"]
            assert main(words) == 0
    assert main(["plot", str(tmp_path)]) == 0
    rows = (tmp_path / "map.csv").read_text().splitlines()
    assert sum(row.startswith("share") for row in rows) == 4
    assert sum(row.startswith("slope") for row in rows) == 2


def test_probe_writes_its_four_files(tmp_path, capsys):
    words = "probe jacobian --cell.type=elman --cell.hidden=3 --rho=0.5,1.0 --length=9 --seeds=2".split()
    assert main([*words, f"--out={tmp_path}"]) == 0
    assert {"curves.csv", "summary.json", "decay.png", "decay.svg"} <= {p.name for p in tmp_path.iterdir()}
    rows = [line.split(",") for line in (tmp_path / "curves.csv").read_text().splitlines()]
    assert rows[0] == ["cell", "rho", "seed", "lag", "adjoint_log10", "jacobian_log10", "bound_log10"]
    assert len(rows) == 1 + 2 * 2 * 8
    assert all(float(row[5]) <= float(row[6]) + 1e-6 and row[4] == "" for row in rows[1:])
    summary = json.loads((tmp_path / "summary.json").read_text())
    lanes = summary["lanes"]
    with np.load(tmp_path / "curves.npz", allow_pickle=False) as arrays:
        assert arrays["singular_log10"].shape == (4, 9, 4, 3)  # lane, lag, sample, rank
        assert summary["axes"]["singular_log10"] == ["lane", "lag", "sample", "rank"]
        middle = np.median(arrays["jacobian_log10"][0, 1:], axis=-1)
        np.testing.assert_allclose(middle, [float(row[5]) for row in rows[1:9]], rtol=1e-9)
    assert len({lane["digest"] for lane in lanes}) == 4
    assert [lane["asymptote_slope"] for lane in lanes] == pytest.approx([np.log10(0.5)] * 2 + [0] * 2, abs=1e-9)


@pytest.mark.parametrize("probe", ["gradient", "jacobian"])
def test_probe_a_trained_network(probe, ledger, tmp_path, capsys):
    run = next(p for p in ledger.glob("[!.]*") if p.is_dir())
    assert main(["probe", probe, f"--run={run}", "--batch=2", f"--out={tmp_path}"]) == 0
    lanes = json.loads((tmp_path / "summary.json").read_text())["lanes"]
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lanes[0]["rho_measured"] == pytest.approx(metrics[-1]["rho"], rel=1e-4)
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 1 + 4 - 1


def test_probe_on_a_tasks_loss(tmp_path, capsys):
    words = "probe gradient --cell.type=lstm --cell.hidden=3 --task.type=adding/arjovsky2016 --task.length=8".split()
    assert main([*words, "--rho=1.0", f"--out={tmp_path}"]) == 0
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 8


def test_a_users_own_cell_and_task(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine.py").write_text(
        textwrap.dedent('''
        """A user's cell and task."""
        from dataclasses import dataclass

        import jax
        from flax import nnx

        from ltd.cells.base import HiddenState
        from ltd.cells.elman import Elman
        from tasks.copying import Copying


        class Slow(Elman):
            """Elman network that moves a tenth of the way."""

            def __init__(self, key, inputs, hidden: int = 4, pace: float = 0.1):
                super().__init__(key, inputs, hidden)
                self.pace = pace

            def advance(self, state, drive, mixed):
                new, _ = super().advance(state, drive, mixed)
                h = (1 - self.pace) * state.h + self.pace * new.h
                return HiddenState(h), h


        class Plain(nnx.RNNCellBase):
            """A cell as Flax wants it."""

            def __init__(self, in_features: int, hidden_features: int, *, gain: float = 1.0, rngs: nnx.Rngs):
                self.layer = nnx.Linear(in_features + hidden_features, hidden_features, rngs=rngs)
                self.width, self.gain = hidden_features, gain

            def initialize_carry(self, input_shape, rngs=None):
                return jax.numpy.zeros((*input_shape[:-1], self.width))

            def __call__(self, carry, inputs):
                h = jax.numpy.tanh(self.gain * self.layer(jax.numpy.concatenate([inputs, carry], axis=-1)))
                return h, h


        @dataclass(frozen=True)
        class Short(Copying):
            variant: str = "arjovsky2016"
            gap: int = 2
            pattern: int = 1
        ''')
    )
    words = [word for word in TINY if not word.startswith(("--task", "--cell"))]
    for cell in ("mine:Slow", "mine:Plain"):
        option = "--cell.pace=0.2" if cell == "mine:Slow" else "--cell.gain=0.5"
        command = [*words, "--task.type=mine:Short", f"--cell.type={cell}", option, f"--out={tmp_path / 'runs'}"]
        assert main(["run", *command]) == 0
        assert main(["probe", "jacobian", f"--cell.type={cell}", option, "--length=5", f"--out={tmp_path / 'p'}"]) == 0
    assert main(["run", "--cell.type=mine:Slow", "--cell.speed=1"]) == 2
    assert "cell.pace" in capsys.readouterr().err


def test_the_demo_in_miniature(tmp_path, capsys):
    assert main(["demo", "--scale=small", f"--out={tmp_path}"]) == 0
    out = capsys.readouterr().out
    page = (tmp_path / "index.html").read_text()
    for name in ("map", "jacobian", "gradient", "slope", "training"):
        assert f"{name}.png" in page
        for kind in ("png", "svg", "csv"):
            assert (tmp_path / f"{name}.{kind}").stat().st_size > 0
    for word in ("blind", "strict", "optimum", "copy/arjovsky2016", "adding/arjovsky2016"):
        assert word in out and word in page
