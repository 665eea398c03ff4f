"""The sub-commands of the suite and their options; `benchmarks.cli` begins and ends them.

What computes is imported by the command that needs it, so that help, and mistakes in options, take
no time.
"""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from runpy import run_path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from benchmarks.io import UserError, print_table, require_distinct, writable_folder, write_whole
from benchmarks.options import (
    CHOSEN,
    OPTIONS,
    RunParts,
    end,
    file,
    flag,
    how,
    how_much,
    path,
    path_in,
    separate,
    shown,
    what,
    with_options,
)
from benchmarks.vocabulary import ANSWER_CSV, INDEX_HTML, LAB_HTML, LATENCY, STAGES

if TYPE_CHECKING:
    from benchmarks.report.results import Results
    from benchmarks.run.plan import Plan
    from benchmarks.run.workspace import Cluster, Workspace


class _Commands(TyperGroup):
    """Refuses an unknown command with the names of all."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in self.commands:
            raise UserError(
                f"there is no command {args[0]!r}; choose from {', '.join(self.commands)}, or give "
                "options alone for a comparison"
            )
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["--help", "-h"]},
)


@app.command(
    epilog="Other commands, each with its own --help: score (predictions of others), check (votes "
    "for one image), lab (a page to draw digits on), table, figure, compare (of a run)."
)
@with_options(*OPTIONS)
def run(
    *,
    only: Annotated[
        str | None,
        what(f"One stage: {', '.join(STAGES)}.", metavar="STAGE", show_default="all of them"),
    ] = None,
    cluster: Annotated[
        Path | None, how("Compute on the cluster that a YAML file names.", metavar="FILE")
    ] = None,
    open_page: Annotated[
        bool, flag("Open the page of results in a browser at the end.", "--open")
    ] = False,
    show_plan: Annotated[
        bool, end("Print what the run would take, and do nothing.", "--plan")
    ] = False,
    list_all: Annotated[bool, end("List what can be chosen.", "--list")] = False,
    show_version: Annotated[bool, end("Show the version.", "--version")] = False,
    **chosen: Any,
) -> None:
    """Compare uncertainty methods on clean, shifted and out-of-distribution images.

    The same command continues a run that was interrupted. It is run where no command is named.
    """
    if show_version:  # by the file's path: to import it imports torch
        print(run_path(str(Path(__file__).parents[1] / "methods/version.py"))["suite_version"]())
        return
    if list_all:
        from benchmarks.run.configuration import choices

        for headings, rows in choices(chosen["task"]):
            print_table(headings, rows)
        print(f" --only      {' '.join(STAGES)}")
        return
    from benchmarks.run.configuration import DEFAULT_TASK
    from benchmarks.run.stages import chosen_run, run_stages

    if only is not None and only not in STAGES:
        raise UserError(f"--only: unknown stage {only!r}; choose from {', '.join(STAGES)}")
    if cluster and chosen["device"] == "cuda":
        raise UserError("--device cuda: a cluster computes on CPUs; leave out one of the options")
    chosen |= {"device": "cpu"} if cluster else {}
    chosen |= {"jobs": 1} if only == LATENCY else {}
    task = "" if chosen["task"] == DEFAULT_TASK else chosen["task"]
    name = "-".join(filter(None, (task, chosen["preset"], chosen["recipe"])))
    # Beside what the repository has of its own runs.
    chosen["out"] = out = chosen["out"] or Path("results", "mine", name)
    plan, workspace = chosen_run(chosen, cluster=cluster)
    if show_plan:
        from benchmarks.run.expected import show_expected  # imports what all stages need

        show_expected(plan, workspace)
        return
    with _workers(cluster, plan, only) as workers:
        there = replace(workspace, cluster=workers)
        failures = run_stages(plan, there, only, overwrite=chosen["overwrite"])
    from benchmarks.report.outcome import show_outcome

    show_outcome(out)
    page = out / INDEX_HTML
    if open_page and not page.exists():
        print(f"--open: there is no {page} yet; run without --only first", file=sys.stderr)
    elif open_page and not webbrowser.open(page.resolve().as_uri()):
        print(f"--open: no browser was found here; open {page} in one", file=sys.stderr)
    for failed, reason in failures:
        print(f"failed: {failed}: {reason}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


@contextmanager
def _workers(file: Path | None, plan: Plan, only: str | None) -> Iterator[Cluster | None]:
    """The workers that a file names, ended after the block; ``None`` without a file.

    Raises:
        UserError: it names none, or there is nothing for them to do.
    """
    if file is None:
        yield None
        return
    if only == LATENCY:
        raise UserError("--only latency times methods on this machine; leave out --cluster")
    try:
        from benchmarks.cluster import DaskCluster, read_choice  # of an extra

        choice = read_choice(file)
    except ModuleNotFoundError as error:
        raise UserError(
            f"--cluster needs the library {error.name}; install it with: "
            "python -m pip install 'uncertainty-bench[cluster]'"
        ) from error
    with DaskCluster(choice, kernels=plan.configuration.engine == "numba") as cluster:
        yield cluster


DRAWN_BY_DEFAULT = {"resamples": RunParts.resamples, "seed": RunParts.seed}
"""How `score` draws images anew, where no influence is known."""


@app.command()
def score(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files of predictions (.npz, .npy, .csv), a method each; several are "
            "compared image by image.",
            metavar="FILE",
        ),
    ],
    labels: Annotated[Path | None, file("The labels, where the other files hold none.")] = None,
    ood: Annotated[
        list[str] | None,
        file(
            "Predictions of out-of-distribution images; once for each method, in their order.",
            metavar="NAME=FILE",
        ),
    ] = None,
    calibration: Annotated[
        list[Path] | None,
        file("Predictions of calibration images; once for each method, in their order."),
    ] = None,
    calibration_labels: Annotated[
        Path | None, file("The labels of the calibration images.")
    ] = None,
    humans: Annotated[
        Path | None, file("How many people gave each class to each image (.npy, .csv).")
    ] = None,
    reference: Annotated[
        Path | None, file("Probabilities of the same images to compare with (.npy, .csv).")
    ] = None,
    out: Annotated[
        Path | None,
        path(
            "A folder for numbers, tables, figures and a page.",
            show_default="none; the main table is printed",
        ),
    ] = None,
    beside: Annotated[
        Path | None,
        path(
            "A run with influences/: its contestants are compared with yours.",
            metavar="RUN",
            show_default="none",
        ),
    ] = None,
    from_logits: Annotated[
        bool, flag("All predictions are logits, not probabilities.", "--from-logits")
    ] = False,
    resamples: Annotated[
        int, how("How often images are drawn anew, for intervals that need it.", metavar="N")
    ] = DRAWN_BY_DEFAULT["resamples"],
    seed: Annotated[int, OPTIONS["seed"].option] = DRAWN_BY_DEFAULT["seed"],
) -> None:
    """Score predictions of others with the measures, intervals and tables of the suite.

    A file of one array is one of predictions (.npy of numpy.save, .csv with a column a class), and
    the options name the files of the rest. An .npz file of
    np.savez(file, probabilities=..., labels=..., ood_NAME=...) holds all of it:

    probabilities: images x classes, or members x images x classes; rows sum to 1. With
    --from-logits, these are logits, under the same name.

    labels: a whole number from 0 for each image.

    ood_NAME: the same for images that belong to none of the classes.

    calibration_probabilities and calibration_labels: both, or neither; the same for images that
    the model was not trained on, for conformal sets and recalibration.

    With --humans, predictions are scored by people's answers: NLL and Brier score against their
    shares, and the rank correlation of each uncertainty with the entropy of these. With
    --reference, by the share of images with the same top class and the total variation.

    With --beside RUN, arrays are named as conditions of the run (clean, corrupted-fog, ...), and
    predictions are of the images that benchmarks.api.images_beside gives.
    """
    from benchmarks.compare import show_against, show_differences
    from benchmarks.intake.beside import score_beside
    from benchmarks.intake.given import score_files
    from benchmarks.report.outcome import show_best
    from benchmarks.report.tables.declared import MAIN
    from benchmarks.report.tables.pivot import table_of
    from benchmarks.report.tables.table import terminal

    drawn: dict[str, Any] = {"resamples": resamples, "seed": seed}
    how: dict[str, Any] = {"from_logits": from_logits, "out": out}
    further: dict[str, Any] = {
        "labels": labels,
        "ood": ood or [],
        "calibration": calibration or [],
        "calibration_labels": calibration_labels,
        "humans": humans,
        "reference": reference,
    }
    if beside is None:
        scored = score_files(files, **further, **how, **drawn)
        if printed := table_of(MAIN, scored.results):
            print(terminal(printed, get_terminal_size().columns))
        show_against(scored.results.names, scored.against)
    elif given := [
        *(name for name, value in further.items() if value),
        *(name for name, value in drawn.items() if value != DRAWN_BY_DEFAULT[name]),
    ]:
        raise UserError(
            f"--{given[0].replace('_', '-')}: with --beside, a file holds all predictions of its "
            "method; leave out the option"
        )
    else:
        require_distinct("FILE, which names a method", [file.stem for file in files])
        scored = score_beside(beside, {file.stem: file for file in files}, **how)
        show_best(scored.results)
        show_differences(scored.results, scored.differences)
    if out is not None:
        print(f"wrote {out}")


DRAWN = (".pdf", ".svg", ".png")
"""Endings of a figure's file."""

