"""Run folders made without training, and what an index of them should say."""

import json
from pathlib import Path

from ltd import config, index, results
from ltd.settings import Run

LEVELS = {name: {"loss": 0.5, "metric": 0.5} for name in ("blind", "strict", "optimum")}


def write(root, seed=0, checks=3, status="finished", task=None, cell=None, **fields):
    """A run folder without training."""
    plain = config.plain(Run(seed=seed)) | fields
    plain["task"] = {"type": "copy/arjovsky2016", "gap": 20} | (task or {})
    plain["cell"] = {"type": "lstm", "hidden": 8} | (cell or {})
    folder = Path(root) / config.digest(plain)
    folder.mkdir(parents=True, exist_ok=True)
    head = {"digest": folder.name, "config": plain, "started": "2026-01-02T03:04:05Z", "commit": "abc"}
    (folder / "config.json").write_text(json.dumps(head))
    with open(folder / "metrics.jsonl", "w") as file:
        for i in range(checks):
            file.write(json.dumps({"update": 100.0 * i, "eval/loss": seed + 1 / (i + 1), "rho": 0.5}) + "\n")
    if status == "unfinished":
        (folder / "summary.json").unlink(missing_ok=True)
    else:
        summary = {"status": status, "updates": 200, "eval/loss": seed + 0.25, "rho": 0.9, "rule": "loss at most 1"}
        end = {"levels": LEVELS, "lengths": [{"length": 3}], "seconds": 2.5, "ended": "2026-01-02T03:05:05Z"}
        (folder / "summary.json").write_text(json.dumps(summary | end))
    return folder


def refuse(sentence):
    raise AssertionError(f"a warning nobody expected: {sentence}")


def dump(root, warn=refuse, **options):
    """All runs by digest, without what is null, and all metrics."""
    with index.opened(root, warn, **options) as found:
        columns = found.columns()
        runs = [{c: v for c, v in zip(columns, row, strict=True) if v is not None} for row in found.runs()]
        metrics = found.select('SELECT digest, name, "update", value FROM metrics ORDER BY 1, 2, 3')[1]
    return {row["digest"]: row for row in runs}, metrics


def flat(nested, prefix=""):
    found = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        elif value is not None and not isinstance(value, list):
            found[prefix + name] = int(value) if isinstance(value, bool) else value
    return found


def truth(root):
    """The same from the folders, by another road."""
    runs, metrics = {}, []
    for record in results.read_runs(root, lambda _: None):
        fields = flat(record.config)
        summary = {f"summary.{k}" if k in record.config else k: v for k, v in flat(record.summary).items()}
        core = {"digest": record.digest, "status": record.status, "commit": "abc"}
        runs[record.digest] = core | flat(record.times) | fields | summary
        for row in record.metrics():
            metrics += [(record.digest, name, row["update"], value) for name, value in row.items() if name != "update"]
    return runs, sorted(metrics)
