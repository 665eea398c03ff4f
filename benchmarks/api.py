"""The suite in Python: everything is returned, nothing printed, nothing written unless asked.

Errors of arguments are `ArgumentError`, a `ValueError`; what else is raised are exceptions of
Python, too. The caller's random state, working folder and settings stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from torch import Tensor

from benchmarks.intake import beside
from benchmarks.intake.checks import HUMANS, LABELS, REFERENCE
from benchmarks.intake.given import score
from benchmarks.intake.images import predictions_of
from benchmarks.intake.reading import predictions_by_method
from benchmarks.io import UserError, objection_to, path_of
from benchmarks.options import OPTIONS, option_of, separate, with_options
from benchmarks.progress import progress_shown
from benchmarks.report.figures import canvas_of, draw_figure, figure_names
from benchmarks.report.results import Results, read_if_there
from benchmarks.run.configuration import DEFAULT_TASK
from benchmarks.run.stages import chosen_run, run_stages
from benchmarks.run.workspace import Failure
from benchmarks.vocabulary import MEASURE, MEASUREMENTS_CSV, PREDICT, STAGES, SUMMARY_CSV, TRAIN
from methods import UncertaintyMethod
from methods.determinism import random_state_kept

__all__ = [
    "ArgumentError",
    "BenchmarkResults",
    "evaluate",
    "images_beside",
    "load_results",
    "run_benchmark",
    "score_beside",
    "score_predictions",
]


class ArgumentError(UserError, ValueError):
    """An argument that cannot be used: names it, what was expected and what to do."""


_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")

_ARGUMENTS = {option_of(name)[2:]: name for name in OPTIONS} | {
    "only": "stages",
    "beside": "folder",
}
"""Arguments that are called otherwise than their option, by the name of the option."""


@contextmanager
def as_library() -> Iterator[None]:
    """A function leaves the global random generators as they were; as a decorator.

    Raises:
        ArgumentError: in place of an error of the suite, with arguments in place of options.
    """
    with random_state_kept():
        try:
            yield
        except UserError as error:
            raise ArgumentError(in_arguments(str(error))) from error


def in_arguments(message: str) -> str:
    """A message of the command line about an argument.

    >>> in_arguments("--batch-sizes: 0 is too small"), in_arguments("--only: no 'x'")
    ('batch_sizes: 0 is too small', "stages: no 'x'")
    """
    return _OPTION.sub(lambda match: _ARGUMENTS.get(match[1], match[1].replace("-", "_")), message)


def _require_named(argument: str, given: object, example: str, *, least: int = 0) -> None:
    """Something is a dictionary by names that can be shown, as in the example."""
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{argument}: this is a {type(given).__name__}; expected a dictionary, such as "
            f"{example}"
        )
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"{argument}: the name {name!r} is a {type(name).__name__}, no text")
        if objection := objection_to(name):
            raise ArgumentError(f"{argument}: the name {name!r} {objection}")
    if len(given) < least:
        raise ArgumentError(f"{argument}: expected at least one method, such as {example}")


@dataclass(frozen=True, eq=False, repr=False)
class BenchmarkResults:
    """The tables and figures of a run, or of predictions that were scored.

    Attributes:
        report: what the figures are drawn from; ``None`` where nothing was measured.
        rows: the table `measurements`; ``None`` likewise.
        differences: of `score_beside`: yours less each contestant of the run, by each measure, each
            with a plain 95 % interval of its own; else empty.
        against: of `score_predictions`: what predictions are against people's answers or a
            reference; see `benchmarks.intake.against.AgainstRow`.
        failures: what could not be computed, and why; everything else is there.
    """

    report: Results | None = None
    rows: pd.DataFrame | None = None
    differences: pd.DataFrame = field(default_factory=pd.DataFrame)
    against: pd.DataFrame = field(default_factory=pd.DataFrame)
    failures: tuple[Failure, ...] = ()

    @property
    def measurements(self) -> pd.DataFrame:
        """Every value: a row a method, size, replicate, condition and metric.

        Raises:
            ArgumentError: nothing was measured; likewise all that follows. Or the folder has no
                such file, as those of the repository.
        """
        _, rows = self._measured, self.rows
        if rows is None or rows.empty:
            raise ArgumentError(
                f"the folder has no {MEASUREMENTS_CSV}, which the repository does not keep of a "
                "run; use the summary, or make the run again by the command in its run.json"
            )
        return rows

    @property
    def summary(self) -> pd.DataFrame:
        """The means over replicates, with their 95 % intervals from ``lower`` to ``upper``."""
        return self._measured.summary

    @property
    def answer(self) -> pd.DataFrame:
        """What the rule says by the five measures: the best, better than one network, worth.

        A row a contestant and measure; see `benchmarks.schema.AnswerRow`. Empty where a folder has
        none, as those of version 0.3.
        """
        return self._measured.answer

    @property
    def recipe(self) -> str:
        """Name of the recipe; empty where predictions of others were scored."""
        return self._measured.recipe

    @as_library()
    def figures(self) -> list[str]:
        """The names of the figures that there are numbers for."""
        return figure_names(self._measured)

    @as_library()
    def plot(
        self,
        name: str,
        *,
        ax: Axes | None = None,
        methods: Sequence[str] = (),
        metrics: Sequence[str] = (),
        conditions: Sequence[str] = (),
        title: bool = True,
    ) -> Axes:
        """Draw a figure, as a run writes it.

        Args:
            name: one of `figures`.
            ax: the place, of ``plt.subplots`` or ``figure.add_subplot``, which the figure fills
                with all its panels; its own figure then has a constrained layout. By default a new
                one of pyplot.
            methods: those to show, of a certain size as ``mc_dropout-50``; by default all.
            metrics, conditions: those to show; by default what the figure shows by itself.
            title: whether the finding is written above the figure; a caption may say it instead.

        Returns:
            ``ax`` if it was given, else the first panel.

        Raises:
            ArgumentError: there is no such figure, method, metric or condition, or ``ax`` has no
                place in a grid.
        """
        if not isinstance(ax, Axes | None):
            raise TypeError(f"ax: this is a {type(ax).__name__}; expected one Axes of plt.subplots")
        chosen: Any = {"methods": methods, "metrics": metrics, "conditions": conditions}
        place: Any = {"canvas": canvas_of(ax), "titled": title}
        drawing = draw_figure(self._measured, name, **chosen, **place)
        return ax or drawing.figure.axes[0]

    def __repr__(self) -> str:
        if self.report is None:
            return "BenchmarkResults(nothing was measured)"
        methods, conditions = len(self.report.contestants), len(self.report.conditions)
        return f"BenchmarkResults({methods} methods and sizes, {conditions} conditions)"

    @property
    def _measured(self) -> Results:
        if self.report is None:
            raise ArgumentError(
                "nothing was measured, so there are no tables and figures; run the stages train, "
                "predict and measure"
            )
        return self.report


@as_library()
def load_results(folder: str | Path) -> BenchmarkResults:
    """The results of a run that was written, such as ``results/article``.

    Raises:
        ArgumentError: there is no such folder, it holds no measured run, or a file is damaged.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ArgumentError(f"folder {path}: there is no such folder; name that of a run")
    return BenchmarkResults(Results.load(path), read_if_there(path, MEASUREMENTS_CSV))


