"""The sub-commands of the suite and their options; `benchmarks.cli` begins and ends them.

An option that several commands have is declared once. What computes is imported by the command that
needs it, so that help, and mistakes in options, take no time.
"""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from benchmarks.io import UserError, writable_folder, written_whole
from benchmarks.vocabulary import ACROSS_MD, ALL, INDEX_HTML, LAB_HTML, LATENCY, RUN_JSON, STAGES

if TYPE_CHECKING:
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
    cls=_Commands, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)


def _path_in(text: str | Path) -> Path:
    """The path that an option names; `Path` would take an empty name for the current folder."""
    if not str(text).strip():
        raise typer.BadParameter("the name is empty; name a folder, or write . for this one")
    return Path(text)


def _separate(values: list[str] | None) -> tuple[str, ...] | None:
    """The words of an option, which may be separated by commas and given several times."""
    if values is None:
        return None
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def _integers(option: str, values: list[str] | None) -> tuple[int, ...] | None:
    """The numbers of an option, in their order."""
    words = _separate(values)
    for word in words or ():
        # Python itself reads no number of thousands of digits.
        if not word.isdecimal() or len(word) > 100:
            raise UserError(
                f"{option}: {word!r} is not a whole number; write, for example, {option} 10,50"
            )
    return None if words is None else tuple(sorted({int(word) for word in words}))


def _images(option: str, text: str | None) -> int | str | None:
    """How many images an option says: a number, or all."""
    if text is None or text == ALL:
        return text
    numbers = _integers(option, [text])
    if numbers is None or len(numbers) != 1:
        raise UserError(f"{option}: {text!r} is not one number; write a number, or {ALL}")
    return numbers[0]


def _option(panel: str, **common: Any) -> Callable[..., Any]:
    """A function of a help text that declares an option of a group in the help."""

    def declared(text: str, *names: str, **own: Any) -> Any:
        return typer.Option(*names, help=text, **{"rich_help_panel": panel} | common | own)

    return declared


_what, _where, _how = _option("What"), _option("Where"), _option("How")
_how_much = _option("How much", metavar="N")
_flag, _end = _option("How", metavar=" "), _option("Options", metavar=" ")
_path = _option("Where", metavar="PATH", parser=_path_in)
_shown = _option("What is shown", metavar="NAME,…", show_default="all")
_by_preset = partial(_option, show_default="the preset's")
_number = _by_preset("How much", metavar="N")
_numbers = _by_preset("How much", metavar="N,…")
_names = _by_preset("What", metavar="NAME,…")

PresetSetting = Annotated[
    str,
    _what(
        "The rest of the options: quick (a first look), article (its claims), medium (all "
        "methods, in hours), full (everything) or published (numbers of other papers).",
        metavar="NAME",
    ),
]
EpochsSetting = Annotated[
    int | None, _how_much("Epochs of training.", show_default="the preset's, or the recipe's")
]
SeedSetting = Annotated[int, _how("Every random choice follows from it.", metavar="N")]
DeviceSetting = Annotated[
    Literal["auto", "cpu", "cuda"],
    _how("Where networks are trained and evaluated; auto: on a GPU, if there is one."),
]
EngineSetting = Annotated[
    Literal["auto", "numba", "torch"],
    _how("What computes: compiled kernels (numba, on the CPU) or PyTorch; auto: as fits."),
]
DataSetting = Annotated[
    Path | None,
    _path(
        "A folder of your data sets; what it lacks is downloaded to the cache.",
        envvar="UNCERTAINTY_BENCH_DATA",
    ),
]
NetworksSetting = Annotated[
    Path | None,
    _path(
        "Trained networks, shared by all runs: what is there is not trained again.",
        show_default="the cache",
    ),
]
RunArgument = Annotated[
    Path, typer.Argument(help="The folder of a run.", parser=_path_in, metavar="RUN")
]


