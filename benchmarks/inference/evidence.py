"""What is known of measures: values by replicate, and how images move them.

Of a run unit and a measure there is a row, a number an image, such that the products of two rows
add up to the covariance of the two measures over the draw of images: where a family of metrics
knows the influence ψ of each of N images, ψ / N; else (v_b − v̄) / √(B − 1) of the values on B
resamples. Images that err together, such as those of one writer, are drawn together: their
influences are added first, so that the variance is one over groups (Liang and Zeger 1986).

Intervals need two sums of a contestant's rows alone (`ReplicateSums`). The rule needs more, of the
five measures of `benchmarks.headline`: the mean row of each contestant, in half precision, from
which the covariances between contestants follow, and the covariances of paired replicates
(`HeadlineEvidence`). That is what a run keeps in ``influences/``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64
from numpy.typing import NDArray

from benchmarks.headline import HEADLINE, Headline
from benchmarks.io import UserError, require_file_name, write_whole
from benchmarks.schema import DamagedArraysError, packed, unpacked
from benchmarks.vocabulary import INFLUENCES_FOLDER

ImageRow = Float32[np.ndarray, " images"]
"""See above; of resamples there are fewer numbers than images."""

GroupNumbers = Int64[np.ndarray, " images"]
"""Of each image, the number of the group that it is drawn with, from 0 on."""

Between = Float64[np.ndarray, "contestants contestants"]


class Contestant(NamedTuple):
    """A method of a size at a budget, by the score by which it ranks images; empty: by none."""

    method: str
    members: str
    budget: float
    score: str = ""


class MeasuredUnit(NamedTuple):
    """A measure of a run unit.

    Attributes:
        value: on the images themselves; infinite, but not NaN.
        row: by which it varies with the draw of images.
        groups: of each place of the row, the number of the group that it is drawn with.
        undefined: the share of draws in which it is undefined.
    """

    value: float
    row: ImageRow
    groups: GroupNumbers
    undefined: float = 0.0

    def plus(self, other: MeasuredUnit) -> MeasuredUnit:
        """The sum of both, of the same images."""
        undefined = max(self.undefined, other.undefined)
        return MeasuredUnit(self.value + other.value, self.row + other.row, self.groups, undefined)


MeasureName = tuple[str, str]
"""A metric, and the score by which it ranks images; empty: by none."""


class ReplicateSums:
    """A measure of a contestant: its replicates' values, and two sums of their rows.

    Attributes:
        values: by replicate.
        undefined: the largest share of draws in which a replicate's is undefined.
        total: the variance over images of the sum of the replicates, Σ_r Σ_r' cov(r, r').
        own: the sum of their variances, Σ_r var(r).
    """

    def __init__(self) -> None:
        self.values: dict[int, float] = {}
        self.undefined = self.total = self.own = 0.0
        self._sum: MeasuredUnit | None = None

    def add(self, replicate: int, measured: MeasuredUnit) -> None:
        """Add a replicate."""
        self.values[replicate] = measured.value
        self.undefined = max(self.undefined, measured.undefined)
        self.own += _square(measured)
        self._sum = measured if self._sum is None else self._sum.plus(measured)

    def finish(self) -> None:
        """Let the rows go, after the last replicate."""
        if self._sum is not None:
            self.total, self._sum = _square(self._sum), None


def mean_over(
    conditions: Sequence[Mapping[MeasureName, MeasuredUnit]],
) -> dict[MeasureName, MeasuredUnit]:
    """The mean over conditions of what is measured of a unit, where it has a value under each."""
    means = {}
    for measure in conditions[0]:
        if all(measure in measures for measures in conditions):
            first, *others = (measures[measure] for measures in conditions)
            total, count = reduce(MeasuredUnit.plus, others, first), len(conditions)
            means[measure] = total._replace(value=total.value / count, row=total.row / count)
    return means


ABOUT = ("condition", "images", "degrees", "contestants", "split", "shown", "sizes")
ARRAYS = "networks", "is_scale", "values", "undefined", "rows", "matched", "groups", "labels"
"""The fields of `HeadlineEvidence` that are no arrays, and those that are, beside the measure."""


@dataclass(frozen=True, eq=False)
class HeadlineEvidence:
    """What the rule needs of a measure: of contestants, sorted by their fields.

    Attributes:
        measure: which.
        condition: under which, by its name.
        images, degrees: how many images there are, and the degrees of freedom of a variance over
            these; of several sets, in the smallest.
        contestants: with a value.
        networks: how many each replicate of a contestant has. Contestants of as many are paired by
            their replicates.
        is_scale: whether a contestant is a deep ensemble, of which those with networks of budget 1
            measure worth.
        split: on which images a contestant is fitted; those of others are not compared.
        values: of each replicate by its number; NaN where there is none.
        undefined: the largest share of draws in which one has no value.
        rows: the mean of the replicates' rows, in half precision relative to ``1 / images``.
        matched: Σ_r cov(s_r, t_r) over the replicates of two paired contestants, over images; NaN
            where they are not paired, or were measured apart.
        groups: of each place of a row, the number of the group that it is drawn with.
        shown, sizes: the conditions whose images stand in a row, in their order, and how many
            images each has; see `benchmarks.inference.resampling.Frame`.
        labels: of the images of each labelled condition among them; empty where there is none.
    """

    measure: Headline
    condition: str
    images: int
    degrees: int
    contestants: tuple[Contestant, ...]
    networks: Int64[np.ndarray, " contestants"]
    is_scale: Bool[np.ndarray, " contestants"]
    split: tuple[str, ...]
    values: Float64[np.ndarray, "contestants replicates"]
    undefined: Float64[np.ndarray, " contestants"]
    rows: NDArray[np.float16]
    matched: Between
    groups: GroupNumbers
    shown: tuple[str, ...]
    sizes: tuple[int, ...]
    labels: Int64[np.ndarray, " labelled"]

    @cached_property
    def counts(self) -> Int64[np.ndarray, " contestants"]:
        """How many replicates each contestant has."""
        counts: Int64[np.ndarray, " contestants"] = (~np.isnan(self.values)).sum(axis=1)
        return counts

    @cached_property
    def replicates(self) -> list[Float64[np.ndarray, " replicates"]]:
        """The values of each contestant's replicates, without gaps."""
        return [own[~np.isnan(own)] for own in self.values]

    @cached_property
    def means(self) -> Float64[np.ndarray, " contestants"]:
        """Over the replicates."""
        return np.array([own.mean() for own in self.replicates])

    @cached_property
    def every(self) -> Between:
        """The covariances of the contestants' means over the draw of images."""
        scaled = self.rows.astype(np.float64) / self.images
        return products(summed_by(self.groups, scaled))

    @cached_property
    def paired(self) -> Bool[np.ndarray, "contestants contestants"]:
        """Whether two contestants are paired by their replicates."""
        known = ~np.isnan(self.values)
        same = (known[:, None] == known).all(axis=2)
        paired: Bool[np.ndarray, "contestants contestants"] = same & (
            self.networks[:, None] == self.networks
        )
        return paired

    @cached_property
    def shared(self) -> Between:
        """The covariances over images of what all replicates share.

        The mean of the covariances between different replicates: what networks and images add
        together, which the replicates' own variance has, is left out. Of paired contestants that
        were measured apart it is not known, and is left in.
        """
        counts, every = self.counts, self.every
        own = np.where(self.paired, self.matched, np.nan)
        pairs = (counts * (counts - 1))[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            between = ((counts**2)[:, None] * every - own) / pairs
        return np.where(np.isfinite(between), between, every)

    def chosen(self, positions: Sequence[int]) -> HeadlineEvidence:
        """Of the contestants at these positions alone."""
        return replace(
            self,
            contestants=tuple(self.contestants[k] for k in positions),
            split=tuple(self.split[k] for k in positions),
            matched=self.matched[np.ix_(positions, positions)],
            **{
                name: getattr(self, name)[list(positions)]
                for name in ("networks", "is_scale", "values", "undefined", "rows")
            },
        )

    def joined(self, other: HeadlineEvidence) -> HeadlineEvidence:
        """With the contestants of another sitting, or of others, on the same images.

        Raises:
            UserError: it is of other images, or a contestant is in both.
        """
        same = self.shown == other.shown and np.array_equal(self.groups, other.groups)
        known = len(self.labels) and len(other.labels)
        if not same or (known and not np.array_equal(self.labels, other.labels)):
            raise UserError(f"{self.measure.name}: the two are of other images, and not joined")
        contestants = (*self.contestants, *other.contestants)
        if len(set(contestants)) < len(contestants):
            twice = sorted(set(self.contestants) & set(other.contestants))[0].method
            raise UserError(f"{self.measure.name}: both have {twice!r}; leave it out of one")
        count, replicates = len(contestants), max(self.values.shape[1], other.values.shape[1])
        matched, values = np.full((count, count), np.nan), np.full((count, replicates), np.nan)
        start = 0
        for each in (self, other):
            own = slice(start, start + len(each.contestants))
            matched[own, own], values[own, : each.values.shape[1]] = each.matched, each.values
            start = own.stop
        both: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("networks", "is_scale", "undefined", "rows")
        }
        whole = replace(
            self,
            contestants=contestants,
            split=(*self.split, *other.split),
            values=values,
            matched=matched,
            **both,
        )
        return whole.chosen(sorted(range(count), key=contestants.__getitem__))

    def write(self, folder: Path) -> None:
        """Write ``influences/<measure>.npz``."""
        about = {name: getattr(self, name) for name in ABOUT}
        arrays = {name: getattr(self, name) for name in ARRAYS}
        arrays["about"] = np.array(json.dumps(about))
        write_whole(folder / INFLUENCES_FOLDER / f"{self.measure.name}.npz", packed(arrays))

    @classmethod
    def read(cls, folder: Path, measure: Headline) -> Self | None:
        """What a run has kept of a measure; ``None`` where it has nothing.

        Raises:
            UserError: the file is damaged.
        """
        path = folder / INFLUENCES_FOLDER / f"{measure.name}.npz"
        if not path.exists():
            return None
        try:
            arrays: dict[str, Any] = unpacked(path.read_bytes())
            about = json.loads(str(arrays.pop("about")))
            about["contestants"] = tuple(Contestant(*each) for each in about["contestants"])
            for contestant in about["contestants"]:
                require_file_name(contestant.method)
            about |= {name: tuple(about[name]) for name in ("split", "shown", "sizes")}
            evidence = cls(measure, **about, **arrays)
            count, places = len(evidence.contestants), len(evidence.groups)
            own = evidence.split, evidence.networks, evidence.is_scale, evidence.undefined
            lengths = {*map(len, own), len(evidence.values), len(evidence.matched)}
            if lengths != {count} or evidence.rows.shape != (count, places):
                raise ValueError("arrays are of different lengths")
        except (DamagedArraysError, KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path} is damaged ({error}); fetch it again, or make it by the stage measure"
            ) from error
        return evidence