@as_library()
def evaluate(
    methods: Mapping[str, UncertaintyMethod],
    data: Any,
    *,
    ood: Mapping[str, Any] | None = None,
    calibration: Any = None,
    resamples: int = 200,
    seed: int = 0,
    progress: bool = False,
    out: str | Path | None = None,
) -> BenchmarkResults:
    """Measure methods on your own images, and compare them image by image.

    All methods predict the same batches, and the data are read once. Images are computed in the
    precision of each method's network, on its device.

    Args:
        methods: by the names that tables show, methods that are fitted, such as
            ``MCDropout.from_network(module)``.
        data: labelled images: a ``DataLoader`` or ``Dataset`` of (images, labels), or a pair of
            tensors or arrays, [images, ...] and [images], whole numbers from 0.
        ood: by name, sets of out-of-distribution images, likewise or without labels.
        calibration: labelled images that the networks were not trained on, for conformal sets and
            recalibrated metrics. Methods that are calibrated themselves are not, by this.
        resamples: of the images, for intervals of measures without influence values.
        seed: of the resampling.
        progress: whether to show it on the standard error.
        out: a folder for numbers, tables, figures and a page, as of a run.

    Raises:
        TypeError: methods or data are of another type.
        ArgumentError: they do not fit together, or a prediction is not as it must be.
    """
    _require_named("methods", methods, '{"softmax": Softmax.from_network(module)}', least=1)
    _require_named("ood", ood := {} if ood is None else ood, '{"noise": images}')
    for name, method in methods.items():
        if not isinstance(method, UncertaintyMethod):
            raise TypeError(
                f"methods: {name!r} is a {type(method).__name__}; expected a fitted method, such "
                "as Softmax.from_network(module) or MCDropout.from_network(module)"
            )
    given = predictions_of(methods, data, ood, calibration)
    with progress_shown(progress):
        return BenchmarkResults(*score(given, _path(out), resamples=resamples, seed=seed)[:4])


