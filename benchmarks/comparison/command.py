"""Compare uncertainty methods: choose a configuration, run its stages, report."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from benchmarks.command_line import (
    NETWORKS,
    DataDir,
    Device,
    EngineChoice,
    Networks,
    exit_status,
    fitting_device,
    fitting_jobs,
    named_folder,
)
from benchmarks.environment import suite_version
from benchmarks.io import UserError, existing_folder
from benchmarks.report.outcome import show_outcome
from benchmarks.run.configuration import (
    DEFAULT_TASK,
    PRESETS,
    Configuration,
    PresetName,
    ScoreChoice,
    chosen_configuration,
    configuration_of,
)
from benchmarks.run.plan import Plan, Shard
from benchmarks.run.record import require_apart
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Cluster, Workspace
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import INDEX_HTML, LATENCY, STAGES
from methods import METHODS


def main(
    preset: Annotated[
        PresetName,
        typer.Option(
            help="Defaults of all other options: a first look, what the article's claims need, a "
            "smaller comparison, the full one, or what other papers' numbers need."
        ),
    ] = "quick",
    task: Annotated[str, typer.Option(help="What is classified.")] = DEFAULT_TASK,
    recipe: Annotated[Names, typer.Option(help="Training recipes, separated by commas.")] = None,
    methods: Annotated[Names, typer.Option(help="Methods, separated by commas.")] = None,
    method: Annotated[
        Names, typer.Option(help="A custom method: path/to/file.py:ClassName.")
    ] = None,
    conditions: Annotated[
        Names, typer.Option(help="Conditions or globs such as 'rotated-*', separated by commas.")
    ] = None,
    members: Annotated[Names, typer.Option(help="Sizes of ensembles, separated by commas.")] = None,
    passes: Annotated[
        Names, typer.Option(help="Numbers of dropout passes, separated by commas.")
    ] = None,
    in_depth: Annotated[
        Names,
        typer.Option(help="Recipes evaluated at all sizes and by slow methods."),
    ] = None,
    replicates: Annotated[
        int | None, typer.Option(help="Replicates of single-network methods, a network each.")
    ] = None,
    pool: Annotated[
        int | None,
        typer.Option(help="Networks of a recipe that ensembles are formed of, in disjoint blocks."),
    ] = None,
    images: Annotated[int | None, typer.Option(help="Images evaluated per condition.")] = None,
    subset_images: Annotated[
        int | None, typer.Option(help="Images per condition for slow methods.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of training.")] = None,
    resamples: Annotated[
        int | None, typer.Option(help="Bootstrap resamples of the images, for intervals.")
    ] = None,
    batch_sizes: Annotated[
        Names, typer.Option(help="Images per call in timings, separated by commas.")
    ] = None,
    scores: Annotated[
        ScoreChoice | None,
        typer.Option(help="Uncertainty scores: all, or those not fitted on training images."),
    ] = None,
    all_rows: Annotated[
        bool,
        typer.Option("--all-rows", help="Write every metric by every score under every condition."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of all random choices.")] = 0,
    device: Device = "auto",
    engine: EngineChoice = "auto",
    data_dir: DataDir = None,
    networks: Networks = NETWORKS,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where results go.",
            show_default="results/<preset> or results/<task>-<preset>",
            parser=named_folder,
            metavar="PATH",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Train and predict the i-th of n shares; for machines that share no folder.",
        ),
    ] = None,
    only: Annotated[str | None, typer.Option(help=f"Run one stage: {', '.join(STAGES)}.")] = None,
    jobs: Annotated[
        int | None, typer.Option(help="How many parallel jobs to run.", show_default="every core")
    ] = None,
    cluster: Annotated[
        Path | None,
        typer.Option(
            help="Compute on the cluster that a YAML file names; see docs/running.md.",
            metavar="FILE",
        ),
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List all choices and exit.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove an earlier run from the output folder.")
    ] = False,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page with the results at the end.")
    ] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Compare uncertainty methods on clean, shifted and out-of-distribution images.

    Options default to the values of the preset. The same command continues an interrupted run.
    """
    if show_version:
        print(suite_version())
        return
    if list_all:
        _list_choices(task)
        return
    if only is not None and only not in STAGES:
        raise UserError(f"--only: unknown stage {only!r}; choose from {', '.join(STAGES)}")
    of_run = None if shard is None else Shard.named(shard, only)
    out = out or _default_out(preset, task)
    require_apart(out, networks=networks, data_dir=data_dir, cluster=cluster)
    for location in method or ():
        require_apart(out, method=Path(location.rpartition(":")[0]))
    device = fitting_device(device_of(device, cluster))
    chosen: dict[str, Any] = {
        "recipes": separate(recipe),
        "methods": separate(methods),
        "custom_methods": tuple(map(everywhere, method) if cluster else method) if method else None,
        "conditions": separate(conditions),
        "members": numbers("--members", members),
        "passes": numbers("--passes", passes),
        "in_depth": separate(in_depth),
        "replicates": replicates,
        "pool": pool,
        "images": images,
        "subset_images": subset_images,
        "epochs": epochs,
        "resamples": resamples,
        "batch_sizes": numbers("--batch-sizes", batch_sizes),
        "scores": scores,
    }
    configuration = chosen_configuration(
        preset, task, chosen, seed=seed, device=device, engine=engine
    )
    workspace = Workspace(
        data_dir=_existing(data_dir),
        jobs=1 if only == LATENCY else _jobs(jobs, device),
        out=out,
        networks=existing_folder("--networks", networks),
    )
    plan = Plan(configuration, of_run, all_rows)
    with cluster_of(cluster, configuration, only) as workers:
        there = workspace if workers is None else workspace.on(workers)
        _run(plan, there, only, overwrite=overwrite, open_page=open_page)