def evidence_in(folder: Path) -> list[HeadlineEvidence]:
    """What a run has kept of the measures, in their order.

    Raises:
        UserError: a file is damaged, or there is none.
    """
    known = [HeadlineEvidence.read(folder, measure) for measure in HEADLINE]
    if stored := [evidence for evidence in known if evidence is not None]:
        return stored
    raise UserError(
        f"there is no {INFLUENCES_FOLDER}/ in {folder}, from which contestants are compared; name "
        "the folder of a run of this version"
    )


def summed_by(
    groups: GroupNumbers, rows: Float[np.ndarray, "rows images"]
) -> Float64[np.ndarray, "rows groups"]:
    """The rows, with the numbers of each group added."""
    if len(groups) == groups.max() + 1:
        return rows.astype(np.float64)
    return np.array([np.bincount(groups, row) for row in rows])


def products(rows: Float64[np.ndarray, "rows groups"]) -> Float64[np.ndarray, "rows rows"]:
    """Of each two rows."""
    # By PyTorch: bits depend on the number of threads, and PyTorch's is set to one.
    together = torch.from_numpy(rows)
    product: Float64[np.ndarray, "rows rows"] = (together @ together.mT).numpy()
    return product


def _square(measured: MeasuredUnit) -> float:
    """The variance over images of a measure."""
    return float(products(summed_by(measured.groups, measured.row[None]))[0, 0])


