"""The mirror: one background thread makes every call of W&B; training never waits for one and none can fail it."""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import os
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ltd import results

NOTE = "wandb.json"  # in a run folder: what was sent
INIT_SECONDS = 10  # for W&B to take a run
FINISH_SECONDS = 20  # for the rest of a run to be sent


def under_agent() -> bool:
    """Whether `wandb agent` started this process: then the run, its project and its id are the agent's."""
    return bool(os.environ.get("WANDB_SWEEP_ID"))


def run_id(digest: str, started: str) -> str:
    """W&B's id of a run folder: the same however often it is sent, another one when the config is run again."""
    return digest + hashlib.sha256(started.encode()).hexdigest()[:6]


def project_of(given: str | None) -> str:
    """The project that runs go to."""
    return given or os.environ.get("WANDB_PROJECT") or "ltd"


class Wandb:
    """Runs of this process in W&B. `start`, `log` and `finish` only fill a queue.

    mode      offline or online; a server that does not answer makes it offline, which is told once
    insist    stay online instead, and give up
    arrived   the digests of the runs that were finished without an error, and how: digest -> mode
    """

    def __init__(
        self,
        mode: str,
        group: str | None,
        tell: Callable[[str], None],
        project: str | None = None,
        insist: bool = False,
    ):
        self.mode, self.group, self.project, self.insist = mode, group, project_of(project), insist
        self.arrived: dict[str, str] = {}
        self._tell = tell
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # else it reports on itself, even offline
        self._begun: set[str] = set()
        self._open: dict[str, Any] = {}  # digest -> W&B's run
        self._made: dict[str, tuple[str, str]] = {}  # digest -> mode and id
        self._step: dict[str, int] = {}  # digest -> the last update
        self._failed: dict[str, str] = {}  # digest -> why
        self._dead = ""  # why nothing is sent any more
        self._events: queue.SimpleQueue[tuple | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="wandb", daemon=True)
        self._thread.start()

    # -------------------------------------------------------------------------------------------- the caller's side

    def start(
        self, digest: str, config: Mapping[str, Any], started: str, code: Mapping[str, Any] | None = None
    ) -> None:
        """A run begins. `code` holds the commit and versions that made it; those of this process if left out."""
        self._begun.add(digest)
        self._events.put((self._start, digest, dict(config), started, code))

    def log(self, digest: str, row: Mapping[str, Any]) -> None:
        """The scalars of a check; `update` is the step."""
        self._events.put((self._log, digest, dict(row)))

    def finish(self, digest: str, summary: Mapping[str, Any], folder: Path, figures: Iterable[Path] = ()) -> None:
        """A run ends: its summary, the curves and figures that its folder holds, and those handed over."""
        self._events.put((self._finish, digest, dict(summary), Path(folder), tuple(figures)))

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until W&B has taken everything so far; whether it has."""
        done = threading.Event()
        self._events.put((lambda _: done.set(), ""))
        return done.wait(timeout)

    def close(self, timeout: float = 60.0) -> None:
        """Wait for the queue, close what is open, and tell in one line what did not arrive."""
        self._events.put(None)
        self._thread.join(timeout)
        missing = sorted(self._begun - set(self.arrived))
        if missing:
            why = self._dead or next((self._failed[d] for d in missing if d in self._failed), "unfinished")
            what = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
            self._tell(
                f"W&B did not get {len(missing)} of {len(self._begun)} runs whole ({what}: {why}); "
                "send finished ones from the ledger: ltd sync DIR"
            )

    # -------------------------------------------------------------------------------------------- the thread's side

    def _work(self) -> None:
        while (event := self._events.get()) is not None:
            act, digest, *rest = event
            if digest in self._failed and act != self._start:
                continue
            try:
                act(digest, *rest)
            except BaseException as error:  # whatever W&B throws is no concern of the training
                self._failed[digest] = _line(error)
                self._open.pop(digest, None)
        for run in [] if self._dead else list(self._open.values()):  # interrupted
            try:
                run.finish(exit_code=1)
            except BaseException:
                break

    def _start(self, digest: str, config: dict[str, Any], started: str, code: Mapping[str, Any] | None) -> None:
        self._failed.pop(digest, None)
        self.arrived.pop(digest, None)
        if self._dead:
            raise ConnectionError(self._dead)
        code = results.provenance() if code is None else code
        config = {**config, "digest": digest, "commit": code.get("commit"), "versions": code.get("versions")}
        try:
            run = self._init(digest, config, started)
        except BaseException as error:
            if self.mode != "online":
                raise
            self._no_answer(error)
            if self._dead:
                raise
            self._release()
            run = self._init(digest, config, started)
        run.define_metric("update")
        run.define_metric("*", step_metric="update")
        self._open[digest] = run
        self._made[digest], self._step[digest] = (self.mode, run.id), 0

    def _init(self, digest: str, config: dict[str, Any], started: str) -> Any:
        wandb: Any = importlib.import_module("wandb")

        # only what the ledger says is sent: no console, no machine, no code
        quiet = {"silent": True, "console": "off", "save_code": False, "disable_git": True, "disable_code": True}
        quiet |= {"x_disable_meta": True, "x_disable_stats": True, "x_save_requirements": False}
        patience = {"init_timeout": INIT_SECONDS, "login_timeout": INIT_SECONDS}
        patience |= {"finish_timeout": FINISH_SECONDS, "finish_timeout_raises": True}
        wandb.setup(wandb.Settings(silent=True))
        whose = {"id": run_id(digest, started), "project": self.project, "entity": os.environ.get("WANDB_ENTITY")}
        return wandb.init(
            mode=self.mode,
            config=config,
            name=_name(digest, config),
            group=os.environ.get("WANDB_RUN_GROUP") or self.group,
            resume="allow",
            reinit="create_new",
            settings=wandb.Settings(**quiet, **patience),
            **({} if under_agent() else whose),
        )

    def _no_answer(self, error: BaseException) -> None:
        """The server does not answer, or refuses: from now on offline, or not at all."""
        if self.insist:
            self._dead = _line(error)
            return
        self.mode = "offline"
        self._tell(
            f"W&B did not take a run ({_line(error)}): going on offline; the ledger can be sent later: ltd sync DIR"
        )

    def _release(self) -> None:
        """Let go of the id of a run that could not be begun: W&B's process keeps it while it lives."""
        wandb: Any = importlib.import_module("wandb")
        if not self._open and wandb.run is None:
            wandb.teardown()

    def _log(self, digest: str, row: dict[str, Any]) -> None:
        self._step[digest] = int(row["update"])
        self._open[digest].log(row, step=self._step[digest])

    def _finish(self, digest: str, summary: dict[str, Any], folder: Path, figures: tuple[Path, ...]) -> None:
        run, problem = self._open[digest], None
        try:
            shown = media(summary.pop("lengths", None), folder, figures)
            self._last(run, self._step[digest], shown)
        except Exception as error:  # the numbers go without their pictures
            problem = error
            self._last(run, self._step[digest], {})
        run.summary.update(summary)
        mode, made = self._made[digest]
        try:
            if self._dead or (mode, self.mode) == ("online", "offline"):
                # not waited for one by one: the end of the process waits for all of them together
                raise ConnectionError("begun online, and the server does not answer")
            run.finish(exit_code=0)
        except TimeoutError as error:
            self._no_answer(error)
            raise
        finally:
            del self._open[digest]
        if problem:
            raise problem
        self.arrived[digest] = mode
        note(folder, mode, made, run.project)

    def _last(self, run: Any, step: int, shown: dict[str, Any]) -> None:
        """The end of the history. A run that W&B knows from before takes no step twice, and its pictures a new one."""
        # W&B's summary holds the last of each history key: the last check must be in before ours is written over it
        if shown or run.starting_step <= step:
            run.log({"update": step, **shown}, step=max(step, run.starting_step), commit=True)


