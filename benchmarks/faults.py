"""What can go wrong while a sweep runs, done to a small one: nothing that was finished may be lost.

    python -m benchmarks.faults [--seed N] [--only WORD ...] [--out FILE]

Two groups of six runs pass through four places each. The sweep is run once without a fault; then, for each fault, it is
hit and started again until it ends, and must come to the same records and parameters, bit for bit. A survival also
means: exit codes and sentences as promised, no traceback, and no finished run repeated. Each try has a folder of its
own, and one is under way for each core. Mounts need root; without it they are left out and said to be.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.step import ROOT, circumstances, machine

SWEEP: dict[str, Any] = {
    "program": "experiments/cli.py",
    "method": "grid",
    "parameters": {
        "task.type": {"value": "copy/arjovsky2016"},
        "task.gap": {"value": 3},
        "task.pattern": {"value": 1},
        "task.symbols": {"value": 2},
        "cell.type": {"values": ["elman", "gru_after"]},
        "cell.hidden": {"value": 8},
        "optimizer.learning_rate": {"values": [0.001, 0.03]},
        "seed": {"values": [0, 1, 2]},
        "train.steps": {"value": 200},
        "train.eval_every": {"value": 10},
        "train.batch": {"value": 8},
        "train.eval_batch": {"value": 32},
    },
}
LTD = (sys.executable, "-m", "ltd")
LIMIT = 300  # seconds for one start of the sweep


class Lost(AssertionError):
    """Something was not as promised."""


def check(right: bool, what: str) -> None:
    """Raise Lost where it is not right."""
    if not right:
        raise Lost(what)


class Bench:
    """The sweep, a reference without faults, and how to start it."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.seed, self.random = folder, seed, random.Random(seed)
        self.file = folder / "sweep.yaml"
        self.file.write_text(json.dumps(SWEEP))
        self.env = {
            **os.environ,
            "JAX_COMPILATION_CACHE_DIR": str(folder / "cache"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "WANDB_MODE": "disabled",
            "PYTHONPATH": str(ROOT),
        }
        self.through(folder / "warm")  # fills the cache of compiled programs
        began = time.monotonic()
        self.whole = folder / "whole"
        self.through(self.whole)
        self.seconds = time.monotonic() - began
        self.wanted = content(self.whole)

    def try_of(self, name: str) -> Bench:
        """The same, with chances of its own."""
        own = copy.copy(self)
        own.random = random.Random(f"{self.seed} {name}")
        return own

    def start(self, out: Path, file: Path | None = None) -> subprocess.Popen:
        """The sweep, in a process group of its own, able to hear Ctrl-C."""
        words = [
            sys.executable,
            "-m",
            "ltd",
            "sweep",
            str(file or self.file),
            f"--out={out}",
            "--lanes=4",
            "--device=cpu",
        ]
        return subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.env, cwd=ROOT,
            start_new_session=True,
        )  # fmt: skip

    def end(self, process: subprocess.Popen) -> tuple[int, str]:
        """Exit code and what was said on stderr, without the progress bar's lines."""
        _, said = process.communicate(timeout=LIMIT)
        check("Traceback" not in said, f"a traceback: {said[-2000:]}")
        return process.returncode, said

    def through(self, out: Path, file: Path | None = None) -> str:
        """Run to the end."""
        code, said = self.end(self.start(out, file))
        check(code == 0, f"exit code {code}: {said[-500:]}")
        return said

    def ltd(self, *words: str) -> tuple[int, str, str]:
        """Another verb."""
        done = subprocess.run(
            [sys.executable, "-m", "ltd", *words], capture_output=True, text=True, env=self.env, cwd=ROOT
        )
        check("Traceback" not in done.stderr, f"a traceback: {done.stderr[-2000:]}")
        return done.returncode, done.stdout, done.stderr

    def moment(self) -> float:
        """A random time of the whole run, in seconds."""
        return self.random.uniform(0.15, 0.98) * self.seconds

    def broken(self, out: Path, number: int = signal.SIGKILL) -> tuple[int, str]:
        """Start, and send a signal at a random moment."""
        process = self.start(out)
        time.sleep(self.moment())
        os.killpg(process.pid, number)
        return self.end(process)

    def same(self, out: Path, finished: dict[str, int] | None = None) -> None:
        """Records and parameters are those of the reference, and what was finished before was left alone."""
        found = content(out)
        check(found.keys() == self.wanted.keys(), f"{len(found)} files of {len(self.wanted)}")
        changed = [name for name, raw in found.items() if raw != self.wanted[name]]
        check(not changed, f"other numbers: {changed[:3]}")
        for digest, stamp in (finished or {}).items():
            check(stamps(out)[digest] == stamp, f"{digest} was finished and is repeated")
        left = [path.name for path in (out / ".unfinished").iterdir() if path.name != "lock"]
        check(not left, f"left behind: {left}")


