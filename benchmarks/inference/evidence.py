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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64
from numpy.typing import NDArray

from benchmarks.headline import HEADLINE, Headline
from benchmarks.io import UserError, require_file_name, write_whole
from benchmarks.nouns import Contestant
from benchmarks.schema import DamagedArraysError, packed, unpacked
from benchmarks.vocabulary import INFLUENCES_FOLDER

ImageRow = Float32[np.ndarray, " images"]
"""See above; of resamples there are fewer numbers than images."""

GroupNumbers = Int64[np.ndarray, " images"]
"""Of each image, the number of the group that it is drawn with, from 0 on."""

Between = Float64[np.ndarray, "contestants contestants"]

NO_LABELS: Int64[np.ndarray, " labelled"] = np.zeros(0, np.int64)

CANCELLED = 1e-6
"""What is left of covariances in single precision that cancel is rounding below this."""


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
    """A measure of a contestant: its replicates' values, and sums of their rows.

    Attributes:
        values: of the replicates.
        undefined: the largest share of draws in which a replicate's is undefined.
    """

    def __init__(self) -> None:
        self.values: list[float] = []
        self.undefined = self._own = 0.0
        self._sum: MeasuredUnit | None = None

    def add(self, measured: MeasuredUnit) -> None:
        """Add a replicate."""
        self.values.append(measured.value)
        self.undefined = max(self.undefined, measured.undefined)
        self._own += _square(measured)
        self._sum = measured if self._sum is None else self._sum.plus(measured)

    @property
    def shared_variance(self) -> float:
        """The variance over images of what all replicates share; of a single one, its own.

        The mean of the covariances between two replicates, Σ_r Σ_r' cov(r, r') less Σ_r var(r) by
        their number, and not below 0.
        """
        assert self._sum is not None
        count, total, own = len(self.values), _square(self._sum), self._own
        if count == 1:
            return total
        between = total - own if abs(total - own) > CANCELLED * max(total, own) else 0.0
        return max(between, 0.0) / (count * (count - 1))


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


class Drawn(NamedTuple):
    """How the images are drawn that a measure is of.

    Attributes:
        images: how many there are; of several sets, in the smallest; in detection the fewer of the
            two kinds.
        groups: and how many groups they are of.
        shown: the conditions whose images stand in a row, in their order, with how many images
            each has; see `benchmarks.inference.resampling.Frame`.
        labels: of the images of each labelled condition among them; empty where there is none.
    """

    images: int
    groups: int
    shown: Mapping[str, int] = MappingProxyType({})
    labels: Int64[np.ndarray, " labelled"] = NO_LABELS

    @property
    def degrees(self) -> int:
        """The degrees of freedom of a variance over the images."""
        return max(self.groups - 1, 1)


class Entry(NamedTuple):
    """A contestant, and what must be known of it.

    Attributes:
        networks: how many each replicate has. Contestants of as many are paired by their
            replicates.
        is_scale: whether it is a deep ensemble, of which those with networks of budget 1 measure
            worth.
        split: on which images it is fitted; contestants of others are not compared.
        undefined: the largest share of draws in which a replicate has no value.
    """

    contestant: Contestant
    networks: int = 1
    is_scale: bool = False
    split: str = ""
    undefined: float = 0.0

    @property
    def kind(self) -> tuple[str, str, float]:
        """What it has in common with its ensembles of other sizes, last the budget of a network."""
        return self.contestant.method, self.contestant.score, self.contestant.budget / self.networks


