"""Predictions of others beside the methods of a run, of which it keeps four numbers an image.

Nothing is trained: a folder with ``headline.npz``, ``nouns.json`` and ``run.json`` suffices, such
as those that the repository keeps. All methods are measured anew on the same images, the first
replicate of each: intervals are those of images alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.external import blocks_of
from benchmarks.external_arrays import (
    LABELS,
    OOD,
    PROBABILITIES,
    AnyArray,
    arrays_in,
    check_arrays,
)
from benchmarks.external_scores import (
    ScoredMethods,
    estimated,
    folder_for_scores,
    results_of,
    write_scores,
)
from benchmarks.inference.headline import MOST_IMAGES, headline_measures, unpacked_columns
from benchmarks.inference.image_values import ImageValues
from benchmarks.inference.intervals import Relations
from benchmarks.io import UserError, printable, read_run_json
from benchmarks.nouns import MethodRecord, Names
from benchmarks.predictions import RunUnit
from benchmarks.questions import Budgets
from benchmarks.report.editorial import ENSEMBLE
from benchmarks.report.results import Results, read_if_there
from benchmarks.schema import DamagedArraysError, unpacked
from benchmarks.tasks import TASKS
from benchmarks.tasks.task import Condition, ImageLimits
from benchmarks.vocabulary import CLEAN, HEADLINE_NPZ, LATENCY_CSV, SELF_TRAINED
from methods.determinism import one_torch_thread


@dataclass(frozen=True, eq=False)
class RunBeside:
    """The methods of a run's leaderboard, as far as others are compared with them.

    Attributes:
        folder: of the run.
        names: its nouns.
        conditions: those that the methods have predicted, ``clean`` first.
        methods: by run unit and condition, what metrics need of the images.
        labels: of these images, by condition.
        latency: ``latency.csv``.
    """

    folder: Path
    names: Names
    conditions: tuple[Condition, ...]
    methods: Mapping[RunUnit, Mapping[Condition, ImageValues]]
    labels: Mapping[str, Int64[Tensor, " images"]]
    latency: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Of the run in a folder.

        Raises:
            UserError: it keeps no numbers of images, or they are damaged, or of an unknown task.
        """
        path = folder / HEADLINE_NPZ
        if not path.is_file():
            raise UserError(
                f"--beside {folder}: there is no {HEADLINE_NPZ}; name the folder of a run, such as "
                "results/mnist"
            )
        names = Names.read(folder)
        try:
            arrays = unpacked(path.read_bytes())
            task = TASKS[names.task.name]
            conditions = tuple(map(task.condition, arrays["conditions"].tolist()))
            columns = {c: unpacked_columns(arrays, c.name) for c in conditions}
            methods = {}
            for place, (recipe, method, members) in enumerate(arrays["methods"].tolist()):
                size = int(members) if members.isdigit() else None
                methods[RunUnit(recipe, method, size, 0)] = {
                    condition: own[place].values(classes=len(task.classes), members=size)
                    for condition, own in columns.items()
                }
            labels = {
                c.name: torch.from_numpy(arrays[f"labels {c.name}"].astype(np.int64))
                for c in conditions
                if c.labelled
            }
        except (DamagedArraysError, KeyError, ValueError, IndexError) as error:
            raise UserError(
                f"--beside {folder}: {path.name} is damaged, or of another version of the suite "
                f"({error}); fetch it again"
            ) from error
        return cls(folder, names, conditions, methods, labels, read_if_there(folder, LATENCY_CSV))

    @property
    def classes(self) -> int:
        """How many there are."""
        return len(TASKS[self.names.task.name].classes)

    @cached_property
    def images(self) -> dict[str, int]:
        """By condition, how many images were predicted."""
        first = next(iter(self.methods.values()))
        return {condition.name: values.images for condition, values in first.items()}

    def names_with(self, methods: Mapping[str, object]) -> Names:
        """The run's nouns, and methods of others by their names, which count as one network.

        Raises:
            UserError: a method of the run has such a name.
        """
        known = [record.name for record in self.names.methods]
        for name in methods:
            if name in known:
                raise UserError(f"{name!r} is a method of {self.folder}; rename yours")
        score = next(iter(self.names.methods)).primary_score
        further = (MethodRecord(name, name, primary_score=score) for name in methods)
        return replace(self.names, methods=(*self.names.methods, *further))

    @property
    def relations(self) -> Relations:
        """What is known of the methods."""
        records = self.names.methods
        return Relations(
            Budgets(
                frozenset([ENSEMBLE]),
                {record.name: record.budget for record in records},
                self.names.usual_sizes,
            ),
            {record.name: record.probabilities_of for record in records if record.probabilities_of},
            single_network_methods=[
                record.name
                for record in records
                if record.pooled and not (record.size or record.needs)
            ],
        )

    def predictions(
        self, arrays: Mapping[str, AnyArray], *, from_logits: bool = False
    ) -> dict[Condition, ImageValues]:
        """What metrics need of another method's predictions, by condition.

        Args:
            arrays: by the names of conditions, ``probabilities`` for ``clean``.

        Raises:
            UserError: an array is unknown or malformed, or is of other images.
        """
        named = {_condition_named(name): array for name, array in arrays.items() if name != LABELS}
        known = {condition.name: condition for condition in self.conditions}
        if unknown := sorted(named.keys() - known.keys()):
            raise UserError(
                f"{unknown[0]!r} is no condition of {self.folder}; choose from {', '.join(known)}"
            )
        if CLEAN not in named:
            raise UserError(f"there is no array {CLEAN!r}; add the predictions of the test images")
        values = {}
        for name, array in named.items():
            images = array.shape[-2] if array.ndim > 1 else 0
            if images != self.images[name]:
                raise UserError(
                    f"{name!r} has the shape {list(array.shape)}; expected predictions of the "
                    f"{self.images[name]:,} images that benchmarks.api.images_beside gives"
                )
            labels = self.labels.get(name)
            check_arrays({PROBABILITIES: array, LABELS: np.zeros(images, dtype=np.int64)})
            if array.shape[-1] != self.classes:
                raise UserError(f"{name!r} has {array.shape[-1]} classes; expected {self.classes}")
            blocks = blocks_of(name, array, labels, from_logits=from_logits)
            values[known[name]] = ImageValues(blocks, measures=headline_measures)
        own_labels = arrays.get(LABELS, self.labels[CLEAN].numpy())
        if not np.array_equal(own_labels, self.labels[CLEAN].numpy()):
            raise UserError(
                f"{LABELS!r} are not those of the run's test images; put the predictions into the "
                "order of benchmarks.api.images_beside, or leave the labels out"
            )
        return values


