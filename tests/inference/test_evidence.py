"""What the rule needs of a measure: covariances, and how it is kept, read and joined."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.inference.best import judge
from benchmarks.inference.differences import difference, own_estimate
from benchmarks.inference.evidence import HeadlineEvidence, evidence_in
from benchmarks.io import UserError
from benchmarks.nouns import Contestant
from benchmarks.schema import packed, unpacked
from methods.determinism import one_torch_thread
from tests.measuring import MEASURES, Floats, known_of

IMAGES = 60

REPLICATES = {
    Contestant("a", "1", 1): range(6),
    Contestant("b", "1", 1): range(6),
    Contestant("c", "1", 1): (0, 1, 2, 4, 5),
    Contestant("ensemble", "2", 2): range(4),
    Contestant("ensemble", "4", 4): range(1),
}
"""Their numbers."""


def losses_of(seed: int = 0, images: int = IMAGES) -> dict[Contestant, dict[int, Floats]]:
    """Of each image; what an image, a network and both have in common is of every method."""
    random = np.random.default_rng(seed)
    image, networks = random.normal(size=images), random.normal(size=(8, images))
    return {
        contestant: {r: image + networks[r] + 0.3 * random.normal(size=images) for r in replicates}
        for contestant, replicates in REPLICATES.items()
    }


LOSSES = losses_of()
KNOWN = known_of(LOSSES)


def labelled(labels: NDArray[np.int64], known: HeadlineEvidence = KNOWN) -> HeadlineEvidence:
    return replace(known, drawn=known.drawn._replace(labels=labels))


def same(one: HeadlineEvidence, other: HeadlineEvidence) -> bool:
    others = [each.name for each in fields(one) if each.name != "drawn"]
    pairs = [(getattr(one, name), getattr(other, name)) for name in others]
    pairs += zip(one.drawn, other.drawn, strict=True)
    return all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f") and a.dtype == b.dtype
        if isinstance(a, np.ndarray)
        else (a == b and type(a) is type(b))
        for a, b in pairs
    )


def covariances(first: Contestant, second: Contestant) -> Floats:
    """Of the replicates, over images."""
    rows = [*LOSSES[first].values(), *LOSSES[second].values()]
    return np.cov(rows, ddof=0)[: len(LOSSES[first]), len(LOSSES[first]) :] / IMAGES


@pytest.mark.parametrize("first", REPLICATES)
@pytest.mark.parametrize("second", REPLICATES)
def test_covariances_are_those_of_all_pairs_of_replicates(
    first: Contestant, second: Contestant
) -> None:
    """What all replicates share is the mean over pairs of different ones, where these pair."""
    i, j = map(KNOWN.contestants.index, (first, second))
    every = covariances(first, second)
    assert KNOWN.every[i, j] == pytest.approx(every.mean(), rel=2e-3, abs=1e-5)
    paired = len(LOSSES[first]) == len(LOSSES[second]) and first.members == second.members
    assert KNOWN.paired[i, j] == paired
    count = len(every)
    expected = every.mean()
    if paired and count > 1:
        expected = (every.sum() - every.trace()) / (count * (count - 1))
        assert KNOWN.matched[i, j] == pytest.approx(every.trace(), rel=1e-5)
    assert KNOWN.shared[i, j] == pytest.approx(expected, rel=2e-3, abs=2e-5)


def test_groups_are_summed() -> None:
    groups = np.random.default_rng(1).integers(12, size=IMAGES)
    grouped = known_of(LOSSES, groups=groups)
    assert grouped.drawn.degrees == 11
    means = np.array([np.mean([*own.values()], axis=0) for own in LOSSES.values()])
    deviations = (means - means.mean(axis=1, keepdims=True)) / IMAGES
    sums = np.array([deviations[:, groups == group].sum(axis=1) for group in range(12)])
    assert grouped.every == pytest.approx(sums.T @ sums, rel=5e-3, abs=1e-5)


def test_order_in_which_contestants_are_collected_does_not_matter() -> None:
    assert same(known_of(dict(reversed(LOSSES.items()))), KNOWN)


@pytest.mark.parametrize("threads", [2, 7])
def test_covariances_do_not_depend_on_the_threads_of_numpy(threads: int) -> None:
    rows = np.random.default_rng(0).normal(size=(97, 1, 20_000))
    losses = {Contestant(f"method-{k:02}", "1", 1): row for k, row in enumerate(rows)}

    def evidence(count: int) -> HeadlineEvidence:
        with one_torch_thread(), threadpool_limits(count):
            known = known_of(losses)
            return replace(known, matched=known.matched + known.every)

    assert np.array_equal(evidence(1).matched, evidence(threads).matched)


def test_what_is_kept_is_read_back_as_it_was(tmp_path: Path) -> None:
    others = replace(labelled(np.arange(IMAGES) % 10), measure=MEASURES["augrc"])
    for each in (KNOWN, others):
        each.write(tmp_path)
        read = HeadlineEvidence.read(tmp_path, each.measure)
        assert read is not None
        assert same(read, each)
    assert HeadlineEvidence.read(tmp_path, MEASURES["auroc"]) is None
    assert [each.measure for each in evidence_in(tmp_path)] == [KNOWN.measure, others.measure]
    with pytest.raises(UserError, match=r"^there is no influences/ in nowhere, .*name the folder"):
        evidence_in(Path("nowhere"))


def about(arrays: dict[str, Any], **changes: object) -> None:
    content = json.loads(str(arrays["about"]))
    arrays["about"] = np.array(json.dumps(content | changes))


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("matched"),
        lambda arrays: arrays.update(another=np.zeros(3)),
        lambda arrays: arrays.update(about=np.array("{")),
        lambda arrays: arrays.update(values=arrays["values"][1:]),
        lambda arrays: about(arrays, drawn=[60]),
        lambda arrays: about(arrays, entries=[[["../../x", "1", 1, ""]]] * len(REPLICATES)),
        lambda arrays: about(arrays, entries=[[["a", "1", 1, ""]]]),
    ],
)
def test_damaged_file_is_refused_in_one_line(
    change: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    KNOWN.write(tmp_path)
    (path,) = tmp_path.rglob("*.npz")
    arrays: dict[str, Any] = unpacked(path)
    change(arrays)
    path.write_bytes(packed(arrays))
    with pytest.raises(UserError, match=r"nll-clean\.npz is damaged \([^\n]+\); fetch it") as error:
        evidence_in(tmp_path)
    assert "\n" not in str(error.value)


def test_two_sittings_joined_have_all_but_what_replicates_of_both_share() -> None:
    count = len(KNOWN.contestants)
    parts = KNOWN.chosen([0, 3]), KNOWN.chosen([1, 2, 4])
    for joined in (parts[0].joined(parts[1]), parts[1].joined(parts[0])):
        apart = np.isnan(joined.matched)
        own = np.isin(np.arange(count), [0, 3])
        assert np.array_equal(apart, own[:, None] != own)
        assert same(replace(joined, matched=np.where(apart, KNOWN.matched, joined.matched)), KNOWN)
        # Of paired contestants what networks and images add together is left in.
        assert np.array_equal(joined.shared[~apart], KNOWN.shared[~apart])
        assert np.array_equal(joined.shared[apart], KNOWN.every[apart])


def test_contestants_of_both_sittings_connect_them() -> None:
    ensembles, single, others = [3, 4], [0], [1, 2]
    parts = KNOWN.chosen([*single, *ensembles]), KNOWN.chosen([*others, *ensembles])
    for joined in (parts[0].joined(parts[1]), parts[1].joined(parts[0])):
        apart = np.isnan(joined.matched)
        assert {*zip(*map(list, np.nonzero(apart)), strict=True)} == {
            pair for k in single for j in others for pair in ((j, k), (k, j))
        }
        assert same(replace(joined, matched=np.where(apart, KNOWN.matched, joined.matched)), KNOWN)


def test_what_does_not_belong_together_is_not_joined() -> None:
    labels = np.arange(IMAGES) % 10
    first, second = (labelled(labels).chosen([k]) for k in (0, 1))
    with pytest.raises(UserError, match=r"^nll-clean: 'a' has other values in both; leave it out"):
        replace(first, values=first.values + 1).joined(KNOWN)
    groups = np.arange(IMAGES) // 2
    for other in (
        known_of(losses_of(images=50)).chosen([1]),
        replace(second, drawn=second.drawn._replace(shown={"rotated-030": IMAGES})),
        replace(second, groups=groups),
        labelled(labels[::-1], second),
    ):
        with pytest.raises(UserError, match=r"^nll-clean: the two are of other images, and not"):
            first.joined(other)
    # Predictions of others may come without labels.
    assert first.joined(labelled(labels[:0], second)).drawn.labels is labels


@pytest.mark.parametrize("skewed", [False, True])
def test_half_precision_moves_no_interval_by_a_thousandth(*, skewed: bool) -> None:
    """Where contestants differ by more than a hundredth of what they are."""
    random, losses = np.random.default_rng(0), {}

    def drawn(*shape: int) -> Floats:
        return random.gamma(0.02, size=shape) if skewed else random.normal(size=shape)

    common = drawn(5000)
    for k in range(4):
        losses[Contestant(f"method-{k}", "1", 1)] = common * (1 + 0.05 * k) + 0.2 * drawn(5, 5000)
    half = known_of(losses)
    means = np.array([own.mean(axis=0) for own in losses.values()])
    whole = replace(half, rows=means - means.mean(axis=1, keepdims=True))  # type: ignore[arg-type]
    for k in range(4):
        found, expected = (own_estimate(each, k).half_width for each in (half, whole))
        assert found == pytest.approx(expected, rel=1e-3)
        for j in range(k):
            found, expected = (difference(each, j, k).estimate.half_width for each in (half, whole))
            assert found == pytest.approx(expected, rel=1e-3)
    found, expected = (judge(each, 0, draws=500).half_widths[1:] for each in (half, whole))
    assert found == pytest.approx(expected, rel=1e-3)
