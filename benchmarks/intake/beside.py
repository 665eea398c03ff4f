"""Predictions of others beside the contestants of a run, by what its ``influences/`` keep.

Nothing is trained. Others are measured by the five measures, on all images of the run, and compared
with each contestant image by image. Each is one replicate, of networks of its own: an interval has
what images and the run's networks add, and nothing of how other networks of theirs would differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from pathlib import Path
from statistics import mode
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.inference.evidence import GroupNumbers, HeadlineEvidence, evidence_in
from benchmarks.inference.resampling import Frame
from benchmarks.inference.rule import pair
from benchmarks.intake.formats import (
    LABELS,
    OOD,
    PROBABILITIES,
    AnyArray,
    arrays_in,
    check_form,
    check_label_form,
)
from benchmarks.intake.given import (
    PRIMARY_SCORE,
    MeasuredGiven,
    Scored,
    folder_for_scores,
    write_scores,
)
from benchmarks.intake.reading import PredictionsByCondition, blocks_of
from benchmarks.io import UserError, objection_to, printable, read_run_json
from benchmarks.nouns import MethodRecord, Names
from benchmarks.report.results import Results, read_if_there
from benchmarks.run.image_values import ImageValues
from benchmarks.run.measure import answer_table
from benchmarks.schema import read_table
from benchmarks.tasks import TASKS
from benchmarks.tasks.task import Condition, ImageLimits
from benchmarks.vocabulary import CLEAN, INFLUENCES_FOLDER, LATENCY_CSV, RUN_JSON, SUMMARY_CSV
from methods.determinism import one_torch_thread


@dataclass(frozen=True, eq=False)
class RunBeside:
    """What others are compared with: the contestants of the run in a folder.

    Attributes:
        names: its nouns.
        summary: ``summary.csv``.
        evidence: of each measure.
        images: how many each condition of the measures has, ``clean`` first.
        labels, groups: of these images, by the names of conditions.
    """

    folder: Path
    names: Names
    summary: pd.DataFrame
    evidence: Sequence[HeadlineEvidence]
    images: Mapping[Condition, int]
    labels: Mapping[str, Int64[Tensor, " images"]]
    groups: Mapping[str, GroupNumbers]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a run.

        Raises:
            UserError: it has no influences, or they are damaged, or of an unknown task.
        """
        evidence, names = evidence_in(folder), Names.read(folder)
        images: dict[Condition, int] = {}
        labels: dict[str, Int64[Tensor, " images"]] = {}
        groups: dict[str, GroupNumbers] = {}
        try:
            task = TASKS[names.task.name]
            conditions = {each.name: each for each in (*task.conditions, *task.subset_conditions)}
            for each in evidence:
                sizes = each.drawn.shown
                frame = Frame(sizes, conditions, resamples=0, seed=0)
                if len(frame.groups) != len(each.groups):
                    raise ValueError(f"{each.measure.name} is of other images")
                images |= {conditions[name]: size for name, size in sizes.items()}
                groups |= {name: each.groups[frame.places[name]] for name in sizes}
                if len(each.drawn.labels):
                    labels |= dict.fromkeys(sizes, torch.from_numpy(each.drawn.labels))
            for condition, count in images.items():
                if condition.labelled and len(labels[condition.name]) != count:
                    raise ValueError(f"{condition.name} has other labels")
        except (KeyError, ValueError) as error:
            raise UserError(
                f"--beside {folder}: {INFLUENCES_FOLDER}/ is damaged, or of an unknown task "
                f"({error}); fetch it again, or make it by the stage measure"
            ) from error
        return cls(folder, names, read_table(folder, SUMMARY_CSV), evidence, images, labels, groups)

    def names_with(self, methods: Iterable[str]) -> Names:
        """The run's nouns, of metrics the five, with methods of others by their names.

        Raises:
            UserError: a method of the run has such a name, or none can be printed.
        """
        own = tuple(MethodRecord(name, name, primary_score=PRIMARY_SCORE) for name in methods)
        known = set(self.summary["method"])
        for record in own:
            if objection := objection_to(record.name):
                raise UserError(f"the name of the method {record.name!r} {objection}")
            if record.name in known:
                raise UserError(f"{record.name!r} is a method of {self.folder}; rename yours")
        names = {record.name for record in own}
        others = (record for record in self.names.methods if record.name not in names)
        metrics = (self.names.metric(each.measure.metric) for each in self.evidence)
        return replace(self.names, methods=(*others, *own), metrics=tuple(metrics))

    def predictions(
        self, arrays: Mapping[str, AnyArray], *, from_logits: bool = False
    ) -> PredictionsByCondition:
        """What the measures need of another method's predictions, by condition.

        Args:
            arrays: by the names of conditions, ``probabilities`` for ``clean`` and ``ood_<name>``
                for ``ood-<name>``; maybe the ``labels`` of ``clean``, to compare them.

        Raises:
            UserError: an array is unknown or malformed, or is of other images.
        """
        classes, named = len(self.names.task.classes), dict[Condition, AnyArray]()
        known = {condition.name: condition for condition in self.images}
        for name, array in arrays.items():
            if name == LABELS:
                continue
            # Also by the names of files that are scored alone.
            own = CLEAN if name == PROBABILITIES else re.sub(f"^{OOD}", "ood-", name)
            if (condition := known.get(own)) is None:
                raise UserError(
                    f"{name!r} is no condition of the five measures of {self.folder}; choose from "
                    f"{', '.join(known)}"
                )
            if condition in named:
                raise UserError(f"two arrays are of {own!r}; leave out one")
            check_form(name, array)
            if array.shape[-2:] != (self.images[condition], classes):
                raise UserError(
                    f"{name!r} has the shape {list(array.shape)}; expected [members, images, "
                    f"classes] or [images, classes], with {classes} classes and the "
                    f"{self.images[condition]:,} images that benchmarks.api.images_beside gives"
                )
            named[condition] = array
        if known[CLEAN] not in named:
            raise UserError(f"there is no array {CLEAN!r}; add the predictions of the test images")
        if (labels := arrays.get(LABELS)) is not None:
            check_label_form(LABELS, labels)
            if not np.array_equal(labels, self.labels[CLEAN].numpy()):
                raise UserError(
                    f"{LABELS!r} are not those of the run's test images; put the predictions into "
                    "the order of benchmarks.api.images_beside, or leave the labels out"
                )
        members = {len(array) if array.ndim == 3 else 1 for array in named.values()}
        if len(members) > 1:
            raise UserError(
                f"arrays have {min(members)} to {max(members)} members; expected as many in each"
            )
        blocks = {
            c: blocks_of(c.name, array, self.labels.get(c.name), from_logits=from_logits)
            for c, array in named.items()
        }
        return {condition: ImageValues(own) for condition, own in blocks.items()}


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
    how: dict[str, Any] = {"seed": chosen["seed"], "data_dir": data_dir}
    limits = ImageLimits(chosen["images"], chosen["severity_images"])
    task = TASKS[run.names.task.name]
    return {
        condition.name: task.evaluation_set(condition, limits, **how).images
        for condition in run.images
    }