@as_library()
def score_predictions(
    predictions: Mapping[str, Any],
    labels: Any,
    *,
    ood: Mapping[str, Any] | None = None,
    calibration: tuple[Any, Any] | None = None,
    humans: Any = None,
    reference: Any = None,
    from_logits: bool = False,
    resamples: int = 200,
    seed: int = 0,
    progress: bool = False,
    out: str | Path | None = None,
) -> BenchmarkResults:
    """Measure predictions of the same images, and compare them image by image.

    >>> import numpy as np
    >>> sure, labels = np.tile([0.9, 0.1], (50, 1)), [0] * 45 + [1] * 5
    >>> results = score_predictions({"mine": sure}, labels, resamples=100)
    >>> accuracy = results.summary.set_index("metric").loc["accuracy"]
    >>> float(accuracy["value"])
    0.9

    Args:
        predictions: by the name that tables show, the members' probabilities, [members, images,
            classes], or [images, classes] of one member: tensors, arrays or frames.
        labels: [images], whole numbers from 0.
        ood: by name, sets of out-of-distribution images: by method, its probabilities; of a single
            method these alone.
        calibration: probabilities of images that the models were not trained on, by method or of a
            single one, and the labels; for conformal sets and recalibrated metrics.
        humans: [images, classes], how many people gave each class to each image.
        reference: [images, classes], probabilities, such as those of a sampled posterior.
        from_logits: whether all predictions are logits.
        resamples, seed, progress, out: as of `evaluate`.

    Raises:
        TypeError: the predictions, or sets of images, are no dictionary by names.
        ArgumentError: they are no probabilities (or logits), or do not fit together.
    """
    _require_named("predictions", predictions, '{"mine": probabilities}', least=1)
    _require_named("ood", ood := {} if ood is None else ood, '{"noise": probabilities}')
    shared = {LABELS: labels, HUMANS: humans, REFERENCE: reference}
    given = predictions_by_method(predictions, ood, calibration, shared, from_logits=from_logits)
    with progress_shown(progress):
        return BenchmarkResults(*score(given, _path(out), resamples=resamples, seed=seed)[:4])


