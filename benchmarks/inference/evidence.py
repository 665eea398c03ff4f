"""What is known of measures: values by replicate, and sums from which their covariances follow.

Of a run unit and a measure there is a row: numbers such that the products of two rows add up to
the covariance of the two measures over the draw of images. Where a family of metrics knows the
influence ψ_i of each of N images, the row is ψ_i / N; else it is (v_b − v̄) / √(B − 1) of the values
on B resamples.

Of the covariances between replicates s_r and t_r of two methods, estimates need two sums alone:

    Σ_r Σ_r' cov(s_r, t_r') = (Σ_r row of s_r) · (Σ_r row of t_r),
    Σ_r cov(s_r, t_r)       = Σ_r (row of s_r · row of t_r),

the latter where s_r and t_r are paired, and of a method with itself. So rows are summed over
replicates as they come, and none is kept: memory grows with methods, sizes and budgets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Float64

from benchmarks.predictions import RunUnit
from benchmarks.schema import members_rank
from benchmarks.tasks.task import Condition

MeasureName = tuple[str, str]
"""A metric, and the score by which it ranks images; empty: by none."""

Replicates = frozenset[int]
"""Which of a method's replicates, by number."""

ImageRow = Float32[np.ndarray, " images"]
"""See above; of resamples there are fewer numbers than images."""


class Entrant(NamedTuple):
    """A method of a size at a budget: all its replicates."""

    method: str
    members: str
    budget: float

    def networks(self, ensemble_methods: Collection[str]) -> int:
        """How many networks each replicate has: ensembles as many as members, all others one."""
        several = self.method in ensemble_methods and self.members.isdigit()
        return int(self.members) if several else 1

    def budget_each(self, ensemble_methods: Collection[str]) -> float:
        """The budget of each of these networks."""
        return self.budget / self.networks(ensemble_methods)

    def is_of_scale(self, ensemble_methods: Collection[str]) -> bool:
        """Whether it is an ensemble of networks of budget 1 each, by which worth is measured."""
        return self.method in ensemble_methods and members_rank(self.members) == self.budget


class Scored(NamedTuple):
    """A method by the score by which it ranks images; empty: by none."""

    variant: Entrant
    score: str


class MeasuredUnit(NamedTuple):
    """A measure of a run unit.

    Attributes:
        value: on the images themselves; infinite, but not NaN.
        row: by which it varies with the draw of images.
        undefined: the share of draws in which it is undefined.
    """

    value: float
    row: ImageRow
    undefined: float = 0.0


class NetworkBlock(NamedTuple):
    """Run units that are paired: replicate r of all methods of one network, or of all ensembles of
    a size, whatever their training and budget. Networks of one number begin alike.

    Attributes:
        networks: how many each unit has.
        summed: of each unit the sets of replicates over which its rows are summed: all that its
            method has, and those that it has in common with another.
    """

    networks: int
    summed: Mapping[RunUnit, Collection[Replicates]]


def network_blocks(
    units: Iterable[RunUnit], ensemble_methods: Collection[str]
) -> Iterator[NetworkBlock]:
    """The blocks of some units.

    Replicate r of a method of one network has network r, of an ensemble as many other networks as
    its size.

    >>> units = [RunUnit("a", None, 1, 0), RunUnit("a", None, 1, 1), RunUnit("b", None, 5, 0)]
    >>> [[len(sets) for sets in block.summed.values()] for block in network_blocks(units, [])]
    [[2, 1], [1]]
    """
    by_networks: dict[int, dict[str, dict[int, RunUnit]]] = {}
    for unit in units:
        networks = (unit.size or 1) if unit.method in ensemble_methods else 1
        variants = by_networks.setdefault(networks, {})
        variants.setdefault(unit.variant, {})[unit.replicate] = unit
    for networks, variants in by_networks.items():
        every = {name: frozenset(own) for name, own in variants.items()}
        together = sorted(set(every.values()), key=sorted)
        for replicate in sorted(frozenset().union(*every.values())):
            summed = {
                own[replicate]: [r for r in together if replicate in r and r <= every[name]]
                for name, own in variants.items()
                if replicate in own
            }
            yield NetworkBlock(networks, summed)