@app.command(
    epilog="Other commands, each with its own --help: score (predictions of others), check (votes "
    "for one image), lab (a page to draw digits on), table, figure (of a run), across (of several)."
)
def run(
    preset: PresetSetting = "quick",
    task: Annotated[str, _what("What is classified.", metavar="NAME")] = "mnist",
    recipe: Annotated[list[str] | None, _names("How networks are trained.")] = None,
    methods: Annotated[list[str] | None, _names("Methods that are compared.")] = None,
    method: Annotated[
        list[str] | None,
        _what("A method of your own, compared as well.", metavar="FILE.py:CLASS"),
    ] = None,
    conditions: Annotated[
        list[str] | None, _names("Sets of images, or globs such as 'rotated-*'.")
    ] = None,
    scores: Annotated[
        Literal["all", "unfitted"] | None,
        _by_preset("What")("Uncertainty scores; unfitted: none fitted on training images."),
    ] = None,
    all_rows: Annotated[
        bool, _what("Every metric by every score and condition.", "--all-rows", metavar=" ")
    ] = False,
    only: Annotated[
        str | None,
        _what(f"One stage: {', '.join(STAGES)}.", metavar="STAGE", show_default="all of them"),
    ] = None,
    members: Annotated[list[str] | None, _numbers("Networks of an ensemble.")] = None,
    passes: Annotated[list[str] | None, _numbers("Passes of MC-dropout.")] = None,
    in_depth: Annotated[
        list[str] | None,
        _names("Recipes evaluated at every size and by slow methods.", rich_help_panel="How much"),
    ] = None,
    replicates: Annotated[
        int | None, _number("Networks on which a method of one network is repeated.")
    ] = None,
    pool: Annotated[
        int | None, _number("Networks of a recipe; ensembles are disjoint blocks of them.")
    ] = None,
    images: Annotated[
        str | None, _number("Images of each condition; all: of each severity as well.")
    ] = None,
    severity_images: Annotated[
        str | None, _number("Images of each severity and corruption, or all.")
    ] = None,
    subset_images: Annotated[
        int | None, _how_much("Images of each condition for slow methods.", show_default="50")
    ] = None,
    epochs: EpochsSetting = None,
    resamples: Annotated[
        int | None, _number("How often images are drawn anew, for intervals.")
    ] = None,
    batch_sizes: Annotated[list[str] | None, _numbers("Images of a call, in timings.")] = None,
    out: Annotated[
        Path | None,
        _path("The folder of the run.", show_default="results/PRESET or results/TASK-PRESET"),
    ] = None,
    networks: NetworksSetting = None,
    data_dir: DataSetting = None,
    seed: SeedSetting = 0,
    device: DeviceSetting = "auto",
    engine: EngineSetting = "auto",
    jobs: Annotated[
        int | None,
        _how(
            "Processes that compute.", metavar="N", min=1, show_default="one a core; one on a GPU"
        ),
    ] = None,
    cluster: Annotated[
        Path | None, _how("Compute on the cluster that a YAML file names.", metavar="FILE")
    ] = None,
    shard: Annotated[
        str | None,
        _how("Only the I-th of N shares, where machines share no folder.", metavar="I/N"),
    ] = None,
    overwrite: Annotated[
        bool, _flag("Remove an earlier run from the folder first.", "--overwrite")
    ] = False,
    open_page: Annotated[
        bool, _flag("Open the page of results in a browser at the end.", "--open")
    ] = False,
    list_all: Annotated[bool, _end("List what can be chosen.", "--list")] = False,
    show_version: Annotated[bool, _end("Show the version.", "--version")] = False,
) -> None:
    """Compare uncertainty methods on clean, shifted and out-of-distribution images.

    The same command continues a run that was interrupted. It is run where no command is named.
    """
    from benchmarks.choices import list_choices
    from benchmarks.report.outcome import show_outcome
    from benchmarks.run.configuration import (
        DEFAULT_TASK,
        NETWORKS,
        chosen_configuration,
        fitting_device,
    )
    from benchmarks.run.plan import Plan, Shard
    from benchmarks.run.record import require_apart
    from benchmarks.run.stages import run_stages
    from benchmarks.run.workspace import workspace_for
    from methods.determinism import suite_version

    if show_version:
        print(suite_version())
        return
    if list_all:
        list_choices(task)
        return
    if only is not None and only not in STAGES:
        raise UserError(f"--only: unknown stage {only!r}; choose from {', '.join(STAGES)}")
    networks = networks or NETWORKS
    share = None if shard is None else Shard.named(shard, only)
    out = out or Path("results") / (preset if task == DEFAULT_TASK else f"{task}-{preset}")
    require_apart(out, networks=networks, data_dir=data_dir, cluster=cluster)
    for location in method or ():
        require_apart(out, method=Path(location.rpartition(":")[0]))
    if cluster and method:  # whose workers have another working folder
        method = [str(Path(location).resolve()) for location in method]
    if cluster and device == "cuda":
        raise UserError("--device cuda: a cluster computes on CPUs; leave out one of the options")
    chosen_device = fitting_device("cpu" if cluster else device)
    configuration = chosen_configuration(
        preset,
        task,
        {
            "recipes": _separate(recipe),
            "methods": _separate(methods),
            "custom_methods": method,
            "conditions": _separate(conditions),
            "members": _integers("--members", members),
            "passes": _integers("--passes", passes),
            "in_depth": _separate(in_depth),
            "replicates": replicates,
            "pool": pool,
            "images": _images("--images", images),
            "severity_images": _images("--severity-images", severity_images),
            "subset_images": subset_images,
            "epochs": epochs,
            "resamples": resamples,
            "batch_sizes": _integers("--batch-sizes", batch_sizes),
            "scores": scores,
        },
        seed=seed,
        device=chosen_device,
        engine=engine,
    )
    plan = Plan(configuration, share, all_rows)
    workspace = workspace_for(
        plan, out, networks=networks, data_dir=data_dir, jobs=1 if only == LATENCY else jobs
    )
    with _workers(cluster, plan, only) as workers:
        there = workspace if workers is None else workspace.on(workers)
        failures = run_stages(plan, there, only, overwrite=overwrite)
    show_outcome(out)
    if share is not None:
        print(share.next_step)
    if open_page:
        _open(out / INDEX_HTML)
    for what, reason in failures:
        print(f"failed: {what}: {reason}", file=sys.stderr)
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


