"""How rows are formed: by influence or resamples, of images that conditions or groups share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.inference.evidence import summed_by
from benchmarks.inference.resampling import Frame, ImageSet
from benchmarks.metrics import METRICS
from benchmarks.metrics.metric import Family, Influences, MetricInputs, MetricsByResample, Weights
from benchmarks.tasks.task import Condition
from tests.runs import CONDITIONS

IMAGES, FEWER, RESAMPLES = 60, 20, 130
CLEAN, ROTATED, NOISE = (CONDITIONS[name] for name in ("clean", "rotated-030", "ood-uniform_noise"))

Floats = NDArray[np.float64]

Groups = NDArray[np.int64]


class Compared(Family):
    """The difference of means of images and of their reference's; no influence is known."""

    needs = frozenset({"reference"})

    def per_image(self, arrays: MetricInputs) -> None:
        raise NotImplementedError

    def evaluate(
        self,
        prepared: tuple[Floats, Floats],
        weights: Weights,
        reference_weights: Weights,
    ) -> MetricsByResample:
        own, reference = prepared
        values: MetricsByResample = own @ weights - reference @ reference_weights
        values[0, values[1] < 0] = np.nan
        return values


class ByInfluence(Compared):
    """The same; the values are taken as influences."""

    def influence(self, prepared: Any) -> Influences:
        return Influences(*prepared)


def values(images: int, seed: int) -> Floats:
    drawn = np.random.default_rng(seed).normal(size=(2, images))
    return drawn - drawn.mean(axis=1, keepdims=True)


def frame(images: dict[str, int], resamples: int = RESAMPLES, **groups: Groups) -> Frame:
    return Frame(images, CONDITIONS, resamples, 0, groups)


def test_an_image_and_its_rotation_have_one_place() -> None:
    """A condition of fewer images has the first ones of its set."""
    own, reference = values(FEWER, 0), values(IMAGES, 1)
    family = ByInfluence([METRICS["auroc"], METRICS["fpr95"]])
    rows, undefined = frame({ROTATED.name: FEWER, "clean": IMAGES}).rows(
        family, (own, reference), ROTATED
    )
    expected = reference / IMAGES
    expected[:, :FEWER] += own / FEWER
    assert rows == pytest.approx(expected)
    assert undefined.tolist() == [0, 0]


def test_images_of_their_own_stand_beside_the_others() -> None:
    own, reference = values(FEWER, 0), values(IMAGES, 1)
    family = ByInfluence([METRICS["auroc"], METRICS["fpr95"]])
    rows, _ = frame({NOISE.name: FEWER, "clean": IMAGES}).rows(family, (own, reference), NOISE)
    assert rows == pytest.approx(np.hstack([own / FEWER, reference / IMAGES]))


def test_unknown_influences_are_as_undefined_in_every_draw() -> None:
    own = values(IMAGES, 0)
    own[1, 3] = np.nan
    family = METRICS["nll"].family([METRICS["nll"]])
    rows, undefined = frame({"clean": IMAGES}).rows(family, own, CLEAN)
    assert undefined.tolist() == [0, 1]
    assert not rows[1].any()


def drawn(name: str, images: int) -> Weights:
    of_set = ImageSet.of(CONDITIONS[name], CONDITIONS)
    return np.concatenate(list(of_set.weights(images, RESAMPLES, 0)), axis=1)


def weights_of_both(condition: str) -> tuple[Weights, Weights]:
    own = drawn(condition, IMAGES if condition == ROTATED.name else FEWER)
    return own[:FEWER], drawn("clean", IMAGES)


@pytest.mark.parametrize("condition", [ROTATED, NOISE], ids=["paired", "of its own"])
def test_rows_of_resamples_have_their_covariance(condition: Condition) -> None:
    own, reference = values(FEWER, 0), values(IMAGES, 1)
    family = Compared([METRICS["auroc"], METRICS["fpr95"]])
    sizes = {condition.name: FEWER, "clean": IMAGES}
    rows, undefined = frame(sizes).rows(family, (own, reference), condition)
    evaluated = family.evaluate((own, reference), *weights_of_both(condition.name))
    assert (rows @ rows.T)[1, 1] == pytest.approx(evaluated[1].var(ddof=1))
    defined = np.isfinite(evaluated[0])
    assert undefined.tolist() == [(~defined).mean(), 0]
    assert 0.2 < undefined[0] < 0.8
    squares = np.square(evaluated[0, defined] - evaluated[0, defined].mean()).sum()
    assert (rows @ rows.T)[0, 0] == pytest.approx(squares / (RESAMPLES - 1))