def media(lengths: Any, folder: Path, figures: Iterable[Path] = ()) -> dict[str, Any]:
    """Tables and pictures: test lengths, the curves of the folder, its figures and those handed over."""
    wandb: Any = importlib.import_module("wandb")

    shown: dict[str, Any] = {}
    if lengths:
        names = list(lengths[0])
        shown["lengths"] = wandb.Table(columns=names, data=[[row[name] for name in names] for row in lengths])
    if table := curves(folder):
        shown["curves"] = wandb.Table(columns=table[0], data=table[1])
    for path in (*sorted(folder.glob("*.png")), *figures):
        shown[f"figures/{path.stem}"] = wandb.Image(str(path))
    return shown


def curves(folder: Path) -> tuple[list[str], list[list[Any]]] | None:
    """Names and rows of `curves.csv`, or of the arrays of `curves.npz` that share the length of the longest."""
    if (path := folder / "curves.csv").is_file():
        with open(path, newline="") as file:
            names, *rows = list(csv.reader(file))
        return names, [[_value(cell) for cell in row] for row in rows]
    if (path := folder / "curves.npz").is_file():
        with np.load(path, allow_pickle=False) as held:
            flat = {name: held[name] for name in held.files if held[name].ndim == 1 and len(held[name])}
        longest = max(map(len, flat.values()), default=0)
        columns = {name: array.tolist() for name, array in flat.items() if len(array) == longest}
        if columns:
            return ["index", *columns], [[i, *row] for i, row in enumerate(zip(*columns.values(), strict=True))]
    return None


def note(folder: Path, mode: str, made: str, project: str) -> None:
    """What was sent, beside the run."""
    path = folder / NOTE
    results.write_json(path, {**noted(folder), mode: {"id": made, "project": project}})


def noted(folder: Path) -> dict[str, Any]:
    """What was sent of a run: mode -> its id and project there."""
    try:
        found = json.loads((folder / NOTE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _name(digest: str, config: Mapping[str, Any]) -> str:
    """The digest, with a few words: task, network, seed."""
    parts = [config.get(part) for part in ("task", "net", "cell")]
    words = [part["type"] for part in parts if isinstance(part, Mapping) and part.get("type")]
    seed = [f"seed {config['seed']}"] if "seed" in config else []
    return " ".join([*words, *seed, digest])


def _value(cell: str) -> Any:
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


def _line(error: BaseException) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 160 else words[:157] + "..."
