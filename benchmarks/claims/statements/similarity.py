"""The claim that a network's outputs measure similarity, not certainty."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Part,
    by_parts,
    interval,
    rows,
)
from benchmarks.claims.intervals import Interval, Placements, auroc_interval
from benchmarks.claims.predictor import (
    CALLED,
    ENSEMBLE,
    IN_TEXT,
    PASSES,
    SAMPLED,
    SOFTMAX,
    RecipePredictor,
)
from benchmarks.claims.run_tables import difference
from benchmarks.claims.statements.out_of_distribution import (
    OOD,
    ROTATED,
    SEVERAL,
    ood_conditions,
    predicted,
)
from benchmarks.metrics import METRICS, Arrays
from benchmarks.predictions import RunUnit
from benchmarks.vocabulary import CLEAN

ENTROPY = "predictive_entropy"
"""The score of the AUROC, which every method has."""


def measure_similarity(predictor: RecipePredictor) -> Iterator[pd.DataFrame]:
    """ECE on rotated images and AUROC, of softmax and the others, and the differences."""
    ood = ood_conditions(predictor)
    units = predicted(predictor, (CLEAN, ROTATED, *ood))
    for method, of_method in units.items():
        for condition in (CLEAN, ROTATED):
            eces = [
                METRICS["ece"].value(Arrays(predictor.get(unit, condition), predictor.labels))
                for unit in of_method
            ]
            yield rows("ece", eces, method=method, condition=condition)
    placements = {
        method: [_placements(predictor, of_method, condition) for condition in ood]
        for method, of_method in units.items()
    }
    for method, sets in placements.items():
        auroc = auroc_interval(sets).value
        yield rows("auroc", auroc, method=method, condition=OOD, score=ENTROPY)
    sizes = {SAMPLED: PASSES, ENSEMBLE: predictor.networks}
    for method in SEVERAL:
        pairs = zip(placements[SOFTMAX], placements[method], strict=True)
        apart = auroc_interval([one - other for one, other in pairs])
        yield rows("auroc", apart, **auroc_minus(method))
        other = (method, sizes[method])
        apart = difference(predictor, (SOFTMAX, None), other, ROTATED, "ece")
        yield rows("ece", apart, **ece_minus(method))


def judge_similarity(table: pd.DataFrame) -> Judgement:
    """ECE above and AUROC below those of both others, with intervals that leave zero."""
    parts, told = [], []
    for method in SEVERAL:
        name = IN_TEXT[method]
        ece = interval(table, "ece", **ece_minus(method))
        auroc = interval(table, "auroc", **auroc_minus(method))
        if math.isnan(auroc.lower):
            raise NotTestableError("There are too few images for an interval.")
        if math.isnan(ece.lower):
            raise NotTestableError(
                f"The run does not compare the ECE of softmax and {name} at 45°."
            )
        parts += [
            Part(f"ECE at 45°: softmax minus {CALLED[method]}", ece.text("+.3f"), ece.above()),
            Part(f"AUROC: softmax minus {CALLED[method]}", auroc.text("+.3f"), auroc.below()),
        ]
        told.append(
            f"Against {name}, its ECE at 45° is {_apart(ece)} and its AUROC is {_apart(auroc)}."
        )
    worse = sum(bool(part.holds) for part in parts)
    all_worse = "Softmax is significantly worse in all four comparisons."
    some_worse = f"Softmax is significantly worse in {worse} of {len(parts)} comparisons."
    return by_parts(parts, " ".join([all_worse if worse == len(parts) else some_worse, *told]))


def _apart(difference: Interval) -> str:
    """Of softmax from another method.

    >>> _apart(Interval(-0.5, -0.6, -0.4))
    '0.500 lower'
    """
    return f"{abs(difference.value):.3f} {'higher' if difference.value > 0 else 'lower'}"


def ece_minus(method: str) -> dict[str, str]:
    """The columns of the ECE of softmax less that of another method, with an interval."""
    return {"method": SOFTMAX, "condition": ROTATED, "case": f"minus {method}"}


def auroc_minus(method: str) -> dict[str, str]:
    """The columns of the AUROC of softmax less that of another method, with an interval."""
    return {"method": SOFTMAX, "condition": OOD, "score": ENTROPY, "case": f"minus {method}"}


def _placements(predictor: RecipePredictor, units: Sequence[RunUnit], condition: str) -> Placements:
    """The placements by predictive entropy; a row for each run unit."""
    clean, ood = (
        np.stack([METRICS[ENTROPY].function(predictor.get(unit, images)) for unit in units])
        for images in (CLEAN, condition)
    )
    return Placements.of(clean, ood)


SIMILARITY = Claim(
    id="softmax-is-not-certainty",
    statement="A network's outputs measure similarity, not certainty.",
    place="explanation of a classifier's outputs",
    weight="supporting",
    rule="We compare softmax with MC-dropout and with the ensemble in two ways: by the ECE on "
    "images rotated by 45°, and by the AUROC for out-of-distribution images (predictive entropy, "
    "mean over the sets). Softmax is significantly worse if its ECE is higher, or its AUROC lower, "
    "and the 95 % interval of the difference excludes zero. Reproduced: it is in all four "
    "comparisons. Partly reproduced: it is in some.",
    measure=measure_similarity,
    judge=judge_similarity,
    figure="roc-predictive_entropy",
    against="We test whether the outputs are calibrated and detect other images, not whether they "
    "measure similarity. Softmax detects out-of-distribution images well, but less well than the "
    "others. Differences are paired by image and, for MC-dropout, by network. The intervals do not "
    "cover another ensemble. ECE is biased upwards, by amounts that differ with the method.",
    least_networks=2,
)
