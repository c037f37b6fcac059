"""`ltd judge`: run what a claim is missing in its ledger, judge it, show the table, write the report.

DIR/NAME/                      the ledger of a claim: run folders by digest (see `ltd.results`), or
    DIGEST/measured.json       what `measure` of its claim.py gave for a config: written at once or not at all
    judged_quick.json          the last verdict at a scale; a claim that quick does not reduce has only `full`
DIR/index.html, figures/       the report on every verdict in DIR
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.judge_pages import exact, interval, verdicts, write_report
from experiments.sweep import flatten, varied
from experiments.tables import bar, print_rows
from ltd import claims, config, launch, results
from ltd.claims import Folder, Judged, Result, Scale
from ltd.config import ConfigError
from ltd.runtime import stop_if_asked

ROOT = Path(__file__).resolve().parent
FILE = "measured.json"
Progress = Callable[[str, int, int], None]
Warn = Callable[[str], None]


class OutOfTime(BaseException):
    """The budget of a claim is spent. What was finished is in the ledger; the next call goes on."""


def chosen(words: Sequence[str], every: bool, headline: bool) -> list[Folder]:
    """The claims that are asked for, each once, in the order of their keys."""
    if every or headline:
        found = [claims.load(path) for path in claims.known(ROOT)]
        found = [one for one in found if every or one.claim.headline]
    else:
        found = [one for word in words for one in claims.find(word, ROOT)]
    once = {one.path: one for one in found}.values()
    return sorted(once, key=lambda one: claims.rank(one.claim.headline, one.claim.key))


def listing(folders: Sequence[Folder], as_json: bool) -> int:
    """The claims, what each says, and how large it is at both scales."""
    rows = []
    for one in folders:
        runs = {f"{scale} runs": len(one.sweep(scale).configs) for scale in claims.SCALES}
        head = {"claim": one.name, "key": one.claim.key, "headline": one.claim.headline}
        rows.append({**head, "sentence": one.claim.sentence, "source": one.claim.source.key, **runs})
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        print_rows("", [{k: v or "-" for k, v in row.items() if k != "source"} for row in rows])
    return 0


def judge(folders: Sequence[Folder], scale: Scale, seeds: int | None, out: Path, as_json: bool, warn: Warn) -> int:
    """All of them; 1 if runs are missing, a control failed, or one of several could not run (no file)."""
    out = results.writable(out)
    told, rows = [], []
    refused: list[ConfigError] = []
    with bar() as progress:
        for one in folders:
            if seeds is not None and not one.seeded:
                warn(f"{one.name} is exact, a run per setting: seeds = {seeds} does not apply to it.")
            try:
                told.append(judged(one, scale, seeds, out, progress, warn))
            except ConfigError as error:
                refused.append(error)
                if len(refused) == len(folders):
                    raise
                warn(f"{one.name} is left out: {error}")
                continue
            facts = results.provenance()
            judged_now = {"date": results.now()[:10], "machine": facts["machine"], "versions": facts["versions"]}
            rows.append(claims.plain(one.name, told[-1]) | {"judged": judged_now})
            results.write_json(out / one.name / f"judged_{told[-1].scale}.json", rows[-1])
    page = write_report(verdicts(out), out)
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        print_rows(f"verdicts, scale {scale}", table(rows))
        for row in rows:
            print(f"{row['name']}: {row['sentence']}\n  {row['answer']}, because {row['because']}")
        print(f"report: {page}")
    return int(bool(refused) or not all(found.whole for found in told))


def judged(one: Folder, scale: Scale, seeds: int | None, out: Path, progress: Progress, warn: Warn) -> Judged:
    """One claim: its runs, then its verdict. What quick does not reduce is judged as in full."""
    limit = time.monotonic() + one.claim.budget if scale == "quick" else None

    def tell(what: str, done: int, total: int) -> None:
        progress(f"{one.name}: {what}", done, total)
        if limit is not None and time.monotonic() > limit and done < total:
            raise OutOfTime

    collect = trained if one.measure is None else measured
    found, missing = collect(one, scale, seeds, out / one.name, tell, warn)
    return claims.judge(one.claim, found, scale if one.claim.quick else "full", missing)


def measured(
    one: Folder, scale: Scale, seeds: int | None, out: Path, tell: Progress, warn: Warn
) -> tuple[list[Result], list[str]]:
    """What `measure` gives for every config, from the ledger where it is there; and the configs that are missing."""
    assert one.measure is not None
    asked = one.sweep(scale, seeds)
    found: list[Result] = []
    missing: list[str] = []
    why = ""
    for number_, fields in enumerate(asked.configs):
        known = read(out, one.name_of(fields), warn)
        try:
            if known is None and not why:
                stop_if_asked()
                tell(f"{number_}/{len(asked.configs)} measured", number_, len(asked.configs))
                known = measure(one, fields, out)
        except OutOfTime:
            why = f"the budget of {one.claim.budget:g} s ran out; the same command goes on"
        except (ConfigError, OSError):
            raise
        except Exception as error:  # whatever a claim of the user's own does
            warn(f"{one.name}: {label(fields, asked.configs)} failed ({claims.line(error)})")
        if known is None:
            missing.append(label(fields, asked.configs))
        else:
            found.append(known)
    if why:
        warn(f"{one.name}: {why}.")
        missing = [f"{missing[0]} ({why})", *missing[1:]]
    commits = {str(each.commit) for each in found} - {str(results.commit())}
    if commits:
        warn(f"{one.name}: measured under other code ({', '.join(sorted(commits))}); remove {out} to measure again.")
    return found, missing


def measure(one: Folder, fields: Mapping[str, Any], out: Path) -> Result:
    """One config, measured and written."""
    nested: dict[str, Any] = {}
    for name, value in fields.items():
        config.put(nested, name, value)
    began = time.perf_counter()
    assert one.measure is not None
    summary = dict(one.measure(**nested))
    seconds = round(time.perf_counter() - began, 3)
    folder = out / one.name_of(fields)
    folder.mkdir(parents=True, exist_ok=True)
    head = {"digest": folder.name, "claim": one.claim.key, "config": dict(fields), "summary": summary}
    results.write_json(folder / FILE, {**head, "seconds": seconds, "ended": results.now(), **results.provenance()})
    found = read(out, folder.name, lambda _: None)
    assert found is not None
    return found  # as it was written, so that the first verdict is that of every later one


def read(out: Path, digest: str, warn: Warn) -> Result | None:
    """A measurement of the ledger; None where it is not there, or damaged, which is said."""
    path = out / digest / FILE
    try:
        row = json.loads(path.read_text())
        if config.digest({"claim": row["claim"], "config": row["config"]}) != digest:
            raise ValueError("its config does not match its digest")
        return Result(digest, row["config"], row["summary"], seconds=row["seconds"], commit=row["commit"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        warn(f"{path} is corrupt ({error}): it is measured again.")
        return None


def trained(
    one: Folder, scale: Scale, seeds: int | None, out: Path, tell: Progress, warn: Warn
) -> tuple[list[Result], list[str]]:
    """The runs of its sweep, trained through the ledger; and those that are missing."""
    asked, runs = launch.expand(one.file, replaced=one.replaced(scale, seeds))
    why = ""
    try:
        launch.sweep(asked, runs, out, tell, warn)
    except OutOfTime:
        why = f" (the budget of {one.claim.budget:g} s ran out; the same command goes on)"
        warn(f"{one.name}: the budget of {one.claim.budget:g} s ran out; the same command goes on.")
    found: list[Result] = []
    missing: list[str] = []
    for run, fields in zip(runs, asked.configs, strict=True):
        record = results.finished(out, run, ("stopped",) if asked.stop else ())
        if record is None:
            missing.append(label(fields, asked.configs) + (why if not missing else ""))
        else:
            head = json.loads((record.folder / "config.json").read_text())
            seconds = float(record.times.get("seconds") or 0)
            rows = tuple(record.metrics())
            flat = flatten(record.config)
            found.append(Result(record.digest, flat, record.summary, record.status, rows, seconds, head.get("commit")))
    return found, missing


def label(fields: Mapping[str, Any], configs: Sequence[dict[str, Any]]) -> str:
    """A config by the fields in which it differs from the others."""
    names = [*varied(configs), *(["seed"] if "seed" in fields else [])]
    return ", ".join(f"{name} {fields[name]}" for name in names if name in fields) or "the only one"


def table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """A row per claim: the first number of its verdict, beside the published one of that name."""
    found = []
    for row in rows:
        first = row["numbers"][0] if row["numbers"] else None
        beside = [one for one in row["published"] if first and one["what"] == first["what"]]
        said = beside[0]["value"] if beside else "-"
        found.append(
            {
                "claim": f"{row['name']} ({row['key']})",
                "number": first["what"] if first else "-",
                "published": exact(said),
                "measured": interval(first) if first else "-",
                "verdict": row["answer"],
                "seeds": str(row["seeds"]),
                "cost": f"{row['seconds']:.1f} s",
            }
        )
    return found