NETWORKS = ("epochs", "networks", "data_dir", "seed", "device", "engine")
"""The options of commands that train networks as the article does."""


@app.command()
@with_options(*NETWORKS)
def check(
    image: Annotated[
        Path | None,
        typer.Argument(help="An image of a digit, of any size and colours.", metavar="FILE"),
    ] = None,
    index: Annotated[
        int | None, what("Instead of a file: which test image, from 0.", metavar="N")
    ] = None,
    passes: Annotated[int, how_much("Passes of MC-dropout.")] = 100,
    members: Annotated[int, how_much("Networks of the deep ensemble.")] = 50,
    out: Annotated[
        Path | None,
        path("The figure: a PNG, SVG or PDF.", show_default="epistemic-check-IMAGE.png"),
    ] = None,
    **chosen: Any,
) -> None:
    """Count the votes of softmax, MC-dropout and a deep ensemble for one image, and draw them.

    Networks are trained as the article trains them. The command uses those that a run of the preset
    `article` has trained, on the same device and by the same engine, and trains missing ones.
    """
    from benchmarks.check import draw_check

    if (index is None) == (image is None):
        raise UserError("name one image: either --index 591 or a file such as my_digit.png")
    path = out or Path(f"epistemic-check-{index if image is None else image.stem}.png")
    numbers = {"passes": (passes,), "members": (members,), "replicates": 1}
    plan, workspace = _article_networks(_require_file(path, *DRAWN), chosen | numbers)
    draw_check(plan, workspace, path, index=index, file=image)
    print(f"wrote {path}")


