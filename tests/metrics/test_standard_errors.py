"""Standard errors from influences are those of 10,000 resamples, of predictions of real images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.metrics import MetricInputs
from benchmarks.metrics.detection import Detection
from benchmarks.metrics.scoring import LabelMeans
from benchmarks.metrics.selective import Selective
from benchmarks.tasks import TASKS
from benchmarks.tasks.task import ImageLimits
from methods import Prediction
from methods.engines import choose_engine
from methods.scores import score_of
from tests.golden.test_golden_networks import WEIGHTS, stored_network
from tests.metrics.support import Floats, family_of

pytestmark = pytest.mark.slow

Weights = NDArray[np.uint8]

RESAMPLES, BLOCK = 10_000, 250

LIMITS = ImageLimits(2500)

PASSES = 10

SEVERITIES = (
    *("rotated-015", "rotated-030", "rotated-060", "rotated-090"),
    *("translated-04", "translated-06", "translated-10"),
)
"""Of the same images, changed."""

NOISE = ("ood-uniform_noise", "ood-gaussian_noise")

RANKED = ((1, "predictive_entropy"), (PASSES, "predictive_entropy"), (PASSES, "variation_ratio"))
"""Predictions by their members, and a score; by the last one most images are tied."""


def labelled_images(condition: str) -> tuple[torch.Tensor, torch.Tensor | None]:
    task = TASKS["mnist"]
    evaluated = task.evaluation_set(task.condition(condition), LIMITS, seed=0, data_dir=None)
    return evaluated.images, evaluated.labels


@cache
def member_logits(condition: str) -> dict[int, torch.Tensor]:
    """Of a network that was trained for two epochs: alone, and of passes with dropout."""
    images, _ = labelled_images(condition)
    with np.load(WEIGHTS) as arrays:
        names = [name for name in arrays.files if name.startswith("mnist-standard/")]
        weights = {name.partition("/")[2]: arrays[name] for name in names}
    for name in ("images", "logits", "pass_logits"):
        del weights[name]
    network, engine = stored_network("mnist-standard", weights), choose_engine("torch", "cpu")
    alone = engine.logits(network, images)[None]
    passes = engine.pass_logits(network, images, network.passes(0, 0, PASSES))
    return {1: alone, PASSES: passes}


def drawn(images: int, seed: int) -> Iterator[Weights]:
    """Resamples, in blocks [resamples, images]."""
    random = np.random.default_rng(seed)
    for _ in range(RESAMPLES // BLOCK):
        chosen = random.integers(images, size=(BLOCK, images), dtype=np.int32)
        chosen += np.arange(BLOCK, dtype=np.int32)[:, None] * images
        counts = np.bincount(chosen.ravel(), minlength=BLOCK * images)
        yield counts.reshape(BLOCK, images).astype(np.uint8)


def by_step(score: Floats, weights: Weights) -> Floats:
    """How many images each resample has of each value, the lowest first."""
    order = np.argsort(score)
    starts = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
    return np.add.reduceat(weights[:, order], starts, axis=1, dtype=float)


def before(counts: Floats) -> Floats:
    return counts.cumsum(axis=1) - counts


def auroc(negatives: Floats, positives: Floats) -> Floats:
    won = (positives * (before(negatives) + negatives / 2)).sum(axis=1)
    return won / (negatives.sum(axis=1) * positives.sum(axis=1))


def average_precision(wanted: Floats, others: Floats) -> Floats:
    """Of images with low values."""
    flagged = wanted.cumsum(axis=1), others.cumsum(axis=1)
    precision = flagged[0] / np.maximum(sum(flagged), 1)
    return (wanted * precision).sum(axis=1) / wanted.sum(axis=1)


def aurc(right: Floats, wrong: Floats) -> Floats:
    tied = right + wrong
    inverses = np.append(0, (1 / np.arange(1, tied[0].sum() + 1)).cumsum())
    earlier = before(tied).astype(int)
    sums = inverses[earlier + tied.astype(int)] - inverses[earlier]
    risk = wrong + (before(wrong) - earlier * wrong / np.maximum(tied, 1)) * sums
    return risk.sum(axis=1) / tied.sum(axis=1)


def augrc(right: Floats, wrong: Floats) -> Floats:
    accuracy = right.sum(axis=1) / (right + wrong).sum(axis=1)
    return (1 - auroc(right, wrong)) * accuracy * (1 - accuracy) + (1 - accuracy) ** 2 / 2


OfKinds = Callable[[Floats, Floats], Floats]
"""From images of two kinds by value, the second expected among the high ones."""

DETECTED: dict[str, OfKinds] = {
    "auroc": auroc,
    "aupr_out": lambda negatives, positives: average_precision(
        positives[:, ::-1], negatives[:, ::-1]
    ),
    "aupr_in": average_precision,
}
SELECTED: dict[str, OfKinds] = {"misclassification_auroc": auroc, "aurc": aurc, "augrc": augrc}


def resampled_errors(metrics: dict[str, OfKinds], kinds: Iterable[tuple[Floats, Floats]]) -> Floats:
    """The standard deviation of each metric over all resamples."""
    values = [[function(*pair) for function in metrics.values()] for pair in kinds]
    return np.concatenate(values, axis=1).std(axis=1, ddof=1)


def error(*influences: Floats) -> Floats:
    """Of each metric, by images that are drawn independently."""
    return np.sqrt(sum((rows**2).sum(axis=1) / rows.shape[1] ** 2 for rows in influences))


def of_means(prediction: Prediction, labels: torch.Tensor) -> Floats:
    family = family_of(LabelMeans)
    values = family.prepare(MetricInputs(prediction, labels))
    means = [weights @ values.T / len(labels) for weights in drawn(len(labels), 0)]
    return error(family.influence(values).own) / np.concatenate(means).std(axis=0, ddof=1)


def of_selection(prediction: Prediction, score: torch.Tensor, labels: torch.Tensor) -> Floats:
    family = family_of(Selective)
    assert [metric.name for metric in family.metrics] == list(SELECTED)
    own, _ = family.influence(family.prepare(MetricInputs(prediction, labels, score=score)))
    wrong = (prediction.mean.argmax(dim=1) != labels).numpy()
    kinds = (
        (by_step(score.numpy(), weights * ~wrong), by_step(score.numpy(), weights * wrong))
        for weights in drawn(len(labels), 0)
    )
    return error(own) / resampled_errors(SELECTED, kinds)


def of_detection(pair: tuple[Prediction, Prediction], name: str, *, same_images: bool) -> Floats:
    """The second prediction is of the images that the first's are distinguished from."""
    family = family_of(Detection)
    assert [metric.name for metric in family.metrics] == list(DETECTED)
    score, other_score = (score_of(prediction, name) for prediction in pair)
    arrays = MetricInputs(pair[0], reference=pair[1], score=score, reference_score=other_score)
    own, reference = family.influence(family.prepare(arrays))
    scores = torch.cat([other_score, score]).numpy()
    count, other_count = len(score), len(other_score)
    draws = drawn(other_count, 0), drawn(count, 0 if same_images else 1)
    kinds = (
        (
            by_step(scores, np.pad(negative, ((0, 0), (0, count)))),
            by_step(scores, np.pad(positive, ((0, 0), (other_count, 0)))),
        )
        for negative, positive in zip(*draws, strict=True)
    )
    by_influences = error(own + reference) if same_images else error(own, reference)
    return by_influences / resampled_errors(DETECTED, kinds)


def test_standard_errors_of_200_measures_are_those_of_resamples() -> None:
    ratios = []
    for condition in ("clean", *SEVERITIES, *NOISE):
        _, labels = labelled_images(condition)
        for members, name in RANKED:
            prediction, clean = (
                Prediction.of_logits(member_logits(each)[members]) for each in (condition, "clean")
            )
            if labels is not None:
                ratios += [*of_means(prediction, labels)]
                ratios += [*of_selection(prediction, score_of(prediction, name), labels)]
            if condition != "clean":
                same_images = condition not in NOISE
                ratios += [*of_detection((prediction, clean), name, same_images=same_images)]
    assert len(ratios) >= 200
    assert 0.99 < np.median(ratios) < 1.01
    assert np.mean(np.abs(np.log(ratios)) < np.log(1.06)) >= 0.95
