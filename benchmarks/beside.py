"""Predictions of others beside the methods of a run, of which it keeps four numbers an image.

Nothing is trained: a folder with ``headline.npz`` and ``nouns.json`` suffices, such as those that
the repository keeps. All methods are measured anew on the same images, those of the run by one
replicate each: intervals are of images alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.external import blocks_of
from benchmarks.external_arrays import (
    LABELS,
    OOD,
    PROBABILITIES,
    AnyArray,
    arrays_in,
    check_arrays,
    check_label_form,
)
from benchmarks.external_scores import (
    ScoredMethods,
    estimated,
    folder_for_scores,
    results_of,
    write_scores,
)
from benchmarks.inference.headline import (
    MOST_IMAGES,
    ImageColumns,
    headline_measures,
    unpacked_columns,
)
from benchmarks.inference.image_values import ImageValues
from benchmarks.inference.intervals import Relations
from benchmarks.io import UserError, objection_to, printable, read_run_json, require_file_name
from benchmarks.nouns import MethodRecord, Names
from benchmarks.predictions import RunUnit
from benchmarks.questions import Budgets
from benchmarks.report.editorial import ENSEMBLE
from benchmarks.report.results import Results, read_if_there
from benchmarks.run.configuration import require_resampling
from benchmarks.schema import DamagedArraysError, unpacked
from benchmarks.tasks import TASKS, Task
from benchmarks.tasks.task import Condition, ImageLimits
from benchmarks.vocabulary import CLEAN, HEADLINE_NPZ, LATENCY_CSV, RUN_JSON
from methods.determinism import one_torch_thread


@dataclass(frozen=True, eq=False)
class RunBeside:
    """The methods of a run's leaderboard, as far as others are compared with them.

    Attributes:
        folder: of the run.
        task: what is classified.
        names: its nouns.
        methods: by run unit and condition, what metrics need of the images, ``clean`` first.
        labels: of these images, by condition.
        latency: ``latency.csv``.
    """

    folder: Path
    task: Task
    names: Names
    methods: Mapping[RunUnit, Mapping[Condition, ImageValues]]
    labels: Mapping[Condition, Int64[Tensor, " images"]]
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
                f"--beside {folder}: there is no {HEADLINE_NPZ}; name the folder of a run that has "
                "it: one of the repository's, or one of your own of this version"
            )
        names = Names.read(folder)
        try:
            arrays = unpacked(path.read_bytes())
            task = TASKS[names.task.name]
            methods: dict[RunUnit, dict[Condition, ImageValues]] = {}
            labels: dict[Condition, Int64[Tensor, " images"]] = {}
            for condition in map(task.condition, arrays["conditions"].tolist()):
                if condition.labelled:
                    own = arrays[f"labels {condition.name}"].astype(np.int64)
                    labels[condition] = torch.from_numpy(own)
                columns = unpacked_columns(arrays, condition.name, labelled=condition.labelled)
                for named, column in zip(arrays["methods"].tolist(), columns, strict=True):
                    method, members, budget = named
                    require_file_name(method)
                    size = int(members) if members.isdigit() else None
                    unit = RunUnit(method, size, float(budget), 0)
                    values = column.values(classes=len(task.classes), members=size)
                    if condition.labelled and values.images != len(labels[condition]):
                        raise ValueError(f"{condition.name} has other labels")
                    methods.setdefault(unit, {})[condition] = values
            if task.condition(CLEAN) not in labels or not methods:
                raise ValueError("there is no method, or no labelled image")
        except (DamagedArraysError, KeyError, ValueError, TypeError, IndexError) as error:
            raise UserError(
                f"--beside {folder}: {path.name} is damaged, or of another version of the suite "
                f"({error}); fetch it again, or make it by the stage measure"
            ) from error
        return cls(folder, task, names, methods, labels, read_if_there(folder, LATENCY_CSV))

    @cached_property
    def images(self) -> dict[Condition, int]:
        """By condition, how many images were predicted; ``clean`` first."""
        first = next(iter(self.methods.values()))
        return {condition: values.images for condition, values in first.items()}

    @property
    def ensembles_of_one(self) -> dict[RunUnit, Mapping[Condition, ImageValues]]:
        """The network alone, as the smallest of the ensembles by which others have a worth."""
        return {
            RunUnit(ENSEMBLE, 1, 1.0, 0): own
            for unit, own in self.methods.items()
            if unit.budget == 1 and self.names.method(unit.method).is_network
        }

    def names_with(self, methods: Mapping[str, object]) -> Names:
        """The run's nouns, and methods of others by their names, which count as one network.

        Raises:
            UserError: a method of the run has such a name, or none can be printed.
        """
        known = {unit.method for unit in self.methods}
        for name in methods:
            if objection := objection_to(name):
                raise UserError(f"the name of the method {name!r} {objection}")
            if name in known:
                raise UserError(f"{name!r} is a method of {self.folder}; rename yours")
        others = [record for record in self.names.methods if record.name not in methods]
        score = others[0].primary_score
        own = (MethodRecord(name, name, primary_score=score) for name in methods)
        return replace(self.names, methods=(*others, *own))

    @property
    def relations(self) -> Relations:
        """What is known of the methods."""
        records = self.names.methods
        return Relations(
            Budgets(
                frozenset(record.name for record in records if record.forms_ensembles),
                self.names.usual_sizes,
            ),
            primary_scores={record.name: record.primary_score for record in records},
            single_network_methods=[record.name for record in records if record.is_network],
        )

    def predictions(
        self, arrays: Mapping[str, AnyArray], *, from_logits: bool = False
    ) -> dict[Condition, ImageValues]:
        """What metrics need of another method's predictions, by condition.

        Args:
            arrays: by the names of conditions, ``probabilities`` for ``clean`` and ``ood_<name>``
                for ``ood-<name>``; maybe the ``labels`` of ``clean``, to compare them.

        Raises:
            UserError: an array is unknown or malformed, or is of other images.
        """
        known = {condition.name: condition for condition in self.images}
        named: dict[Condition, AnyArray] = {}
        for name, array in arrays.items():
            if name == LABELS:
                continue
            # Also by the names of files that are scored alone.
            own = CLEAN if name == PROBABILITIES else re.sub(f"^{OOD}", "ood-", name)
            if (condition := known.get(own)) is None:
                raise UserError(
                    f"{name!r} is no condition of {self.folder}; choose from {', '.join(known)}"
                )
            if condition in named:
                raise UserError(f"two arrays are of {condition.name!r}; leave out one")
            self._check(name, array, condition)
            named[condition] = array
        if known[CLEAN] not in named:
            raise UserError(f"there is no array {CLEAN!r}; add the predictions of the test images")
        self._check_labels(arrays.get(LABELS))
        members = {name: len(array) if array.ndim == 3 else 1 for name, array in named.items()}
        if len(set(members.values())) > 1:
            raise UserError(
                f"arrays have {min(members.values())} to {max(members.values())} members; expected "
                "as many in each"
            )
        return {
            condition: ImageColumns.joined(
                ImageColumns.of(block)
                for block in blocks_of(
                    condition.name, array, self.labels.get(condition), from_logits=from_logits
                )
            )
            .rounded()
            .values(classes=len(self.task.classes), members=members[condition])
            for condition, array in named.items()
        }

    def _check(self, name: str, array: AnyArray, condition: Condition) -> None:
        """An array has the form of predictions of the condition's images."""
        images, classes = self.images[condition], len(self.task.classes)
        if array.ndim in (2, 3) and array.shape[-2:] != (images, classes):
            raise UserError(
                f"{name!r} has the shape {list(array.shape)}; expected [members, images, classes] "
                f"or [images, classes], with {classes} classes and the {images:,} images that "
                "benchmarks.api.images_beside gives"
            )
        try:
            check_arrays({PROBABILITIES: array, LABELS: np.zeros(images, dtype=np.int64)})
        except UserError as error:
            raise UserError(f"{name!r}: {error}") from error

    def _check_labels(self, labels: AnyArray | None) -> None:
        """Labels, where they are given, are those of the run's test images."""
        if labels is None:
            return
        check_label_form(LABELS, labels)
        if not np.array_equal(labels, self.labels[self.task.condition(CLEAN)].numpy()):
            raise UserError(
                f"{LABELS!r} are not those of the run's test images; put the predictions into the "
                "order of benchmarks.api.images_beside, or leave the labels out"
            )