def _article_networks(file: Path, chosen: dict[str, Any]) -> tuple[Plan, Workspace]:
    """Networks of the article, and where a command computes with them that writes one file."""
    from benchmarks.run.configuration import chosen_configuration
    from benchmarks.run.plan import Plan
    from benchmarks.run.workspace import make_ready, workspace_for

    parts = {part: chosen[part] for part in CHOSEN if part in chosen}
    plan = Plan(chosen_configuration(preset="article", **parts))
    folder = writable_folder("--out", file.parent)
    places = {place: chosen[place] for place in ("networks", "data_dir")}
    workspace = workspace_for(plan, folder, **places)
    make_ready(plan, workspace)
    return plan, workspace


@app.command()
@with_options(*NETWORKS)
def lab(
    members: Annotated[int, how_much("Networks of the article that vote.", min=2)] = 50,
    out: Annotated[Path, path("The page to write.")] = Path(LAB_HTML),
    **chosen: Any,
) -> None:
    """Make the lab: one page, offline, on which one draws a digit and sees networks disagree.

    It shows networks trained as the article trains, and networks trained well. Networks that are
    not stored yet are trained.
    """
    from benchmarks.lab.page import METHODS, make_lab

    file = _require_file(out, ".html")
    plan, workspace = _article_networks(file, chosen | {"methods": METHODS})
    make_lab(plan, workspace, out, members=members)
    print(f"wrote {out} ({out.stat().st_size / 1e6:.1f} MB)")


RunFolder = Annotated[
    Path, typer.Argument(help="The folder of a run.", parser=path_in, metavar="RUN")
]
ShownMethods = Annotated[list[str] | None, shown("Methods; of a certain size as mc_dropout-50.")]
ShownMetrics = Annotated[list[str] | None, shown("Metrics.")]


