"""Score external predictions: ``python -m benchmarks.score predictions.npz``."""

from __future__ import annotations

from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated

import typer

from benchmarks.command_line import exit_status, named_folder
from benchmarks.entry import run_command
from benchmarks.external import score_files
from benchmarks.report.tables.declared import MAIN
from benchmarks.report.tables.pivot import table_of
from benchmarks.report.tables.table import terminal


def main(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files of predictions (.npz, .npy, .pt, .csv), a method each; several are "
            "compared image by image."
        ),
    ],
    labels: Annotated[
        Path | None, typer.Option(help="A file of the labels, where the others hold none.")
    ] = None,
    ood: Annotated[
        list[str] | None,
        typer.Option(
            help="Predictions of out-of-distribution images; once for each method, in their order.",
            metavar="NAME=FILE",
        ),
    ] = None,
    calibration: Annotated[
        list[Path] | None,
        typer.Option(
            help="Predictions of calibration images; once for each method, in their order."
        ),
    ] = None,
    calibration_labels: Annotated[
        Path | None, typer.Option(help="A file of the labels of the calibration images.")
    ] = None,
    from_logits: Annotated[
        bool, typer.Option("--from-logits", help="All predictions are logits, not probabilities.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for numbers, tables, figures and a page; the main table is printed.",
            parser=named_folder,
            metavar="PATH",
        ),
    ] = None,
    resamples: Annotated[
        int, typer.Option(help="Bootstrap resamples of the images, for intervals.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the resampling.")] = 0,
) -> None:
    """Score external predictions with the metrics, intervals and tables of the suite.

    An .npz file holds the following arrays, written by np.savez(file, probabilities=...,
    labels=..., ood_NAME=...). Other names are refused. A file of one array is one of predictions
    (.npy of numpy.save, .pt of torch.save, .csv with a column a class); other files have the rest.

    probabilities: [members, images, classes], or [images, classes] for one member; rows sum to 1.

    labels: [images], whole numbers from 0.

    ood_NAME: probabilities of out-of-distribution images, by equally many members; any number of
    sets, or none.

    calibration_probabilities, calibration_labels: the same of images that the model was not
    trained on, for conformal sets and recalibration; both, or neither.

    Softmax, MC-dropout and deep ensembles of a trained torch.nn.Module of your own give such
    probabilities: method = MCDropout.from_network(module), then
    method.member_logits(images).softmax(-1). docs/your-own-model.md shows an example.
    """
    results = score_files(
        files,
        labels=labels,
        ood=ood or [],
        calibration=calibration or [],
        calibration_labels=calibration_labels,
        from_logits=from_logits,
        out=out,
        resamples=resamples,
        seed=seed,
    )
    if table := table_of(MAIN, results):
        print(terminal(table, get_terminal_size().columns))
    if out is not None:
        print(f"wrote {out}")


def command_line() -> int:
    """Run the command line and return its exit status: 2 for a user's mistake."""
    return exit_status(main, "python -m benchmarks.score")


if __name__ == "__main__":
    run_command("benchmarks.score")