class Covariance(NamedTuple):
    """Covariances over the draw of images, of columns that are replicates or several together.

    Attributes:
        every: Σ_r Σ_r' cov(s_r, t_r') over the replicates of two columns.
        matched: Σ_r cov(s_r, t_r) over those that are paired.
    """

    every: Float64[np.ndarray, "columns columns"]
    matched: Float64[np.ndarray, "columns columns"]

    @classmethod
    def between_replicates(cls, covariance: Float64[np.ndarray, "columns columns"]) -> Covariance:
        """Where each column is one replicate."""
        return cls(covariance, covariance)

    def total(self, columns: Sequence[int], others: Sequence[int]) -> float:
        """Σ_r Σ_r' cov(s_r, t_r') over the replicates of some columns, and of others."""
        return float(sum(self.every[s, t] for s in columns for t in others))

    def paired(self, columns: Sequence[int], others: Sequence[int]) -> float:
        """Σ_r cov(s_r, t_r) over the replicates of some columns, and of as many others."""
        return float(sum(self.matched[s, t] for s, t in zip(columns, others, strict=True)))


class _Matched(NamedTuple):
    """Sums of products within blocks: of whom, and between each two."""

    sides: dict[Scored, int]
    sums: Float64[np.ndarray, "sides sides"]


SummedRows = tuple[Scored, Replicates]
"""A method by a score, and the replicates whose rows are summed."""


class MetricSums:
    """One metric of all methods, by all scores.

    Attributes:
        values: of each method by a score, those of its replicates by number.
        undefined: of each, the largest share of draws in which a replicate's is undefined.
    """

    def __init__(self) -> None:
        self.values: dict[Scored, dict[int, float]] = {}
        self.undefined: dict[Scored, float] = {}
        self._rows: dict[SummedRows, ImageRow] = {}
        self._matched: dict[tuple[int, Replicates], _Matched] = {}

    def add(
        self, block: NetworkBlock, units: Mapping[RunUnit, Mapping[Scored, MeasuredUnit]]
    ) -> None:
        """Add what is measured of a block's units."""
        by_set: dict[Replicates, list[Scored]] = {}
        measured: dict[Scored, MeasuredUnit] = {}
        for unit, by_score in units.items():
            for scored, each in by_score.items():
                self.values.setdefault(scored, {})[unit.replicate] = each.value
                undefined = self.undefined.get(scored, 0.0)
                self.undefined[scored] = max(undefined, each.undefined)
                measured[scored] = each
                for replicates in block.summed[unit]:
                    by_set.setdefault(replicates, []).append(scored)
        position = {scored: k for k, scored in enumerate(measured)}
        products = _products([each.row for each in measured.values()])
        for replicates, sides in by_set.items():
            for scored in sides:
                row = measured[scored].row
                if (scored, replicates) in self._rows:
                    self._rows[scored, replicates] += row
                else:
                    self._rows[scored, replicates] = row.copy()
            where = [position[scored] for scored in sides]
            self._match(block.networks, replicates, sides, products[np.ix_(where, where)])

    def _match(
        self,
        networks: int,
        replicates: Replicates,
        sides: Sequence[Scored],
        products: Float64[np.ndarray, "sides sides"],
    ) -> None:
        before = self._matched.get((networks, replicates), _Matched({}, np.zeros((0, 0))))
        for scored in sides:
            before.sides.setdefault(scored, len(before.sides))
        sums = np.zeros((len(before.sides), len(before.sides)))
        known = len(before.sums)
        sums[:known, :known] = before.sums
        at = [before.sides[scored] for scored in sides]
        sums[np.ix_(at, at)] += products
        self._matched[networks, replicates] = _Matched(before.sides, sums)

    def columns(self, sides: Collection[Scored]) -> list[SummedRows]:
        """The sums that there are of some methods by scores."""
        return [column for column in self._rows if column[0] in sides]

    def covariance(self, columns: Sequence[SummedRows]) -> Covariance:
        """Between these sums."""
        matched = np.zeros((len(columns), len(columns)))
        for (_, replicates), (sides, sums) in self._matched.items():
            both = [
                (k, sides[scored])
                for k, (scored, own) in enumerate(columns)
                if own == replicates and scored in sides
            ]
            if both:
                at, where = (list(positions) for positions in zip(*both, strict=True))
                matched[np.ix_(at, at)] = sums[np.ix_(where, where)]
        return Covariance(_products([self._rows[column] for column in columns]), matched)


