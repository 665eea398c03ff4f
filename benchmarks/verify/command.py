"""Verify the results of a run: ``python -m benchmarks.verify RUN``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command_line import (
    DataDir,
    Jobs,
    MethodsOfRun,
    exit_status,
    fitting_jobs,
    named_folder,
)
from benchmarks.escaping.names import printable
from benchmarks.files import writable_folder
from benchmarks.records import write_table
from benchmarks.run.folder.lock import held
from benchmarks.run.workspace import Workspace
from benchmarks.verify.recomputing import recompute, require_predictions
from benchmarks.verify.recorded_run import RecordedRun
from benchmarks.verify.sampling import KEY, compute, judged, sampled, units_of
from benchmarks.verify.tables import DIFFERENT, IDENTICAL
from benchmarks.vocabulary import PREDICTIONS_FOLDER

SAMPLE_CSV = "sample.csv"
"""The sampled rows with their values, those computed again, and the verdicts."""

TABLES, ANEW = "tables", "anew"
"""The folders of what is computed from the run's predictions, and of what is predicted anew."""


def main(
    run: Annotated[
        Path,
        typer.Argument(help="A folder of results.", metavar="RUN", parser=named_folder),
    ],
    sample: Annotated[
        int | None,
        typer.Option(
            help="Train, predict and measure so many random rows anew, without the predictions.",
            min=1,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the sample.", min=0)] = 0,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the prediction files.",
            show_default="RUN/predictions",
            parser=named_folder,
            metavar="PATH",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(help="Where to compute.", parser=named_folder, metavar="PATH"),
    ] = Path("results/verified"),
    method: MethodsOfRun = None,
    data_dir: DataDir = None,
    jobs: Jobs = None,
) -> None:
    """Compute the results of a run again, and compare.

    By default every table is computed again from the prediction files, whose checksums are
    compared first. With --sample, some numbers are computed anew, from training on.
    """
    recorded = RecordedRun.read(run, method or ())
    workers = jobs or fitting_jobs(recorded.plan.configuration.device)
    folder = recorded.folder_in(writable_folder("--out", out))
    kind = TABLES if sample is None else ANEW
    workspace = Workspace(folder / kind, folder / "networks", data_dir, workers)
    if sample is None:
        verdicts = _verify_tables(recorded, predictions or run / PREDICTIONS_FOLDER, workspace)
    else:
        verdicts = _verify_sample(recorded, sample, seed, workspace, folder / SAMPLE_CSV)
    counts = Counter(verdicts)
    for verdict, count in counts.items():
        print(f"{verdict}: {count}")
    if counts[DIFFERENT]:
        raise typer.Exit(1)


def _verify_tables(run: RecordedRun, predictions: Path, workspace: Workspace) -> Iterable[str]:
    require_predictions(run, predictions)
    compared = recompute(run, predictions, workspace)
    for one in compared:
        if one.verdict != IDENTICAL:
            print(printable(": ".join(filter(None, one[:]))))
    return [one.verdict for one in compared]


def _verify_sample(
    run: RecordedRun, count: int, seed: int, workspace: Workspace, path: Path
) -> Iterable[str]:
    measurements = run.measurements()
    rows = sampled(measurements, count, seed)
    chosen = units_of(rows, run.plan)
    networks = len(run.plan.networks_of([chosen]))
    print(f"{len(rows)} rows of {len(chosen)} run units, which need {networks} networks")
    with held(workspace.out):
        table = judged(rows, compute(run, chosen, workspace), measurements)
        write_table(table, path)
    for row in table[table["verdict"] != IDENTICAL].to_dict("records"):
        named = " ".join(str(row[name]) for name in KEY if row[name] != "")
        print(printable(f"{named}: {row['value']}, again {row['again']}: {row['verdict']}"))
    print(f"wrote {path}")
    return list(table["verdict"])


def command_line() -> int:
    """Run the command line and return its exit status: 1 where a number is another one."""
    return exit_status(main, "python -m benchmarks.verify")
