"""What a run wrote, read back for tables and figures: CSVs, JSON and images, nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.compared_sizes import compared_variants, usual_variants
from benchmarks.io import UserError, path_of, read_run_json
from benchmarks.nouns import ConditionRecord, MetricRecord, Names, Variant
from benchmarks.report.editorial import RIGHT
from benchmarks.report.read.comparisons import (
    Choice,
    Indexed,
    Quantity,
    Record,
    Tested,
    Tests,
    variant_and_score,
)
from benchmarks.report.read.files import (
    Pixels,
    curves_in,
    read_claims,
    read_images,
    read_tables,
)
from benchmarks.schema import where
from benchmarks.vocabulary import (
    CLAIMS_CSV,
    CLAIMS_FOLDER,
    COMPARISONS_CSV,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    SCORE_LATENCY_CSV,
    SELF_TRAINED,
    SUMMARY_CSV,
    TRAINING_CSV,
    WORTH_CSV,
)

_CURVE_COLUMNS = ["recipe", "method", "members", "replicate", "condition", "score", "rank"]


@dataclass(frozen=True, eq=False)
class Results:
    """The results of a run, of all its recipes or of one.

    Attributes:
        summary: ``summary.csv``.
        names: what the run's nouns are called, and their order.
        comparisons: ``comparisons.csv``, also by further scores; empty if nothing was compared.
        worth: ``worth.csv``, likewise; empty without ensembles of several sizes.
        measured: the rows of ``measurements.csv`` with a value, by methods' primary scores.
        score_latency: ``score-latency.csv``; empty if no such score was timed.
        training: ``training.csv``; empty if no network was trained.
        curves: the tables of ``curves/`` by name, those that there are; those of ``claims/``, with
            ``claims-`` in front; and ``claims.csv`` as ``claims``.
        latency: ``latency.csv``; empty if nothing was timed. It belongs to every recipe.
        images: those of ``images.npz``, there and in ``claims/``, by condition and index.
        claims: the content of ``claims.json``, if there is one.
        left_out: labels of the conditions without data and rows; their subsets are not named.
    """

    summary: pd.DataFrame
    names: Names
    comparisons: pd.DataFrame = field(default_factory=pd.DataFrame)
    worth: pd.DataFrame = field(default_factory=pd.DataFrame)
    measured: pd.DataFrame = field(default_factory=pd.DataFrame)
    score_latency: pd.DataFrame = field(default_factory=pd.DataFrame)
    training: pd.DataFrame = field(default_factory=pd.DataFrame)
    curves: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    latency: pd.DataFrame = field(default_factory=pd.DataFrame)
    images: Mapping[tuple[str, int], Pixels] = field(default_factory=dict)
    claims: Mapping[str, Any] | None = None
    left_out: tuple[str, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> Results:
        """Read a run's folder.

        Raises:
            UserError: nothing has been measured there yet, or a file is damaged.
        """
        if not path_of(folder, SUMMARY_CSV).exists():
            raise UserError(f"there are no results in {folder} yet; run without --only first")
        tables, claims = read_tables(folder), read_claims(folder) or None
        if tables[SUMMARY_CSV].empty:
            raise UserError(f"{folder / SUMMARY_CSV} has no rows; run without --only")
        summary, names, none = tables[SUMMARY_CSV], Names.read(folder), pd.DataFrame()
        return cls(
            summary=summary,
            names=names,
            training=tables.get(TRAINING_CSV, none),
            curves=curves_in(tables) | {"claims": tables.get(CLAIMS_CSV, none)},
            comparisons=tables.get(COMPARISONS_CSV, none),
            worth=tables.get(WORTH_CSV, none),
            measured=_with_value(tables.get(MEASUREMENTS_CSV, none), names),
            score_latency=tables.get(SCORE_LATENCY_CSV, none),
            latency=tables.get(LATENCY_CSV, none),
            images=read_images(folder) | read_images(folder, CLAIMS_FOLDER),
            claims=claims,
            left_out=_left_out(folder, summary, names),
        )

    @classmethod
    def of_times(
        cls, names: Names, latency: pd.DataFrame, of_scores: pd.DataFrame | None = None
    ) -> Results:
        """What was timed alone, where nothing else was measured."""
        none = pd.DataFrame()
        return cls(
            none, names, latency=latency, score_latency=none if of_scores is None else of_scores
        )

    @cached_property
    def recipes(self) -> tuple[str, ...]:
        """The recipes compared, the main one first.

        Methods that train themselves belong to each of them.
        """
        names = sorted(self.summary["recipe"].unique(), key=self.names.recipe_rank)
        return tuple(name for name in names if name != SELF_TRAINED) or tuple(names)

    def of_recipe(self, *recipes: str) -> Results:
        """Those of one recipe or several, and of the methods that train themselves; made once."""
        if recipes not in self._of_recipes:
            self._of_recipes[recipes] = self._of([*recipes, SELF_TRAINED])
        return self._of_recipes[recipes]

    def _of(self, recipes: Sequence[str]) -> Results:
        def chosen(table: pd.DataFrame, *further: str) -> pd.DataFrame:
            if table.empty:
                return table
            return table[table[["recipe", *further]].isin(recipes).all(axis=1)]

        return replace(
            self,
            summary=chosen(self.summary),
            training=chosen(self.training),
            worth=chosen(self.worth),
            measured=chosen(self.measured),
            curves={name: chosen(table) for name, table in self.curves.items()},
            comparisons=chosen(self.comparisons, "other_recipe"),
        )

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        """Every method of every size, in the order in which they are shown."""
        pairs = self.summary[["method", "members"]].drop_duplicates().itertuples(index=False)
        return tuple(sorted((Variant(*pair) for pair in pairs), key=self.names.rank))

    @cached_property
    def shown(self) -> tuple[Variant, ...]:
        """Those that have a line in figures: of the sizes compared, the ones with any value."""
        with_value = replace(self, summary=self.summary[self.summary["value"].notna()]).variants
        compared = compared_variants(with_value, self.names.usual_sizes)
        return tuple(variant for variant in with_value if variant in compared)

    @property
    def largest(self) -> tuple[Variant, ...]:
        """Those that have a panel in figures: the largest size of each method."""
        last = {variant.method: variant for variant in self.shown}
        return tuple(variant for variant in self.shown if variant == last[variant.method])

    @cached_property
    def compared(self) -> tuple[Variant, ...]:
        """Those that have a row in tables: of compared and of usual sizes.

        See `benchmarks.compared_sizes`; only the figure and the table of quality against cost show
        all sizes.
        """
        every, usual = self.variants, self.names.usual_sizes
        shown = compared_variants(every, usual) | usual_variants(every, usual)
        return tuple(variant for variant in every if variant in shown)

    @property
    def conditions(self) -> tuple[ConditionRecord, ...]:
        """The conditions that have a row, without subsets and means, in the order shown."""
        return tuple(one for one in self._measured if not (one.subset or one.is_mean))

    @property
    def severities(self) -> dict[str, list[ConditionRecord]]:
        """By group, its conditions with a severity, from the least on."""
        severe = _by_group(one for one in self.conditions if not math.isnan(one.severity))
        return {group: sorted(some, key=lambda one: one.severity) for group, some in severe.items()}

    @property
    def without_severity(self) -> dict[str, list[ConditionRecord]]:
        """By group, its conditions, where these have a mean but no severity."""
        return _by_group(one for one in self.conditions if one.in_mean and math.isnan(one.severity))

    @property
    def group_means(self) -> tuple[str, ...]:
        """The means over groups, as conditions."""
        return tuple(one.name for one in self._measured if one.is_mean)

    @property
    def ood(self) -> tuple[str, ...]:
        """The conditions whose images belong to none of the classes."""
        return tuple(one.name for one in self.conditions if one.labels == "none")

    @property
    def main_conditions(self) -> tuple[str, ...]:
        """Those shown where not all are: the mean of a group instead of its conditions."""
        with_mean = {one.group for one in self._measured if one.is_mean}
        return tuple(
            one.name
            for one in self._measured
            if not one.subset and not (one.is_one_of_many and one.group in with_mean)
        )

    @property
    def labelled(self) -> tuple[str, ...]:
        """Those of the main conditions whose images have labels."""
        records = map(self.names.condition, self.main_conditions)
        return tuple(one.name for one in records if one.labels != "none")

    @property
    def well_labelled(self) -> tuple[str, ...]:
        """Those of them whose labels are well defined."""
        records = map(self.names.condition, self.labelled)
        return tuple(one.name for one in records if one.labels == "valid")

    @property
    def subsets(self) -> tuple[str, ...]:
        """The conditions of few images, for the sake of slow methods."""
        return tuple(one.name for one in self._measured if one.subset)

    @property
    def abstained(self) -> list[MetricRecord]:
        """Accuracy, and the error at each coverage, the largest first; none without the latter."""
        selective = [metric for metric in self.names.metrics if metric.coverage < 1]
        by_coverage = sorted(selective, key=lambda metric: -metric.coverage)
        return [self.names.metric(RIGHT), *by_coverage] if selective else []

    def label_of(self, condition: str) -> str:
        """What a condition is called in print."""
        return self.names.condition(condition).label

    def resolved(self, variant: Variant, quantity: Quantity) -> Quantity:
        """The quantity with the method's primary score, where a score is needed and none named."""
        if quantity.score or "score" not in self.names.metric(quantity.metric).needs:
            return quantity
        return quantity._replace(score=self.names.method(variant.method).primary_score)

    def evaluated_on(self, conditions: Sequence[str]) -> tuple[Variant, ...]:
        """Of those compared the ones with a row of any of the conditions, failed ones too."""
        rows = self.summary[self.summary["condition"].isin(conditions)]
        pairs = rows[["method", "members"]].drop_duplicates().itertuples(index=False)
        evaluated = {Variant(*pair) for pair in pairs}
        return tuple(variant for variant in self.compared if variant in evaluated)

    def find(self, variant: Variant, quantity: Quantity) -> Record | None:
        """The row of the summary, if there is one; meant for results of one recipe."""
        condition, metric, score = self.resolved(variant, quantity)
        return self._rows.rows(condition, metric).get((*variant, score))

    def tested(self, one: Variant, other: Variant, quantity: Quantity) -> Tested | None:
        """One less the other, of one recipe; ``None`` if they were not compared.

        Nothing is compared between the primary scores of two methods, if these differ.
        """
        sides = self.side(one, quantity), self.side(other, quantity)
        same = sides[0].score == sides[1].score
        return self.tests.comparison(*sides, quantity) if same else None

    def side(self, variant: Variant, quantity: Quantity) -> Choice:
        """A method of a size as tests have it, of results of one recipe."""
        recipe = self._recipe_of.get(variant, "")
        return Choice(recipe, *variant, self.resolved(variant, quantity).score)

    @cached_property
    def contestants(self) -> frozenset[Variant]:
        """The variants that were compared with another method."""
        if self.comparisons.empty:
            return frozenset()
        names = ["method", "members", "other_method", "other_members"]
        pairs = self.comparisons[names].drop_duplicates().itertuples(index=False)
        return frozenset(
            Variant(*side)
            for method, members, other, other_members in pairs
            if method != other
            for side in ((method, members), (other, other_members))
        )

    @cached_property
    def further_scored(self) -> frozenset[Choice]:
        """The methods that were compared by another score than theirs, each with such a score."""
        if self.comparisons.empty:
            return frozenset()
        rows = self.comparisons[self.comparisons["other_score"] != ""]
        return frozenset(map(Choice._make, rows[list(Choice._fields)].itertuples(index=False)))

    def primary_score_label(self, variants: Iterable[Variant]) -> str:
        """What the score is called by which these methods rank images first, in a sentence."""
        scores = {self.names.method(variant.method).primary_score for variant in variants}
        return self.names.score(*scores).label.lower() if len(scores) == 1 else "primary score"

    def by_primary_score(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows by methods' primary scores, or by none, of a table with a row a method."""
        return _by_primary_score(table, self.names)

    def curve(self, name: str) -> pd.DataFrame:
        """A table of curves; empty where there is none, with the columns that all have."""
        return self.curves.get(name, pd.DataFrame(columns=_CURVE_COLUMNS))

    def replicates(self, variant: Variant) -> int:
        """Over how many replicates the variant's numbers are means."""
        return int(where(self.summary, **variant._asdict())["replicates"].max())

    def method_scores(self, variant: Variant) -> tuple[str, ...]:
        """The uncertainty scores that only this method has."""
        known = {score.name for score in self.names.scores}
        scores = where(self.summary, **variant._asdict())["score"].unique()
        return tuple(sorted(set(scores) - known - {""}))

    @cached_property
    def tests(self) -> Tests:
        """What tests say of two choices of any recipes."""
        return Tests(self.comparisons, self.worth)

    @cached_property
    def _recipe_of(self) -> dict[Variant, str]:
        """The recipe of each method and size, which trains itself or has that of the results."""
        table = self.summary[["recipe", "method", "members"]].drop_duplicates()
        return {Variant(*pair): recipe for recipe, *pair in table.itertuples(index=False)}

    @cached_property
    def _of_recipes(self) -> dict[tuple[str, ...], Results]:
        return {}  # those asked for until now

    @cached_property
    def _measured(self) -> tuple[ConditionRecord, ...]:
        """The conditions that have a row, in the order in which they are shown."""
        names = sorted(self.summary["condition"].unique(), key=self.names.condition_rank)
        return tuple(map(self.names.condition, names))

    @cached_property
    def _rows(self) -> Indexed[tuple[str, ...]]:
        return Indexed(self.summary, variant_and_score)


def _by_primary_score(table: pd.DataFrame, names: Names) -> pd.DataFrame:
    primary = table["method"].map(lambda name: names.method(name).primary_score)
    return table[(table["score"] == "") | (table["score"] == primary)]


def _with_value(measurements: pd.DataFrame, names: Names) -> pd.DataFrame:
    if measurements.empty:
        return measurements
    return _by_primary_score(measurements.dropna(subset="value"), names)


def _left_out(folder: Path, summary: pd.DataFrame, names: Names) -> tuple[str, ...]:
    data: Mapping[str, Mapping[str, Any]] = read_run_json(folder).get("data", {})
    missing = {name for name, entry in data.items() if "unavailable" in entry}
    lost = sorted(missing - set(summary["condition"]), key=names.condition_rank)
    return tuple(one.label for one in map(names.condition, lost) if not one.subset)


def _by_group(conditions: Iterable[ConditionRecord]) -> dict[str, list[ConditionRecord]]:
    """The conditions of each group, in their order."""
    groups: dict[str, list[ConditionRecord]] = {}
    for condition in conditions:
        groups.setdefault(condition.group, []).append(condition)
    return groups