class Drawn(NamedTuple):
    """How the images are drawn that a measure is of.

    Attributes:
        images: how many there are; in detection the fewer of the two kinds.
        groups: and how many groups they are of.
        shown: the conditions whose images stand in a row, with how many images each has.
        labels: see `HeadlineEvidence`.
    """

    images: int
    groups: int
    shown: Mapping[str, int] = MappingProxyType({})
    labels: Int64[np.ndarray, " labelled"] | None = None


class Entry(NamedTuple):
    """What must be known of a method of a size at a budget.

    Attributes:
        contestant: by no score.
        primary: the score by which it ranks images first.
        further: others by which it is a contestant of detection.
        networks: how many each replicate has.
        is_judged: whether it is a contestant, or measures the worth of these.
        is_scale, split: see `HeadlineEvidence`.
    """

    contestant: Contestant
    primary: str
    further: Collection[str] = ()
    networks: int = 1
    is_judged: bool = True
    is_scale: bool = False
    split: str = ""


def evidence_of(
    measure: Headline,
    condition: str,
    drawn: Drawn,
    kept: Mapping[Contestant, tuple[Entry, Mapping[int, MeasuredUnit]]],
) -> HeadlineEvidence:
    """The evidence of at least one contestant by a measure.

    Args:
        kept: what is known of each contestant, and its replicates by their numbers.
    """
    contestants = tuple(sorted(kept))
    entries, units = zip(*(kept[contestant] for contestant in contestants), strict=True)
    groups = next(iter(units[0].values())).groups
    replicates = 1 + max(map(max, units))
    values = np.full((len(units), replicates), np.nan)
    matched = np.zeros((len(units), len(units)))
    for replicate in range(replicates):
        have = [k for k, own in enumerate(units) if replicate in own]
        if have:
            values[have, replicate] = [units[k][replicate].value for k in have]
            rows = np.array([units[k][replicate].row for k in have])
            matched[np.ix_(have, have)] += products(summed_by(groups, rows))
    means = [np.mean([unit.row for unit in own.values()], axis=0) for own in units]
    return HeadlineEvidence(
        measure,
        condition,
        drawn.images,
        max(drawn.groups - 1, 1),
        contestants,
        np.array([entry.networks for entry in entries]),
        np.array([entry.is_scale for entry in entries]),
        tuple(entry.split for entry in entries),
        values,
        np.array([max(unit.undefined for unit in own.values()) for own in units]),
        (drawn.images * np.array(means)).astype(np.float16),
        matched,
        groups,
        tuple(drawn.shown),
        tuple(drawn.shown.values()),
        np.zeros(0, np.int64) if drawn.labels is None else drawn.labels,
    )