def content(out: Path) -> dict[str, bytes]:
    """All records and parameters."""
    paths = [p for name in ("metrics.jsonl", "params.npz") for p in out.glob(f"[!.]*/{name}")]
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in paths}


def stamps(out: Path) -> dict[str, int]:
    """When each finished run was finished."""
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("[!.]*/summary.json")}


# ------------------------------------------------------------------------------------------------ faults


def killed(bench: Bench, out: Path) -> None:
    """kill -9 at a random moment, then at another one"""
    for _ in range(bench.random.choice((1, 1, 1, 2))):
        bench.broken(out)
    finished = stamps(out)
    bench.through(out)
    bench.same(out, finished)


def terminated(bench: Bench, out: Path) -> None:
    """SIGTERM: a clean stop, exit 143"""
    _stopped(bench, out, signal.SIGTERM, 143)


def interrupted(bench: Bench, out: Path) -> None:
    """Ctrl-C: a clean stop, exit 130"""
    _stopped(bench, out, signal.SIGINT, 130)


def _stopped(bench: Bench, out: Path, number: int, code: int) -> None:
    process = bench.start(out)
    deadline = time.monotonic() + LIMIT
    while not list(out.glob("[!.]*/metrics.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)  # before that, Python itself may still be starting
    time.sleep(bench.random.uniform(0, 0.5 * bench.seconds))
    if process.poll() is None:
        os.kill(process.pid, number)
        found, said = bench.end(process)
        check(found in (code, 0), f"exit code {found}, not {code}")
        check(found == 0 or "the same command goes on" in said, f"said: {said[-300:]}")
    finished = stamps(out)
    bench.through(out)
    bench.same(out, finished)


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A small file system in memory."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def full(bench: Bench, out: Path) -> None:
    """a full disk: one line, exit 1; with room again it goes on"""
    with mounted(out, f"{bench.random.randrange(60, 220)}k") as disk:
        code, said = bench.end(bench.start(disk / "out"))
        check(code == 1 and "No space left on device" in said, f"exit code {code}, said: {said[-300:]}")
        finished = stamps(disk / "out")
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        bench.through(disk / "out")
        bench.same(disk / "out", finished)


def readonly(bench: Bench, out: Path) -> None:
    """a read-only mount: refused in one line, exit 2, nothing written; what is there can be read"""
    with mounted(out, "64m") as disk:
        bench.broken(disk / "out")
        (disk / "out").mkdir(exist_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        before = content(disk / "out")
        code, said = bench.end(bench.start(disk / "out"))
        check(code == 2 and "not a writable folder" in said, f"exit code {code}, said: {said[-300:]}")
        if before:
            code, _, said = bench.ltd("runs", str(disk / "out"), "--sql=select count(*) from runs")
            check(code == 0 and content(disk / "out") == before, f"exit code {code}: {said[-300:]}")
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        bench.through(disk / "out")
        bench.same(disk / "out")


def corrupt(bench: Bench, out: Path) -> None:
    """a file cut off or overwritten: named, and its run done again"""
    bench.broken(out)
    if bench.random.random() < 0.5:
        bench.through(out)
        bench.ltd("index", str(out))
    paths = [path for path in out.rglob("*") if path.is_file() and path.name != "lock" and path.stat().st_size]
    for path in bench.random.sample(sorted(paths), min(3, len(paths))):
        raw = bytearray(path.read_bytes())
        if bench.random.random() < 0.5:
            del raw[bench.random.randrange(len(raw)) :]
        else:
            at = bench.random.randrange(len(raw))
            raw[at : at + 64] = bench.random.randbytes(len(raw[at : at + 64]))
        path.write_bytes(raw)
    if any(out.glob("[!.]*/config.json")):
        for words in (["runs", str(out)], ["runs", str(out), "--csv"]):
            check(bench.ltd(*words)[0] in (0, 2), f"ltd {' '.join(words)}")
    bench.through(out)
    bench.same(out)


def together(bench: Bench, out: Path) -> None:
    """two sweeps at once in one folder: each run has one writer, both end well"""
    first, second = bench.start(out), bench.start(out)
    if bench.random.random() < 0.5:
        time.sleep(bench.moment())
        os.killpg(first.pid, signal.SIGKILL)
        bench.end(first)
        check(bench.end(second)[0] == 0, "the second one ended badly")
    else:
        check([bench.end(first)[0], bench.end(second)[0]] == [0, 0], "one of the two ended badly")
    # which places the runs stood in depends on who came first: the numbers agree, not their last bits
    _close(bench, out)


def _close(bench: Bench, out: Path) -> None:
    for name in bench.wanted:
        if name.endswith("metrics.jsonl"):
            rows = [json.loads(line) for line in (out / name).read_text().splitlines()]
            wanted = [json.loads(line) for line in bench.wanted[name].decode().splitlines()]
            check([r["update"] for r in rows[:3]] == [r["update"] for r in wanted[:3]], f"{name}: other records")
            for row, other in zip(rows[:3], wanted[:3], strict=True):  # the first 20 updates
                for key, value in other.items():
                    near = value is None or abs(row[key] - value) <= 1e-5 * max(abs(value), 1e-3)
                    check(near, f"{name}: {key} {row[key]} and {value}")
            updates = [row["update"] for row in rows]
            check(updates == sorted(set(updates)), f"{name}: written by two")


def backwards(bench: Bench, out: Path) -> None:
    """a clock that jumps back a day: nothing depends on it"""
    bench.broken(out)
    out.mkdir(exist_ok=True)
    bench.ltd("index", str(out))
    ahead = time.time() + 86400
    for path in out.rglob("*"):
        os.utime(path, (ahead, ahead))
    finished = stamps(out)
    bench.through(out)
    bench.same(out, finished)
    code, told, said = bench.ltd(
        "runs", str(out), "--sql=select count(*), sum(solved) from runs where status != 'unfinished'"
    )
    check(code == 0 and "12" in told, f"the index is behind: {told} {said}")


def changed(bench: Bench, out: Path) -> None:
    """a sweep file changed between start and resume: what both ask for is kept"""
    bench.broken(out)
    finished = stamps(out)
    other = {**SWEEP, "parameters": {**SWEEP["parameters"], "seed": {"values": [1, 2, 3]}}}
    file = out.with_suffix(".yaml")
    file.write_text(json.dumps(other))
    bench.through(out, file)
    after = stamps(out)
    check(all(after[digest] == stamp for digest, stamp in finished.items()), "a finished run was repeated")
    bench.through(out)  # and the old file again: the rest of its runs
    check(
        len(stamps(out)) == 16 and stamps(out).keys() >= {name.split("/")[0] for name in bench.wanted},
        "runs are missing",
    )
    _close(bench, out)


FAULTS: dict[str, tuple[Callable[[Bench, Path], None], int]] = {
    "kill -9 at a random moment": (killed, 20),
    "SIGTERM": (terminated, 3),
    "Ctrl-C": (interrupted, 3),
    "full disk": (full, 3),
    "read-only mount": (readonly, 2),
    "corrupt and truncated files": (corrupt, 6),
    "two sweeps at once in one folder": (together, 3),
    "clock that jumps back": (backwards, 2),
    "sweep file changed before resuming": (changed, 3),
}
MOUNTS = (full, readonly)


def main() -> int:
    """Try all faults; the table; 1 if something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "little"))
    parser.add_argument("--only", nargs="*", default=[], help="names of faults, or parts of them")
    parser.add_argument("--out", type=Path, default=ROOT / f"benchmarks/results/{machine()}_faults.json")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started must be able to hear it
    folder = Path(tempfile.mkdtemp(prefix="ltd-faults-"))
    began, rows = time.monotonic(), []
    try:
        bench = Bench(folder, given.seed)
        print(f"without faults: {bench.seconds:.1f} s; seed {given.seed}", flush=True)
        for name, (fault, tries) in FAULTS.items():
            if given.only and not any(word in name for word in given.only):
                continue
            if fault in MOUNTS and os.geteuid() != 0:
                rows.append(
                    {"fault": name, "what must hold": fault.__doc__, "tried": 0, "survived": 0, "lost": ["needs root"]}
                )
                continue
            rows.append(_tried(bench, name, fault, tries, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tried, survived = (sum(row[key] for row in rows) for key in ("tried", "survived"))
    minutes = (time.monotonic() - began) / 60
    print(f"{survived} of {tried} survived, {minutes:.1f} min")
    if not given.only:
        facts = {**circumstances(), "seed": given.seed, "minutes": round(minutes, 1)}
        given.out.write_text(json.dumps({"rows": rows, **facts}, indent=1) + "\n")
    return int(survived < tried)


def _tried(bench: Bench, name: str, fault: Callable[[Bench, Path], None], tries: int, folder: Path) -> dict[str, Any]:
    def one(number: int) -> str | None:
        out = folder / f"{fault.__name__}-{number}"
        try:
            fault(bench.try_of(out.name), out)
        except (Lost, subprocess.TimeoutExpired) as error:
            print(f"  lost: {name}, try {number}: {error}", flush=True)
            return str(error)
        finally:
            shutil.rmtree(out, ignore_errors=True)
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        lost = [said for said in pool.map(one, range(tries)) if said is not None]
    print(f"{name}: {tries - len(lost)} of {tries}", flush=True)
    what = " ".join((fault.__doc__ or "").split())
    return {"fault": name, "what must hold": what, "tried": tries, "survived": tries - len(lost), "lost": lost}


if __name__ == "__main__":
    sys.exit(main())