@as_library()
def images_beside(folder: str | Path, data_dir: str | Path | None = None) -> dict[str, Tensor]:
    """The images whose predictions `score_beside` takes.

    Args:
        folder: of a run, such as ``results/mine``.
        data_dir: your own folder of data sets. Others are fetched into the cache.

    Returns:
        By condition, ``clean`` first, all images [images, channels, height, width] that the five
        measures are of, in single precision, from 0 to 1.

    Raises:
        ArgumentError: the folder holds no run, or one without ``influences/``.
        benchmarks.data.files.Unavailable: a data set cannot be had.
    """
    return beside.images_beside(Path(folder), _path(data_dir))


@as_library()
def score_beside(
    folder: str | Path,
    predictions: Mapping[str, Mapping[str, Any]],
    *,
    from_logits: bool = False,
    progress: bool = False,
    out: str | Path | None = None,
) -> BenchmarkResults:
    """Compare predictions with the contestants of a run, without training anything.

    The models must not have been trained on the run's test images. Each counts as one network.

    Args:
        folder: of a run, such as ``results/mine``.
        predictions: by the name that tables show, a dictionary by condition: the members'
            probabilities of the images of `images_beside`, [members, images, classes] or [images,
            classes], of ``clean`` at least. It may have the ``labels`` of ``clean``, to compare.
        from_logits, progress, out: as of `score_predictions`.

    Raises:
        TypeError: predictions are no dictionaries by names.
        ArgumentError: the run has no ``influences/``, or predictions do not fit to them.
    """
    example = '{"mine": {"clean": probabilities}}'
    _require_named("predictions", predictions, example, least=1)
    for method, own in predictions.items():
        _require_named(f"predictions of {method!r}", own, example)
    with progress_shown(progress):
        scored = beside.score_beside(Path(folder), predictions, _path(out), from_logits=from_logits)
        return BenchmarkResults(*scored[:4])


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


@as_library()
@with_options(*OPTIONS, documented=True)
def run_benchmark(
    task: str = DEFAULT_TASK,
    methods: str | Iterable[str] | None = None,
    *,
    stages: str | Iterable[str] = (TRAIN, PREDICT, MEASURE),
    progress: bool = False,
    **chosen: Any,
) -> BenchmarkResults:
    """Train, predict and measure, as ``uncertainty-bench`` does; the same numbers come out.

    Args:
        task: what is classified, by name.
        methods: names; by default the preset's.
        stages: what is done. A page and figures as files need ``report``, and ``out``.
        progress: whether to show it on the standard error.
        chosen: options of the command line, such as ``preset``, ``epochs``, ``members``, ``images``
            (a number, or ``"all"``), ``device`` and ``jobs``; one value or several where it takes
            several. By default ``out`` is a temporary folder, with its own ``networks``; the same
            call with ``out`` continues a run.

    Returns:
        What `load_results` gives of the folder, and what failed. Without the stage ``measure`` it
        has no tables.

    Raises:
        TypeError: there is no such argument, or a value is of another type.
        ArgumentError: a value is unknown or out of range, or the choices do not fit together.
    """
    chosen |= {"task": task, "methods": methods}
    chosen_stages = set(separate(stages))
    if not chosen_stages:
        raise ArgumentError(f"stages: nothing is chosen; choose from {', '.join(STAGES)}")
    for stage in chosen_stages - set(STAGES):
        raise ArgumentError(f"stages: unknown name {stage!r}; choose from {', '.join(STAGES)}")
    with TemporaryDirectory(prefix="uncertainty-bench-") as temporary, progress_shown(progress):
        if chosen["out"] is None:
            chosen["out"] = Path(temporary, "out")
            chosen["networks"] = chosen["networks"] or Path(temporary, "networks")
        plan, workspace = chosen_run(chosen)
        failures: list[Failure] = []
        for stage in sorted(chosen_stages, key=STAGES.index):
            failures += run_stages(plan, workspace, stage, overwrite=chosen["overwrite"])
            chosen["overwrite"] = False
        measured = path_of(workspace.out, SUMMARY_CSV).exists()
        results = load_results(workspace.out) if measured else BenchmarkResults()
        return replace(results, failures=tuple(dict.fromkeys(failures)))