@one_torch_thread()
def score_beside(
    folder: Path,
    given: Mapping[str, Path | Mapping[str, AnyArray]],
    out: Path | None = None,
    *,
    from_logits: bool = False,
) -> Scored:
    """The five measures of a run's contestants and of others, and how others differ from each.

    Args:
        folder: of the run.
        given: by the names of other methods, arrays as `RunBeside.predictions` takes them, or a
            file of these.
        out: a folder for what a run writes, as of `benchmarks.intake.given.score`.

    Raises:
        UserError: a folder, a name, a file or an array cannot be used.
    """
    run = RunBeside.read(folder)
    names, target = run.names_with(given), None if out is None else folder_for_scores(out)
    predictions, digests = {}, {}
    for name, own in given.items():
        try:
            arrays = arrays_in(own) if isinstance(own, Path) else own
            predictions[name] = run.predictions(arrays, from_logits=from_logits)
        except UserError as error:
            shown = printable(str(own)) if isinstance(own, Path) else repr(name)
            raise UserError(f"{shown}: {error}") from error
        digests[name] = sha256(own.read_bytes()).hexdigest() if isinstance(own, Path) else ""
    metrics = {each.measure.metric for each in run.evidence}
    # Without resamples: of these metrics all influences are known.
    measured = MeasuredGiven(predictions, run.images, groups=run.groups, metrics=metrics)
    tables = measured.tables
    committed = run.summary[run.summary["metric"].isin(metrics)]
    newcomers = {each.measure: each for each in measured.evidence}
    evidence = [_together(each, newcomers.get(each.measure)) for each in run.evidence]
    results = Results(
        pd.concat([committed, tables["summary"].assign(task=names.task.name)], ignore_index=True),
        names,
        answer_table(evidence, names),
        latency=read_if_there(folder, LATENCY_CSV),
    )
    differences = pd.DataFrame(
        {"method": mine.method}
        | {f"other_{name}": value for name, value in theirs._asdict().items()}
        | pair(each, names, mine, theirs)._asdict()
        for each in evidence
        for mine, theirs in product((names.by_primary(c) for c in each.contestants), repeat=2)
        if mine.method in given and theirs.method not in given
    )
    measurements = tables["measurements"].assign(task=names.task.name)
    scored = Scored(results, measurements, differences, evidence, pd.DataFrame())
    if target is not None:
        write_scores(scored, target, digests)
    return scored


def _together(run: HeadlineEvidence, others: HeadlineEvidence | None) -> HeadlineEvidence:
    """A measure of the run's contestants and of others, whose networks are none of the run's."""
    if others is None:
        return run
    replicates = run.values.shape[1]
    values = np.pad(others.values, ((0, 0), (replicates, 0)), constant_values=np.nan)
    split = mode(entry.split for entry in run.entries)
    entries = tuple(entry._replace(split=split) for entry in others.entries)
    return run.joined(replace(others, values=values, entries=entries))