@app.command()
def table(
    run: RunFolder,
    name: Annotated[str, typer.Argument(help="The table's name, as in tables/.", metavar="NAME")],
    methods: ShownMethods = None,
    metrics: ShownMetrics = None,
    columns: Annotated[
        list[str] | None, shown("Columns, by their headings, in order.", metavar="HEADING,…")
    ] = None,
    latex: Annotated[
        bool, flag("For LaTeX with booktabs and rotating, instead of Markdown.", "--latex")
    ] = False,
    out: Annotated[
        Path | None, file("The file to write.", show_default="none; it is printed")
    ] = None,
) -> None:
    """Print a table of a run, or what is chosen of it, or write it to a file."""
    from benchmarks.report.tables.choice import chosen_table
    from benchmarks.report.tables.declared import tables_by_name
    from benchmarks.report.tables.table import latex as as_latex
    from benchmarks.report.tables.table import markdown

    results = _results_in(run)
    tables = tables_by_name(results)
    if name not in tables:
        raise UserError(f"there is no table {name!r}; choose from {', '.join(tables)}")
    if out is not None and out.suffix in {".csv", ".md", ".tex"} - {".tex" if latex else ".md"}:
        written = "LaTeX, as .tex" if latex else "Markdown, as .md; with --latex, .tex"
        raise UserError(f"--out {out}: the table is written as {written}; tables/ has the CSV")
    given = {"methods": methods, "metrics": metrics, "columns": columns}
    chosen = {part: words for part, values in given.items() if (words := separate(values))}
    if (made := chosen_table(name, results, **chosen) if chosen else tables[name]()) is None:
        raise UserError(f"{run} has no numbers for the table {name!r}; name another")
    text = as_latex(made) if latex else markdown(made)
    if out is None:
        print(text, end="")
        return
    writable_folder("--out", _require_file(out).parent)
    write_whole(out, text)
    print(f"wrote {out}")


@app.command()
def figure(
    run: RunFolder,
    name: Annotated[str, typer.Argument(help="Such as rotated or roc.", metavar="NAME")],
    methods: ShownMethods = None,
    metrics: ShownMetrics = None,
    conditions: Annotated[list[str] | None, shown("Sets of images.")] = None,
    title: Annotated[bool, shown("The finding, above the figure.", metavar=" ")] = True,
    out: Annotated[Path | None, file("The file: PDF, SVG or PNG.", show_default="NAME.pdf")] = None,
) -> None:
    """Draw a figure of a run for a paper, with what it is to show."""
    from benchmarks.report import figures

    path = _require_file(out or Path(f"{name}.pdf"), *DRAWN)
    drawing = figures.draw_figure(
        _results_in(run),
        name,
        methods=separate(methods),
        metrics=separate(metrics),
        conditions=separate(conditions),
        titled=title,
    )
    writable_folder("--out", path.parent)
    figures.save_figure(drawing.figure, path)
    print(f"wrote {path}")


@app.command()
def compare(
    first: Annotated[
        str,
        typer.Argument(
            help="A method, of a certain size and budget as mc_dropout-100 or softmax-1-budget-5, "
            "or a score of one network, such as energy.",
            metavar="A",
        ),
    ],
    second: Annotated[str, typer.Argument(help="Another one.", metavar="B")],
    run: Annotated[Path, path("The folder of a run.", metavar="RUN")] = Path("results/mnist"),
) -> None:
    """Compare two contestants of a run by the five measures, with 95 % intervals."""
    from benchmarks.compare import show_comparison

    show_comparison(run, first, second)


def _results_in(run: Path) -> Results:
    """The results of a run; it is said if they lack what compares methods."""
    from benchmarks.report.results import Results

    results = Results.load(run)
    if results.answer.empty and len(results.compared) > 1:
        typer.echo(f"note: {run} has no {ANSWER_CSV}, by which methods are judged", err=True)
    return results


def _require_file(out: Path, *endings: str) -> Path:
    """The file that ``--out`` names, unless it is a folder or ends in another way."""
    if out.is_dir():
        raise UserError(f"--out {out}: this is a folder; name a file")
    if endings and out.suffix.lower() not in endings:
        raise UserError(f"--out {out}: expected a file name that ends in {' or '.join(endings)}")
    return out