def _products(rows: Sequence[ImageRow]) -> Float64[np.ndarray, "rows rows"]:
    """Of each two rows."""
    # By PyTorch: bits depend on the number of threads, and PyTorch's is set to one.
    together = torch.from_numpy(np.stack(rows)).double()
    products: Float64[np.ndarray, "rows rows"] = (together @ together.mT).numpy()
    return products


@dataclass(eq=False)
class Evidence:
    """The measures of all run units on some images.

    Attributes:
        condition: its name, or that of the mean over a group of conditions.
        shift: the condition itself; ``None``: such a mean.
        group: of conditions.
        headline: whether it is the mean over a shift by which methods are judged.
        images: how many there are; of a mean as many as the smallest set that it averages.
        reference_images: the same of the images that detection compares them with.
        drawn_together: whether there is one image a draw; no mean over several sets of images has.
        members: of each run unit.
        metrics: by name, those that have a value.
    """

    condition: str
    shift: Condition | None
    group: str
    headline: bool = False
    images: int = 0
    reference_images: int = 0
    drawn_together: bool = True
    members: dict[RunUnit, str] = field(default_factory=dict)
    metrics: dict[str, MetricSums] = field(default_factory=dict)

    def entrant(self, unit: RunUnit) -> Entrant:
        """The unit without its replicate."""
        return Entrant(unit.method, self.members[unit], unit.budget)

    def add(
        self, block: NetworkBlock, measured: Mapping[RunUnit, Mapping[MeasureName, MeasuredUnit]]
    ) -> None:
        """Add a block's units, which have members."""
        metrics: dict[str, dict[RunUnit, dict[Scored, MeasuredUnit]]] = {}
        for unit, measures in measured.items():
            for (metric, score), each in measures.items():
                scored = Scored(self.entrant(unit), score)
                metrics.setdefault(metric, {}).setdefault(unit, {})[scored] = each
        for metric, units in metrics.items():
            self.metrics.setdefault(metric, MetricSums()).add(block, units)

    def averaging(self, conditions: Collection[Evidence], image_sets: int) -> Evidence:
        """The same, of the mean over these conditions, whose images are of so many sets."""
        return replace(
            self,
            images=min(evidence.images for evidence in conditions),
            reference_images=min(evidence.reference_images for evidence in conditions),
            drawn_together=image_sets == 1,
        )


class BlockMean:
    """The mean over conditions of what is measured of a block; conditions are added one by one."""

    def __init__(self) -> None:
        self._added = 0
        self._sums: dict[RunUnit, dict[MeasureName, tuple[int, MeasuredUnit]]] = {}

    def add(self, measured: Mapping[RunUnit, Mapping[MeasureName, MeasuredUnit]]) -> None:
        """Add a condition, whose rows become those of the mean."""
        self._added += 1
        for unit, measures in measured.items():
            sums = self._sums.setdefault(unit, {})
            for measure, each in measures.items():
                if measure not in sums:
                    sums[measure] = 1, each
                    continue
                count, (value, row, undefined) = sums[measure]
                row += each.row
                total = MeasuredUnit(value + each.value, row, max(undefined, each.undefined))
                sums[measure] = count + 1, total

    def finish(self) -> dict[RunUnit, dict[MeasureName, MeasuredUnit]]:
        """The means, once: a run unit has one where each condition has a value."""
        return {
            unit: {
                measure: MeasuredUnit(each.value / count, each.row / count, each.undefined)
                for measure, (count, each) in sums.items()
                if count == self._added
            }
            for unit, sums in self._sums.items()
        }