def images_beside(
    folder: Path, data_dir: Path | None = None
) -> dict[str, Float[Tensor, "images channels height width"]]:
    """The images whose predictions are scored beside a run's, by condition, ``clean`` first.

    Raises:
        UserError: see `RunBeside.read`; or there is no ``run.json``.
        benchmarks.data.files.Unavailable: a data set cannot be had.
    """
    run = RunBeside.read(folder)
    if not (chosen := read_run_json(folder).get("configuration")):
        raise UserError(f"--beside {folder}: there is no {RUN_JSON}, which says which images")
    limits = ImageLimits(chosen["images"], chosen["severity_images"])
    return {
        condition.name: run.task.evaluation_set(
            condition, limits, seed=chosen["seed"], data_dir=data_dir
        ).images[:MOST_IMAGES]
        for condition in run.images
    }


@one_torch_thread()
def score_beside(
    run: RunBeside,
    predictions: Mapping[str, Mapping[Condition, ImageValues]],
    out: Path | None = None,
    *,
    resamples: int,
    seed: int,
    files: Mapping[str, str] | None = None,
) -> ScoredMethods:
    """The headline's measures of a run's methods and of others, and what others are worth.

    Args:
        predictions: of each other method by its name; see `RunBeside.predictions`.
        out: a folder for what a run writes, as of `benchmarks.external.score`.
        files: SHA-256 of each method's file.
    """
    names = run.names_with(predictions)
    others = {RunUnit(name, None, 1.0, 0): own for name, own in predictions.items()}
    rows, estimates = estimated(
        {**run.methods, **run.ensembles_of_one, **others},
        tuple(run.images),
        resamples,
        seed,
        relations=run.relations,
        measures_of=headline_measures,
    )
    scored = results_of(rows, estimates, names, latency=run.latency)
    if out is not None:
        kept = sha256((run.folder / HEADLINE_NPZ).read_bytes()).hexdigest()
        digests = {HEADLINE_NPZ: kept, **(files or dict.fromkeys(predictions, ""))}
        write_scores(scored, out, resamples, seed, digests)
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
        UserError: a file, the folder or an option cannot be used.
    """
    require_resampling(resamples, seed)
    run = RunBeside.read(folder)
    predictions: dict[str, Mapping[Condition, ImageValues]] = {}
    digests = {}
    for file in files:
        try:
            if (name := file.stem) in predictions:
                raise UserError(f"two files are called {name!r}; rename one: it names the method")
            run.names_with({name: file})
            predictions[name] = run.predictions(arrays_in(file), from_logits=from_logits)
            with file.open("rb") as content:
                digests[name] = file_digest(content, "sha256").hexdigest()
        except UserError as error:
            raise UserError(f"{printable(str(file))}: {error}") from error
    target = None if out is None else folder_for_scores(out)
    how = {"resamples": resamples, "seed": seed}
    return score_beside(run, predictions, target, files=digests, **how).results