def _open(page: Path) -> None:
    """Open the page in a browser; without one, print where it lies."""
    if not page.exists():
        print(f"--open: there is no {page} yet; run without --only first", file=sys.stderr)
    elif not webbrowser.open(page.resolve().as_uri()):
        print(f"--open: no browser was found here; open {page} in one", file=sys.stderr)


@app.command()
def score(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files of predictions (.npz, .npy, .pt, .csv), a method each; several are "
            "compared image by image.",
            metavar="FILE",
        ),
    ],
    labels: Annotated[
        Path | None, _where("The labels, where the other files hold none.", metavar="FILE")
    ] = None,
    ood: Annotated[
        list[str] | None,
        _where(
            "Predictions of out-of-distribution images; once for each method, in their order.",
            metavar="NAME=FILE",
        ),
    ] = None,
    calibration: Annotated[
        list[Path] | None,
        _where(
            "Predictions of calibration images; once for each method, in their order.",
            metavar="FILE",
        ),
    ] = None,
    calibration_labels: Annotated[
        Path | None, _where("The labels of the calibration images.", metavar="FILE")
    ] = None,
    out: Annotated[
        Path | None,
        _path(
            "A folder for numbers, tables, figures and a page.",
            show_default="none; the main table is printed",
        ),
    ] = None,
    from_logits: Annotated[
        bool, _flag("All predictions are logits, not probabilities.", "--from-logits")
    ] = False,
    resamples: Annotated[
        int, _how("How often images are drawn anew, for intervals.", metavar="N")
    ] = 10_000,
    seed: SeedSetting = 0,
) -> None:
    """Score predictions of others with the measures, intervals and tables of the suite.

    A file of one array is one of predictions (.npy of numpy.save, .pt of torch.save, .csv with a
    column a class), and the options name the files of the rest. An .npz file of
    np.savez(file, probabilities=..., labels=..., ood_NAME=...) holds all of it:

    probabilities: images x classes, or members x images x classes; rows sum to 1. With
    --from-logits, these are logits, under the same name.

    labels: a whole number from 0 for each image.

    ood_NAME: the same for images that belong to none of the classes.

    calibration_probabilities and calibration_labels: both, or neither; the same for images that
    the model was not trained on, for conformal sets and recalibration.
    """
    from benchmarks.external import score_files
    from benchmarks.report.tables.declared import MAIN
    from benchmarks.report.tables.pivot import table_of
    from benchmarks.report.tables.table import terminal

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
    if printed := table_of(MAIN, results):
        print(terminal(printed, get_terminal_size().columns))
    if out is not None:
        print(f"wrote {out}")