def _run(
    plan: Plan, workspace: Workspace, only: str | None, *, overwrite: bool, open_page: bool
) -> None:
    failures = run_stages(plan, workspace, only, overwrite=overwrite)
    show_outcome(workspace.out)
    if plan.shard is not None:
        print(plan.shard.next_step)
    if open_page:
        _open(workspace.out / INDEX_HTML)
    for what, reason in failures:
        print(f"failed: {what}: {reason}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def _open(page: Path) -> None:
    """Open the page in a browser; without one, print where it lies."""
    if not page.exists():
        print(f"--open: there is no {page} yet; run without --only first", file=sys.stderr)
    elif not webbrowser.open(page.resolve().as_uri()):
        print(f"--open: no browser was found here; open {page} in one", file=sys.stderr)


def _default_out(preset: str, task: str) -> Path:
    """A folder for each preset; its name has the task, unless it is the default."""
    return Path("results") / (preset if task == DEFAULT_TASK else f"{task}-{preset}")


def _existing(data_dir: Path | None) -> Path | None:
    if data_dir is not None and not data_dir.is_dir():
        raise UserError(f"--data-dir {data_dir}: there is no such folder")
    return data_dir


def _jobs(jobs: int | None, device: str) -> int:
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs: {jobs} is too small; expected at least 1")
    return jobs or fitting_jobs(device)


def _list_choices(task: str) -> None:
    configuration_of("quick", task)  # refuses an unknown task
    for title, names in (
        ("presets", PRESETS),
        ("tasks", TASKS),
        ("recipes", [recipe.name for recipe in TASKS[task].every_recipe]),
        ("methods", METHODS),
        ("conditions", [condition.name for condition in TASKS[task].conditions]),
        ("stages", STAGES),
    ):
        print(f"{title:11} {' '.join(names)}")


def command_line() -> int:
    """Run the command line and return its exit status.

    1 where the run or a part of it failed, 2 for a user's mistake.
    """
    return exit_status(main)


def device_of(
    choice: Literal["auto", "cpu", "cuda"], cluster: Path | None
) -> Literal["auto", "cpu", "cuda"]:
    """The device chosen; on a cluster the CPU, whatever this machine has.

    Raises:
        UserError: another is chosen for a cluster.
    """
    if cluster is None:
        return choice
    if choice == "cuda":
        raise UserError("--device cuda: a cluster computes on CPUs; leave out one of the options")
    return "cpu"


def everywhere(location: str) -> str:
    """The place of a custom method, as workers with another working folder find it."""
    file, colon, name = location.rpartition(":")
    return f"{Path(file).resolve()}{colon}{name}" if colon else location


@contextmanager
def cluster_of(
    file: Path | None, configuration: Configuration, only: str | None
) -> Iterator[Cluster | None]:
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
    with DaskCluster(choice, kernels=configuration.engine == "numba") as cluster:
        yield cluster


Names = list[str] | None


def separate(values: Names) -> tuple[str, ...] | None:
    """The words of an option, which may be separated by commas and given several times."""
    if values is None:
        return None
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def numbers(option: str, values: Names) -> tuple[int, ...] | None:
    """The numbers of an option, in their order.

    Raises:
        UserError: one is none.
    """
    words = separate(values)
    if words is None:
        return None
    for word in words:
        # Python itself reads no number of thousands of digits.
        if not word.isdecimal() or len(word) > 100:
            raise UserError(
                f"{option}: {word!r} is not a whole number; write, for example, {option} 10,50"
            )
    return tuple(sorted({int(word) for word in words}))
