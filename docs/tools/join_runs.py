"""A run in two sittings: ``python docs/tools/join_runs.py KEPT RUN`` completes a run by another.

Budgets of a run can be measured one after the other, where one sitting is too short. Of the first
the tables and ``influences/`` are kept. They are added to the folder of the last one, whose
``run_all.py --only report`` then is of both.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from keep_probabilities import PROBABILITIES_NPZ, recorded

from benchmarks.inference.evidence import evidence_in
from benchmarks.io import UserError, read_run_json, write_json, write_whole
from benchmarks.nouns import METHOD_COLUMNS, Names
from benchmarks.report.results import Results
from benchmarks.report.tables.front import contestants
from benchmarks.run.configuration import command_of
from benchmarks.run.measure import write_answer
from benchmarks.schema import in_order, packed, read_table, unpacked, write_table
from benchmarks.vocabulary import MEASUREMENTS_CSV, RUN_JSON, SUMMARY_CSV, TRAINING_CSV

JOINED = {
    MEASUREMENTS_CSV: [*METHOD_COLUMNS],
    SUMMARY_CSV: [*METHOD_COLUMNS],
    TRAINING_CSV: ["training", "network"],
}
"""The tables of which both sittings have rows, and the columns by which rows of the kept one are
left out where the run has such, too. Methods are timed in the last sitting alone."""

ALIKE = ("version", "commit", "predictions", "data")
"""What must be the same of both, beside the configuration."""


def join(kept: Path, run: Path) -> None:
    """Add to a run what was kept of another that differs by its budgets alone.

    Raises:
        UserError: they differ otherwise, or something of one cannot be read.
    """
    records = [read_run_json(folder) for folder in (kept, run)]
    whole = _joined_record(*records)
    both = [{each.measure: each for each in evidence_in(folder)} for folder in (kept, run)]
    evidence = [own.joined(both[0][measure]) for measure, own in both[1].items()]
    tables = {name: [read_table(folder, name) for folder in (run, kept)] for name in JOINED}
    for name, (own, other) in tables.items():
        known = pd.MultiIndex.from_frame(own[JOINED[name]])
        further = other[~pd.MultiIndex.from_frame(other[JOINED[name]]).isin(known)]
        write_table(in_order(pd.concat([own, further], ignore_index=True)), run, name)
    for each in evidence:
        each.write(run)
    write_answer(run, Names.read(run))
    write_json(whole, run / RUN_JSON)
    _join_probabilities(kept, run)


def _join_probabilities(kept: Path, run: Path) -> None:
    """Have the run's file hold the contestants of the first table of both sittings, where kept."""
    paths = [folder / PROBABILITIES_NPZ for folder in (kept, run)]
    if all(path.exists() for path in paths):
        results = Results.load(run)
        shown = {results.names.key(each.unscored) for each in contestants([results])}
        arrays = unpacked(paths[0]) | unpacked(paths[1])
        own = {name: array for name, array in arrays.items() if name.split("/")[0] in shown}
        write_whole(run / PROBABILITIES_NPZ, packed(own))


def _joined_record(first: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """The record of a run of all budgets, by the machine and the libraries of the last sitting."""
    sittings = first, last
    configurations = [record.get("configuration", {}) for record in sittings]
    differing = [part for part in ALIKE if first.get(part) != last.get(part)]
    differing += [
        part
        for part in configurations[0] | configurations[1]
        if part != "budgets" and len({json.dumps(own.get(part)) for own in configurations}) > 1
    ]
    if differing:
        raise UserError(f"the two are no sittings of one run: other {', '.join(differing)}")
    every = {budget for own in configurations for budget in own["budgets"]}
    configuration = recorded(configurations[1], budgets=tuple(every))
    stages = first["seconds"] | last["seconds"]
    seconds = {n: round(sum(own["seconds"].get(n, 0) for own in sittings), 1) for n in stages}
    machines = {
        what: sorted({name for own in sittings for name in own["machines"].get(what, [])})
        for what in last["machines"]
    }
    return last | {
        "configuration": configuration.identity,
        "command": command_of(configuration),
        "replicates": first["replicates"] | last["replicates"],
        "seconds": seconds,
        "machines": machines,
    }


if __name__ == "__main__":
    try:
        join(*map(Path, sys.argv[1:]))
    except (TypeError, UserError) as error:
        print(f"error: {error}; usage: python docs/tools/join_runs.py KEPT RUN", file=sys.stderr)
        sys.exit(2)