@app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="An image of a digit, of any size and colours.", metavar="FILE"),
    ] = None,
    index: Annotated[
        int | None, _what("Instead of a file: which test image, from 0.", metavar="N")
    ] = None,
    preset: PresetSetting = "quick",
    recipe: Annotated[str, _what("How networks are trained.", metavar="NAME")] = "standard",
    passes: Annotated[int, _how_much("Passes of MC-dropout.")] = 100,
    members: Annotated[int, _how_much("Networks of the deep ensemble.")] = 50,
    epochs: EpochsSetting = None,
    out: Annotated[
        Path | None,
        _path("The figure: a PNG, SVG or PDF.", show_default="epistemic-check-IMAGE.png"),
    ] = None,
    networks: NetworksSetting = None,
    data_dir: DataSetting = None,
    seed: SeedSetting = 0,
    device: DeviceSetting = "auto",
    engine: EngineSetting = "auto",
) -> None:
    """Count the votes of softmax, MC-dropout and a deep ensemble for one image, and draw them.

    It uses the networks that a run of the same preset has trained, on the same device and by the
    same engine, and trains missing ones.
    """
    from benchmarks.check import DRAWN, check_plan, draw_check
    from benchmarks.run.configuration import fitting_device

    if (index is None) == (file is None):
        raise UserError("name one image: either --index 591 or a file such as my_digit.png")
    path = out or Path(f"epistemic-check-{index if file is None else file.stem}.png")
    if path.suffix.lower() not in DRAWN or path.is_dir():
        raise UserError(f"--out {path}: expected a file name that ends in {', '.join(DRAWN)}")
    plan = check_plan(
        preset,
        recipe,
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
    from benchmarks.run.workspace import compile_once, workspace_for

    folder = writable_folder("--out", path.parent)
    workspace = workspace_for(plan, folder, networks=networks, data_dir=data_dir)
    if plan.configuration.engine == "numba":
        compile_once()
    return workspace


@app.command()
def lab(
    members: Annotated[int, _how_much("Networks of the article's kind.", min=2)] = 50,
    relu_members: Annotated[int, _how_much("Networks with ReLU.", min=2)] = 20,
    epochs: EpochsSetting = None,
    out: Annotated[Path, _path("The page to write.")] = Path(LAB_HTML),
    networks: NetworksSetting = None,
    data_dir: DataSetting = None,
    seed: SeedSetting = 0,
    device: DeviceSetting = "auto",
    engine: EngineSetting = "auto",
) -> None:
    """Make the lab: one page, offline, on which one draws a digit and sees networks disagree.

    It holds networks that run_all.py has trained, and compares what is drawn with all test images.
    """
    from benchmarks.lab.page import lab_plan, make_lab
    from benchmarks.run.configuration import fitting_device
    from methods.engines import fitting_engine

    if out.suffix != ".html" or out.is_dir():
        raise UserError(f"--out {out}: expected a file name that ends in .html")
    chosen = fitting_device(device)
    plan = lab_plan(epochs=epochs, seed=seed, device=chosen, engine=fitting_engine(engine, chosen))
    workspace = _workspace_of_file(out, plan, networks, data_dir)
    make_lab(plan, workspace, out, members=members, relu_members=relu_members)
    print(f"wrote {out} ({out.stat().st_size / 2**20:.1f} MiB)")


@app.command()
def table(
    run: RunArgument,
    name: Annotated[
        str, typer.Argument(help="Of the table: its file's in tables/.", metavar="NAME")
    ],
    latex: Annotated[
        bool, _flag("For LaTeX with booktabs, instead of Markdown.", "--latex")
    ] = False,
    out: Annotated[
        Path | None,
        _where("The file to write.", show_default="none; it is printed", metavar="FILE"),
    ] = None,
) -> None:
    """Print a table of a run, or write it to a file."""
    from benchmarks.report.results import Results
    from benchmarks.report.tables.declared import tables_of
    from benchmarks.report.tables.table import latex as as_latex
    from benchmarks.report.tables.table import markdown

    tables = {printed.name: printed for printed in tables_of(Results.load(run))}
    if name not in tables:
        raise UserError(f"there is no table {name!r}; choose from {', '.join(tables)}")
    text = as_latex(tables[name]) if latex else markdown(tables[name])
    if out is None:
        print(text, end="")
        return
    with written_whole(_file_to_write(out)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"wrote {out}")


@app.command()
def figure(
    run: RunArgument,
    name: Annotated[str, typer.Argument(help="Such as rotated or roc.", metavar="NAME")],
    methods: Annotated[
        list[str] | None,
        _shown("Methods; of a certain size as mc_dropout-50.", metavar="NAME,…"),
    ] = None,
    metrics: Annotated[list[str] | None, _shown("Metrics.", metavar="NAME,…")] = None,
    conditions: Annotated[list[str] | None, _shown("Sets of images.", metavar="NAME,…")] = None,
    recipe: Annotated[
        str,
        _shown("How networks are trained.", metavar="NAME", show_default="the run's main recipe"),
    ] = "",
    title: Annotated[bool, _shown("The finding, above the figure.", metavar=" ")] = True,
    out: Annotated[
        Path | None,
        _where("The file: PDF, SVG or PNG.", show_default="NAME.pdf", metavar="FILE"),
    ] = None,
) -> None:
    """Draw a figure of a run for a paper, with what it is to show."""
    from benchmarks.report import figures

    path = out or Path(f"{name}.pdf")
    if not (path.suffix or path.is_dir()):  # matplotlib would write to another name
        raise UserError(f"--out {path}: expected a file name that ends in .pdf, .svg or .png")
    drawn = figures.figure(
        run,
        name,
        methods=_separate(methods) or (),
        recipe=recipe or None,
        metrics=_separate(metrics) or (),
        conditions=_separate(conditions) or (),
        title=title,
    )
    figures.save_figure(drawn, _file_to_write(path))
    print(f"wrote {path}")


def _file_to_write(out: Path) -> Path:
    """The file that ``--out`` names, of which nothing but its content is missing.

    Raises:
        UserError: it is a folder, or its own folder cannot be written.
    """
    writable_folder("--out", out.parent)
    if out.is_dir():
        raise UserError(f"--out {out}: this is a folder; name a file")
    return out


@app.command()
def across(
    runs: Annotated[
        list[Path],
        typer.Argument(help="The folders of two runs or more.", parser=_path_in, metavar="RUN"),
    ],
    out: Annotated[Path, _path("Where the tables are written.")] = Path("results/across"),
) -> None:
    """Tell which decisions hold in several runs, for example of several tasks or networks.

    The folder gets a table of the decisions, a column a run, and of rank correlations of methods,
    as Markdown and as CSV.
    """
    from benchmarks.across import write_across

    if (out / RUN_JSON).exists():
        raise UserError(f"--out {out}: this folder holds a run; name another folder")
    print(write_across(runs, writable_folder("--out", out)))
    print(f"tables: {out / ACROSS_MD}")
