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
    DataSetting,
    DeviceSetting,
    EngineSetting,
    EpochsSetting,
    NetworksSetting,
    RunArgument,
    SeedSetting,
    end,
    flag,
    how,
    how_much,
    path,
    separate,
    shown,
    what,
    where,
    with_parts,
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
@with_parts
def run(
    chosen: dict[str, Any],
    all_rows: Annotated[
        bool, what("Every metric by every score and condition.", "--all-rows", metavar=" ")
    ] = False,
    only: Annotated[
        str | None,
        what(f"One stage: {', '.join(STAGES)}.", metavar="STAGE", show_default="all of them"),
    ] = None,
    out: Annotated[
        Path | None,
        path("The folder of the run.", show_default="results/mine/[TASK-]PRESET[-RECIPE]"),
    ] = None,
    networks: NetworksSetting = None,
    data_dir: DataSetting = None,
    jobs: Annotated[
        int | None,
        how("Processes that compute.", metavar="N", min=1, show_default="one a core; one on a GPU"),
    ] = None,
    cluster: Annotated[
        Path | None, how("Compute on the cluster that a YAML file names.", metavar="FILE")
    ] = None,
    overwrite: Annotated[
        bool, flag("Remove an earlier run from the folder first.", "--overwrite")
    ] = False,
    open_page: Annotated[
        bool, flag("Open the page of results in a browser at the end.", "--open")
    ] = False,
    show_plan: Annotated[
        bool, end("Print what the run would take, and do nothing.", "--plan")
    ] = False,
    list_all: Annotated[bool, end("List what can be chosen.", "--list")] = False,
    show_version: Annotated[bool, end("Show the version.", "--version")] = False,
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
    from benchmarks.report.outcome import show_outcome
    from benchmarks.run.configuration import (
        DEFAULT_TASK,
        NETWORKS,
        chosen_configuration,
        fitting_device,
    )
    from benchmarks.run.plan import Plan
    from benchmarks.run.record import require_apart
    from benchmarks.run.stages import run_stages
    from benchmarks.run.workspace import workspace_for

    if only is not None and only not in STAGES:
        raise UserError(f"--only: unknown stage {only!r}; choose from {', '.join(STAGES)}")
    networks = networks or NETWORKS
    task = "" if chosen["task"] == DEFAULT_TASK else chosen["task"]
    name = "-".join(filter(None, (task, chosen["preset"], chosen["recipe"])))
    out = out or Path("results", "mine", name)  # beside what the repository has of its own runs
    require_apart(out, networks=networks, data_dir=data_dir, cluster=cluster)
    for location in chosen["custom_methods"] or ():
        require_apart(out, method=Path(location.rpartition(":")[0]))
    if cluster and chosen["device"] == "cuda":
        raise UserError("--device cuda: a cluster computes on CPUs; leave out one of the options")
    device = fitting_device("cpu" if cluster else chosen["device"])
    configuration = chosen_configuration(**chosen | {"device": device})
    plan = Plan(configuration, all_rows)
    workspace = workspace_for(
        plan, out, networks=networks, data_dir=data_dir, jobs=1 if only == LATENCY else jobs
    )
    if show_plan:
        from benchmarks.run.expected import show_expected  # imports what all stages need

        show_expected(plan, workspace)
        return
    with _workers(cluster, plan, only) as workers:
        there = replace(workspace, cluster=workers)
        failures = run_stages(plan, there, only, overwrite=overwrite)
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
    labels: Annotated[
        Path | None, where("The labels, where the other files hold none.", metavar="FILE")
    ] = None,
    ood: Annotated[
        list[str] | None,
        where(
            "Predictions of out-of-distribution images; once for each method, in their order.",
            metavar="NAME=FILE",
        ),
    ] = None,
    calibration: Annotated[
        list[Path] | None,
        where(
            "Predictions of calibration images; once for each method, in their order.",
            metavar="FILE",
        ),
    ] = None,
    calibration_labels: Annotated[
        Path | None, where("The labels of the calibration images.", metavar="FILE")
    ] = None,
    humans: Annotated[
        Path | None,
        where("How many people gave each class to each image (.npy, .csv).", metavar="FILE"),
    ] = None,
    reference: Annotated[
        Path | None,
        where("Probabilities of the same images to compare with (.npy, .csv).", metavar="FILE"),
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
    ] = 200,
    seed: SeedSetting = 0,
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
        scored = score_files(files, **further, **how, resamples=resamples, seed=seed)
        if printed := table_of(MAIN, scored.results):
            print(terminal(printed, get_terminal_size().columns))
        show_against(scored.results.names, scored.against)
    elif given := [name for name, value in further.items() if value]:
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


@app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="An image of a digit, of any size and colours.", metavar="FILE"),
    ] = None,
    index: Annotated[
        int | None, what("Instead of a file: which test image, from 0.", metavar="N")
    ] = None,
    passes: Annotated[int, how_much("Passes of MC-dropout.")] = 100,
    members: Annotated[int, how_much("Networks of the deep ensemble.")] = 50,
    epochs: EpochsSetting = None,
    out: Annotated[
        Path | None,
        path("The figure: a PNG, SVG or PDF.", show_default="epistemic-check-IMAGE.png"),
    ] = None,
    networks: NetworksSetting = None,
    data_dir: DataSetting = None,
    seed: SeedSetting = 0,
    device: DeviceSetting = "auto",
    engine: EngineSetting = "auto",
) -> None:
    """Count the votes of softmax, MC-dropout and a deep ensemble for one image, and draw them.

    Networks are trained as the article trains them. It uses those that a run of the preset
    `article` has trained, on the same device and by the same engine, and trains missing ones.
    """
    from benchmarks.check import DRAWN, check_plan, draw_check
    from benchmarks.run.configuration import fitting_device

    if (index is None) == (file is None):
        raise UserError("name one image: either --index 591 or a file such as my_digit.png")
    path = out or Path(f"epistemic-check-{index if file is None else file.stem}.png")
    if path.suffix.lower() not in DRAWN or path.is_dir():
        raise UserError(f"--out {path}: expected a file name that ends in {', '.join(DRAWN)}")
    plan = check_plan(
        passes=passes,
        members=members,
        epochs=epochs,
        seed=seed,
        device=fitting_device(device),
        engine=engine,
    )
    workspace = _workspace_of_file(path, plan, networks, data_dir)
    draw_check(plan, workspace, path, index=index, file=file)
    print(f"wrote {path}")