NLL = METRICS["nll"].family([METRICS["nll"]])

WRITERS, EACH = 30, 20


def variance(rows: Floats, groups: Groups) -> float:
    return float(np.square(summed_by(groups, rows)).sum())


def written(random: np.random.Generator, shared: float) -> tuple[Floats, Groups]:
    """A value of each image, of which the writer's share has this variance, and the image's 1."""
    writers = random.permutation(np.arange(WRITERS * EACH) % WRITERS)
    own = random.normal(0, math.sqrt(shared), WRITERS)
    return (own[writers] + random.normal(size=len(writers)))[None], writers


def test_each_image_is_a_group_of_its_own_unless_groups_are_given() -> None:
    alone = frame({ROTATED.name: FEWER, "clean": IMAGES, NOISE.name: FEWER})
    assert alone.groups.tolist() == list(range(IMAGES + FEWER))
    assert alone.group_count(ROTATED.name) == FEWER


def test_groups_are_of_a_set_of_images() -> None:
    """The same writer wrote in both sets, which are drawn separately."""
    writers = 7 + np.arange(IMAGES) // 5
    sizes = {ROTATED.name: FEWER, NOISE.name: FEWER, "clean": IMAGES}
    of_fewer = dict.fromkeys((ROTATED.name, NOISE.name), writers[:FEWER])
    both = frame(sizes, clean=writers, **of_fewer)
    expected = np.concatenate([writers - 7, 12 + writers[:FEWER] - 7])
    assert both.groups.tolist() == expected.tolist()
    assert [both.group_count(name) for name in sizes] == [4, 4, 12]


def test_variance_over_groups_is_that_of_means_by_other_writers() -> None:
    """Design effect 1 + 19 · .1 / 1.1 = 2.7: single images would claim as little as a third."""
    random = np.random.default_rng(0)
    means, claimed, alone = [], [], []
    for _ in range(800):
        of_images, writers = written(random, shared=0.1)
        grouped = frame({"clean": WRITERS * EACH}, clean=writers)
        rows, _ = grouped.rows(NLL, of_images, CLEAN)
        means.append(of_images.mean())
        claimed.append(variance(rows, grouped.groups))
        alone.append(np.square(rows).sum())
    assert np.mean(claimed) == pytest.approx(np.var(means), rel=0.12)
    assert np.mean(claimed) / np.mean(alone) == pytest.approx(1 + 19 * 0.1 / 1.1, rel=0.12)


def test_variance_over_groups_is_the_cluster_robust_one() -> None:
    """Liang & Zeger 1986, of a mean: the squares of the sums of residuals by group."""
    of_images, writers = written(np.random.default_rng(1), shared=0.5)
    grouped = frame({"clean": WRITERS * EACH}, clean=writers)
    rows, _ = grouped.rows(NLL, of_images, CLEAN)
    residuals = of_images[0] - of_images.mean()
    sums = [residuals[writers == writer].sum() for writer in range(WRITERS)]
    expected = np.square(sums).sum() / of_images.size**2
    assert variance(rows, grouped.groups) == pytest.approx(expected)


class Resampled(type(NLL)):  # type: ignore[misc]
    """The same metric; no influence is known."""

    def influence(self, prepared: Any) -> None:
        return None


def test_resamples_draw_groups() -> None:
    of_images, writers = written(np.random.default_rng(3), shared=0.5)
    grouped = frame({"clean": WRITERS * EACH}, 4000, clean=writers)
    by_influence, by_resamples = (
        grouped.rows(family, of_images, CLEAN).rows for family in (NLL, Resampled(NLL.metrics))
    )
    expected = variance(by_influence, grouped.groups)
    assert np.square(by_resamples).sum() == pytest.approx(expected, rel=0.1)
    for block in grouped.weights("clean"):
        assert all(len(np.unique(block[writers == w], axis=0)) == 1 for w in range(WRITERS))


def test_groups_of_another_number_of_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^the condition 'clean' has groups of 59 images; .* 60$"):
        frame({"clean": IMAGES}, clean=np.arange(59))