def _condition_named(array: str) -> str:
    """The condition of an array, also by the names of files that are scored alone."""
    if array == PROBABILITIES:
        return CLEAN
    return f"ood-{array.removeprefix(OOD)}" if array.startswith(OOD) else array


def images_beside(folder: Path, data_dir: Path | None = None) -> dict[str, Tensor]:
    """The images whose predictions are scored beside a run's, by condition.

    Raises:
        UserError: see `RunBeside.read`.
        benchmarks.data.files.Unavailable: a data set cannot be had.
    """
    run, chosen = RunBeside.read(folder), read_run_json(folder)["configuration"]
    limits, task = ImageLimits(chosen["images"], chosen["severity_images"]), run.names.task.name
    return {
        condition.name: TASKS[task]
        .evaluation_set(condition, limits, seed=chosen["seed"], data_dir=data_dir)
        .images[:MOST_IMAGES]
        for condition in run.conditions
    }


@one_torch_thread()
def score_beside(
    run: RunBeside,
    predictions: Mapping[str, Mapping[Condition, ImageValues]],
    folder: Path | None = None,
    *,
    resamples: int,
    seed: int,
) -> ScoredMethods:
    """The headline's measures of a run's methods and of others, and what others are worth.

    Args:
        predictions: of each other method by its name; see `RunBeside.predictions`.
        folder: as of `benchmarks.external.score`.
    """
    others = {RunUnit(SELF_TRAINED, name, None, 0): own for name, own in predictions.items()}
    alone = run.relations.single_network_methods
    ensembles_of_one = {
        RunUnit(unit.recipe, ENSEMBLE, 1, 0): own
        for unit, own in run.methods.items()
        if unit.method in alone
    }
    rows, estimates = estimated(
        {**run.methods, **ensembles_of_one, **others},
        run.conditions,
        resamples,
        seed,
        relations=run.relations,
        measures_of=lambda *_: headline_measures(),
    )
    scored = results_of(rows, estimates, run.names_with(predictions), latency=run.latency)
    if folder is not None:
        write_scores(scored, folder, resamples, seed, dict.fromkeys(predictions, ""))
    return scored


def score_files_beside(
    folder: Path,
    files: Sequence[Path],
    *,
    from_logits: bool = False,
    out: Path | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> Results:
    """Score files of predictions, each of a method, beside the methods of a run.

    Raises:
        UserError: a file or the folder cannot be used.
    """
    run, predictions = RunBeside.read(folder), {}
    for file in files:
        try:
            predictions[file.stem] = run.predictions(arrays_in(file), from_logits=from_logits)
        except UserError as error:
            raise UserError(f"{printable(str(file))}: {error}") from error
    target = None if out is None else folder_for_scores(out)
    return score_beside(run, predictions, target, resamples=resamples, seed=seed).results