def _workspace_of_file(
    path: Path, plan: Plan, networks: Path | None, data_dir: Path | None
) -> Workspace:
    """Where a command computes that writes one file, ready to compute there."""
    from benchmarks.run.workspace import make_ready, workspace_for

    folder = writable_folder("--out", path.parent)
    workspace = workspace_for(plan, folder, networks=networks, data_dir=data_dir)
    make_ready(plan, workspace)
    return workspace


@app.command()
def lab(
    members: Annotated[int, how_much("Networks that vote.", min=2)] = 50,
    epochs: EpochsSetting = None,
    out: Annotated[Path, path("The page to write.")] = Path(LAB_HTML),
    networks: NetworksSetting = None,
    data_dir: DataSetting = None,
    seed: SeedSetting = 0,
    device: DeviceSetting = "auto",
    engine: EngineSetting = "auto",
) -> None:
    """Make the lab: one page, offline, on which one draws a digit and sees networks disagree.

    It compares what is drawn with all test images. Networks that are not stored yet are trained.
    """
    from benchmarks.lab.page import lab_plan, make_lab
    from benchmarks.run.configuration import fitting_device
    from methods.engines import fitting_engine

    if out.suffix != ".html" or out.is_dir():
        raise UserError(f"--out {out}: expected a file name that ends in .html")
    chosen = fitting_device(device)
    plan = lab_plan(epochs=epochs, seed=seed, device=chosen, engine=fitting_engine(engine, chosen))
    workspace = _workspace_of_file(out, plan, networks, data_dir)
    make_lab(plan, workspace, out, members=members)
    print(f"wrote {out} ({out.stat().st_size / 1e6:.1f} MB)")


@app.command()
def table(
    run: RunArgument,
    name: Annotated[
        str, typer.Argument(help="Of the table: its file's in tables/.", metavar="NAME")
    ],
    methods: Annotated[
        list[str] | None,
        shown("Methods; of a certain size as mc_dropout-50.", metavar="NAME,…"),
    ] = None,
    metrics: Annotated[list[str] | None, shown("Metrics.", metavar="NAME,…")] = None,
    columns: Annotated[
        list[str] | None, shown("Columns, by their headings, in order.", metavar="HEADING,…")
    ] = None,
    latex: Annotated[
        bool, flag("For LaTeX with booktabs and rotating, instead of Markdown.", "--latex")
    ] = False,
    out: Annotated[
        Path | None,
        where("The file to write.", show_default="none; it is printed", metavar="FILE"),
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
    write_whole(_file_to_write(out), text)
    print(f"wrote {out}")


@app.command()
def figure(
    run: RunArgument,
    name: Annotated[str, typer.Argument(help="Such as rotated or roc.", metavar="NAME")],
    methods: Annotated[
        list[str] | None,
        shown("Methods; of a certain size as mc_dropout-50.", metavar="NAME,…"),
    ] = None,
    metrics: Annotated[list[str] | None, shown("Metrics.", metavar="NAME,…")] = None,
    conditions: Annotated[list[str] | None, shown("Sets of images.", metavar="NAME,…")] = None,
    title: Annotated[bool, shown("The finding, above the figure.", metavar=" ")] = True,
    out: Annotated[
        Path | None,
        where("The file: PDF, SVG or PNG.", show_default="NAME.pdf", metavar="FILE"),
    ] = None,
) -> None:
    """Draw a figure of a run for a paper, with what it is to show."""
    from benchmarks.report import figures

    path = out or Path(f"{name}.pdf")
    if not (path.suffix or path.is_dir()):  # matplotlib would write to another name
        raise UserError(f"--out {path}: expected a file name that ends in .pdf, .svg or .png")
    drawing = figures.draw_figure(
        _results_in(run),
        name,
        methods=separate(methods) or (),
        metrics=separate(metrics) or (),
        conditions=separate(conditions) or (),
        titled=title,
    )
    figures.save_figure(drawing.figure, _file_to_write(path))
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


def _file_to_write(out: Path) -> Path:
    """The file that ``--out`` names, of which nothing but its content is missing.

    Raises:
        UserError: it is a folder, or its own folder cannot be written.
    """
    writable_folder("--out", out.parent)
    if out.is_dir():
        raise UserError(f"--out {out}: this is a folder; name a file")
    return out