@dataclass(frozen=True, eq=False)
class HeadlineEvidence:
    """What the rule needs of a measure.

    Attributes:
        measure: which.
        condition: under which, by its name.
        drawn: how images are drawn.
        entries: the contestants with a value, sorted by their fields.
        values: of each replicate by its number; NaN where there is none.
        rows: the mean of the replicates' rows, in half precision relative to ``1 / images``.
        matched: Σ_r cov(s_r, t_r) over the replicates of two paired contestants, over images; NaN
            where they are not paired, or were measured apart.
        groups: of each place of a row, the number of the group that it is drawn with.
    """

    measure: Headline
    condition: str
    drawn: Drawn
    entries: tuple[Entry, ...]
    values: Float64[np.ndarray, "contestants replicates"]
    rows: NDArray[np.float16]
    matched: Between
    groups: GroupNumbers

    @cached_property
    def contestants(self) -> list[Contestant]:
        """Those of the entries."""
        return [entry.contestant for entry in self.entries]

    @cached_property
    def counts(self) -> Int64[np.ndarray, " contestants"]:
        """How many replicates each contestant has."""
        return np.array([len(own) for own in self.replicates])

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
        scaled = self.rows.astype(np.float64) / self.drawn.images
        return products(summed_by(self.groups, scaled))

    @cached_property
    def paired(self) -> Bool[np.ndarray, "contestants contestants"]:
        """Whether two contestants are paired by their replicates."""
        networks = np.array([entry.networks for entry in self.entries])
        known = np.column_stack([networks, ~np.isnan(self.values)])
        paired: Bool[np.ndarray, "contestants contestants"] = (known[:, None] == known).all(axis=2)
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
        own = list(positions)
        return replace(
            self,
            entries=tuple(self.entries[k] for k in own),
            values=self.values[own],
            rows=self.rows[own],
            matched=self.matched[np.ix_(own, own)],
        )

    def joined(self, other: HeadlineEvidence) -> HeadlineEvidence:
        """With the contestants of another sitting, or of others, on the same images.

        Raises:
            UserError: it is of other images, or a contestant of both has other values there.
        """
        mine, theirs = self.drawn, other.drawn
        same = [*mine.shown] == [*theirs.shown] and np.array_equal(self.groups, other.groups)
        known = len(mine.labels) and len(theirs.labels)
        if not same or (known and not np.array_equal(mine.labels, theirs.labels)):
            raise UserError(f"{self.measure.name}: the two are of other images, and not joined")
        entries = {entry.contestant: entry for entry in (*other.entries, *self.entries)}
        order = {each: k for k, each in enumerate(sorted(entries))}
        count, replicates = len(order), max(self.values.shape[1], other.values.shape[1])
        matched, values = np.full((count, count), np.nan), np.full((count, replicates), np.nan)
        rows = np.zeros((count, len(self.groups)), np.float16)
        for part in (other, self):
            own = [order[each] for each in part.contestants]
            padded = np.full((len(own), replicates), np.nan)
            padded[:, : part.values.shape[1]] = part.values
            earlier = values[own]
            differs = (earlier != padded) & ~(np.isnan(earlier) | np.isnan(padded))
            if differs.any():
                method = part.contestants[int(differs.any(axis=1).argmax())].method
                raise UserError(
                    f"{self.measure.name}: {method!r} has other values in both; leave it out of one"
                )
            matched[np.ix_(own, own)], values[own], rows[own] = part.matched, padded, part.rows
        whole = tuple(sorted(entries.values()))
        return replace(self, entries=whole, values=values, rows=rows, matched=matched)

    def write(self, folder: Path) -> None:
        """Write ``influences/<measure>.npz``."""
        *drawn, labels = self.drawn
        about = {"condition": self.condition, "drawn": drawn, "entries": self.entries}
        arrays = {name: getattr(self, name) for name in ("values", "rows", "matched", "groups")}
        arrays |= {"labels": labels, "about": np.array(json.dumps(about))}
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
            arrays: dict[str, Any] = unpacked(path)
            known = json.loads(str(arrays.pop("about"))) | arrays
            images, groups, shown = known["drawn"]
            known["drawn"] = Drawn(images, groups, shown, known.pop("labels"))
            known["entries"] = tuple(
                Entry(Contestant(*fields), *more) for fields, *more in known["entries"]
            )
            evidence = cls(measure, **known)
            for contestant in evidence.contestants:
                require_file_name(contestant.method)
            count, places = len(evidence.entries), len(evidence.groups)
            shapes = len(evidence.values), evidence.rows.shape, evidence.matched.shape
            if shapes != (count, (count, places), (count, count)):
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


def evidence_of(
    measure: Headline,
    condition: str,
    drawn: Drawn,
    kept: Mapping[Entry, Mapping[int, MeasuredUnit]],
) -> HeadlineEvidence:
    """The evidence of at least one contestant by a measure.

    Args:
        kept: of each contestant, its replicates by their numbers.
    """
    entries, units = zip(*sorted(kept.items(), key=itemgetter(0)), strict=True)
    groups = next(iter(units[0].values())).groups
    numbers = sorted(set().union(*units))
    values = np.full((len(units), numbers[-1] + 1), np.nan)
    matched = np.zeros((len(units), len(units)))
    for replicate in numbers:
        have = [k for k, own in enumerate(units) if replicate in own]
        values[have, replicate] = [units[k][replicate].value for k in have]
        rows = np.array([units[k][replicate].row for k in have])
        matched[np.ix_(have, have)] += products(summed_by(groups, rows))
    means = [np.mean([unit.row for unit in own.values()], axis=0) for own in units]
    undefined = [max(unit.undefined for unit in own.values()) for own in units]
    return HeadlineEvidence(
        measure,
        condition,
        drawn,
        tuple(
            entry._replace(undefined=share) for entry, share in zip(entries, undefined, strict=True)
        ),
        values,
        (drawn.images * np.array(means)).astype(np.float16),
        matched,
        groups,
    )
