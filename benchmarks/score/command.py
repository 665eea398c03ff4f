"""Score external predictions: ``python -m benchmarks.score predictions.npz``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.command_line import exit_status, named_folder
from benchmarks.files import writable_folder
from benchmarks.report.tables.quality import main_table
from benchmarks.report.tables.text.terminal import caption, notes, terminal
from benchmarks.run.configuration.choices import require_resampling
from benchmarks.score.external_predictions import read_predictions, require_same_images
from benchmarks.score.scoring import Scores, require_no_run, score, write_scores
from benchmarks.vocabulary import SELF_TRAINED


def main(
    files: Annotated[
        list[Path],
        typer.Argument(help="Files written by np.savez; several are compared image by image."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for all numbers and tables; the main table is always printed.",
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

    A file holds the following arrays, written by np.savez(file, probabilities=..., labels=...,
    ood_NAME=...). Other names are refused.

    probabilities: [members, images, classes], or [images, classes] for one member; rows sum to 1.

    labels: [images], whole numbers from 0.

    ood_NAME: probabilities of out-of-distribution images, by equally many members; any number of
    sets, or none.

    calibration_probabilities, calibration_labels: the same of images that the model was not
    trained on, for conformal sets and recalibration; both, or neither.

    Softmax, MC-dropout and deep ensembles of a trained torch.nn.Module of your own give such
    probabilities: method = MCDropout.from_network(module), then
    method.member_logits(images).softmax(-1). docs/own-predictions.md shows an example.
    """
    require_resampling(resamples, seed)
    external = [read_predictions(path) for path in files]
    require_same_images(external)
    if out is not None:
        require_no_run(writable_folder("--out", out))
    scores = score(external, resamples=resamples, seed=seed)
    if out is not None:
        write_scores(scores, external, out, resamples=resamples, seed=seed)
    _show(scores, out)


def _show(scores: Scores, out: Path | None) -> None:
    console = Console()
    table = main_table(scores.results, SELF_TRAINED)
    for part in (caption(table), *terminal(table), *notes(table)):
        console.print(part)
    if out is not None:
        print(f"wrote {out}")


def command_line() -> int:
    """Run the command line and return its exit status: 2 for a user's mistake."""
    return exit_status(main, "python -m benchmarks.score")
