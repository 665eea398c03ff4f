"""What a run wrote, read back for tables and figures: CSVs, JSON and images, nothing else."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.headline import headline_conditions
from benchmarks.io import UserError, path_of, read_json, read_run_json
from benchmarks.nouns import (
    METHOD_COLUMNS,
    ConditionRecord,
    Contestant,
    MetricRecord,
    Names,
    compared,
)
from benchmarks.report.editorial import RIGHT
from benchmarks.report.number_format import two_digits
from benchmarks.schema import DamagedArraysError, read_table, unpacked, where
from benchmarks.vocabulary import (
    ANSWER_CSV,
    CLAIMS_CSV,
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CURVES_FOLDER,
    EPISTEMIC_CSV,
    IMAGES_NPZ,
    LATENCY_CSV,
    SUMMARY_CSV,
)

ShownPixels = NDArray[np.uint8]
"""An image as it is shown."""
TableRow = dict[str, Any]
"""A row of a run's table, by its columns."""

_CURVE_COLUMNS = ["method", "members", "budget", "replicate", "condition", "score", "rank"]


class Quantity(NamedTuple):
    """What a number is of, beside its method.

    The score is empty where the metric uses none, and where the method's primary score is meant.
    """

    condition: str
    metric: str
    score: str = ""


@dataclass(frozen=True, eq=False)
class Results:
    """The results of a run.

    Attributes:
        summary: ``summary.csv``.
        names: what the run's nouns are called, and their order.
        answer: ``answer.csv``; empty where there is none, as of version 0.3.
        curves: the tables of ``curves/`` by name, those that there are; those of ``claims/``, with
            ``claims-`` in front; and ``claims.csv`` and ``epistemic.csv`` by their names.
        latency: ``latency.csv``; empty if nothing was timed.
        images: those of ``images.npz``, there and in ``claims/``, by condition and index.
        claims: the content of ``claims.json``, if there is one.
        left_out: labels of the conditions without data and rows; their subsets are not named.
    """

    summary: pd.DataFrame
    names: Names
    answer: pd.DataFrame = field(default_factory=pd.DataFrame)
    curves: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    latency: pd.DataFrame = field(default_factory=pd.DataFrame)
    images: Mapping[tuple[str, int], ShownPixels] = field(default_factory=dict)
    claims: Mapping[str, Any] | None = None
    left_out: tuple[str, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> Results:
        """Read a run's folder.

        Raises:
            UserError: nothing has been measured there yet, or a file is damaged.
        """
        if not path_of(folder, SUMMARY_CSV).exists():
            raise UserError(f"there are no results in {folder}; name the folder of a finished run")
        summary, names = read_table(folder, SUMMARY_CSV), Names.read(folder)
        if summary.empty:
            raise UserError(f"{folder / SUMMARY_CSV} has no rows; run without --only")
        return cls(
            summary,
            names,
            answer=read_if_there(folder, ANSWER_CSV),
            curves=_read_curves(folder),
            latency=read_if_there(folder, LATENCY_CSV),
            images=_read_images(folder) | _read_images(folder / CLAIMS_FOLDER),
            claims=read_json(folder / CLAIMS_JSON) or None,
            left_out=_left_out(folder, summary, names),
        )

    @property
    def recipe(self) -> str:
        """How networks are trained; empty for the predictions of others."""
        return self.names.recipe.name if self.names.recipe else ""

    # Methods.

    @cached_property
    def contestants(self) -> tuple[Contestant, ...]:
        """Every method of every size at every budget, in the order in which they are shown."""
        every = _contestants_in(self.summary)
        return tuple(sorted(every, key=lambda each: (self.block(each), self.names.rank(each))))

    @cached_property
    def budgets(self) -> tuple[float, ...]:
        """The budgets of methods of one network."""
        every = _contestants_in(self.summary)
        own = {each.budget for each in every if not self.names.method(each.method).counts_networks}
        return tuple(sorted(own)) or (1.0,)

    def block(self, contestant: Contestant) -> tuple[float, str]:
        """The position and the name of its budget; no name where the run has one budget."""
        if len(self.budgets) < 2:
            return 0.0, ""
        if contestant.budget in self.budgets:
            return contestant.budget, f"Budget {contestant.budget:g}"
        return math.inf, "More networks"

    def usual(self, contestants: Iterable[Contestant]) -> tuple[Contestant, ...]:
        """Those whose networks have a budget of 1 each; of methods without such, all."""
        natural = {each for each in self.contestants if self.names.each(each) == 1}
        methods = {contestant.method for contestant in natural}
        return tuple(each for each in contestants if each in natural or each.method not in methods)

    @cached_property
    def shown(self) -> tuple[Contestant, ...]:
        """Those that have a line in figures: of usual ones with any value, the sizes compared."""
        with_value = _contestants_in(self.summary[self.summary["value"].notna()])
        usual = self.usual(each for each in self.contestants if each in with_value)
        return tuple(compared(usual, self.names.usual_sizes))

    @property
    def largest(self) -> tuple[Contestant, ...]:
        """Those that have a panel in figures: of `shown` the largest size of each method."""
        last = {each.method: each for each in sorted(self.shown, key=self.names.rank)}
        return tuple(each for each in self.shown if each == last[each.method])

    @cached_property
    def compared(self) -> tuple[Contestant, ...]:
        """Those that have a row in tables: of compared and of usual sizes, at all budgets.

        See `compared_sizes`. Ensembles of networks of another budget than 1 each are always there.
        """
        usual = self.names.usual_sizes
        chosen = {*compared(self.contestants, usual)}

        def is_compared(each: Contestant) -> bool:
            several = self.names.method(each.method).counts_networks
            divides_otherwise = several and each.size != each.budget
            return each in chosen or each.size in usual.get(each.method, ()) or divides_otherwise

        return tuple(filter(is_compared, self.contestants))

    def evaluated_on(self, conditions: Collection[str]) -> tuple[Contestant, ...]:
        """Compared methods that have a row under any of the conditions, also a failed one."""
        evaluated = _contestants_in(self.summary[self.summary["condition"].isin(conditions)])
        return tuple(each for each in self.compared if each in evaluated)

    def with_methods(self, names: Sequence[str]) -> Results:
        """The rows of these methods alone, by name or key (``mc_dropout-50``); none: all."""
        if not names:
            return self
        every = self.summary[[*METHOD_COLUMNS]].itertuples(index=False, name=None)
        keys = ({row[0], self.names.key(Contestant(*row))} for row in every)
        return replace(self, summary=self.summary[[not key.isdisjoint(names) for key in keys]])

    def replicates(self, contestant: Contestant) -> int:
        """Over how many replicates the contestant's numbers are means."""
        return int(where(self.summary, **contestant.columns)["replicates"].max())

    # Conditions and metrics.

    @cached_property
    def evaluated(self) -> tuple[ConditionRecord, ...]:
        """The conditions that have a row, means and subsets too, in the order shown."""
        names = sorted(self.summary["condition"].unique(), key=self.names.condition_rank)
        return tuple(map(self.names.condition, names))

    @property
    def conditions(self) -> tuple[ConditionRecord, ...]:
        """The conditions that have a row, without subsets and means."""
        return tuple(each for each in self.evaluated if not (each.subset or each.is_mean))

    @property
    def severities(self) -> dict[str, list[ConditionRecord]]:
        """By group, its conditions with a severity, from the least on."""
        groups: dict[str, list[ConditionRecord]] = {}
        for condition in self.conditions:
            if not math.isnan(condition.severity):
                groups.setdefault(condition.group, []).append(condition)
        return {g: sorted(own, key=attrgetter("severity")) for g, own in groups.items()}

    @property
    def main_conditions(self) -> tuple[str, ...]:
        """Those shown where not all are: the mean of a group instead of its conditions."""
        with_mean = {each.group for each in self.evaluated if each.is_mean}
        return tuple(
            each.name
            for each in self.evaluated
            if not each.subset and not (each.is_one_of_many and each.group in with_mean)
        )

    @property
    def well_labelled(self) -> tuple[str, ...]:
        """The main conditions whose labels are well defined."""
        return tuple(n for n in self.main_conditions if self.names.condition(n).labels == "valid")

    @property
    def abstained(self) -> list[MetricRecord]:
        """Accuracy, and the error at each coverage, the largest first; none without the latter."""
        selective = [metric for metric in self.names.metrics if metric.coverage < 1]
        by_coverage = sorted(selective, key=lambda metric: -metric.coverage)
        return [self.names.metric(RIGHT), *by_coverage] if selective else []

    def label_of(self, condition: str) -> str:
        """What a condition is called in print."""
        return self.names.condition(condition).label

    def primary_score_label(self, contestants: Iterable[Contestant]) -> str:
        """What the score is called by which these methods rank images first, in a sentence."""
        scores = {self.names.method(contestant.method).primary_score for contestant in contestants}
        return self.names.score(*scores).label.lower() if len(scores) == 1 else "primary score"

    # The rule.

    @cached_property
    def headline(self) -> tuple[Quantity, ...]:
        """The measures by which methods are judged, those that the run has."""
        has = set(self.summary["condition"])
        own = headline_conditions(self.names.conditions)
        return tuple(Quantity(name, m.metric) for m, name in own.items() if name in has)

    def standing(self, contestant: Contestant, quantity: Quantity) -> TableRow | None:
        """The row of the answer, if there is one; a further score changes no class."""
        side = self.ranked(contestant, quantity)
        is_own = not contestant.score or side.score
        return self._answers.get((*side, *quantity[:2])) if is_own else None

    def is_best(self, contestant: Contestant, quantity: Quantity) -> bool:
        """Whether it is in the set that contains the best of its budget."""
        row = self.standing(contestant, quantity)
        return row is not None and row["best"] == "yes"

    def better(self, contestant: Contestant, quantity: Quantity) -> bool | None:
        """Whether it is better than one network of its budget, or worse.

        ``None`` where neither is shown.
        """
        row = self.standing(contestant, quantity)
        if row is None or not row["difference_lower"] * row["difference_upper"] > 0:
            return None
        higher: bool = row["difference"] > 0
        return higher == (self.names.metric(quantity.metric).better == "higher")

    def judged(self, budget: float) -> tuple[Contestant, ...]:
        """Those that were compared with the best of a budget by any measure, in their order."""
        if self.answer.empty:
            return ()
        rows = where(self.answer[self.answer["best"] != ""], budget=budget)
        every = set(rows[list(Contestant._fields)].itertuples(index=False, name=None))
        choices = {self.names.by_primary(Contestant(*names)) for names in every}

        def rank(choice: Contestant) -> tuple[object, ...]:
            return bool(choice.score), self.names.rank(choice), choice.score

        return tuple(sorted(choices, key=rank))

    def leaders(self, budget: float) -> dict[Quantity, list[Contestant]]:
        """By each measure the contestants of a budget that are in its best set."""
        own = self.judged(budget)
        return {q: [each for each in own if self.is_best(each, q)] for q in self.headline}

    @cached_property
    def is_worth_known(self) -> bool:
        """Whether any contestant of a budget has a worth; not without ensembles of many sizes."""
        answer = self.answer
        return not answer.empty and bool(answer[answer["budget"].isin(self.budgets)]["worth"].any())

    def is_network_alone(self, contestant: Contestant) -> bool:
        """Whether it is the prediction of a network of the recipe, and nothing else."""
        is_one = contestant.members == "1" and not contestant.score
        return is_one and self.names.method(contestant.method).is_network

    def network_alone(self, budget: float | None = None) -> Contestant | None:
        """That of a budget, by default of the least; ``None`` if there is none."""
        every = (each for each in self.contestants if budget in (None, each.budget))
        own = (contestant for contestant in every if self.is_network_alone(contestant))
        return min(own, key=lambda contestant: contestant.budget, default=None)

    def detectable_difference(self, budget: float, quantity: Quantity) -> str:
        """The difference to one network of a budget that would have been shown of any contestant.

        It is the widest half of an interval; of contestants with the network's own weights, less
        would do. Empty where there is none.
        """
        rows = (self.standing(choice, quantity) for choice in self.judged(budget))
        widths = [
            (row["difference_upper"] - row["difference_lower"]) / 2
            for row in rows
            if row and not math.isnan(row["difference_upper"])
        ]
        return two_digits(max(widths)) if widths else ""

    def label(self, contestant: Contestant) -> str:
        """For example ``Mahalanobis distance (with softmax)``; a user's own is called as it is."""
        record = self.names.method(contestant.method)
        method, scored = record.label, ""
        own = self.names.label(contestant).removeprefix(method).removeprefix(", ")
        if contestant.score:
            method, scored = self.names.score(contestant.score).label, f"with {method}"
        details = ", ".join(filter(None, (scored, own)))
        is_users_own = record.is_users_own and not contestant.score
        name = method if is_users_own else f"{method[:1].upper()}{method[1:]}"
        return f"{name}{f' ({details})' if details else ''}"

    # Rows.

    def row(self, contestant: Contestant, quantity: Quantity) -> TableRow | None:
        """The row of the summary, if there is one, also of a failed method."""
        return self._summary_rows.get((*self.ranked(contestant, quantity), *quantity[:2]))

    def value(self, contestant: Contestant, quantity: Quantity) -> TableRow | None:
        """The row of the summary; ``None`` where there is no finite value."""
        row = self.row(contestant, quantity)
        return row if row and row["status"] == "ok" and math.isfinite(row["value"]) else None

    def ranked(self, contestant: Contestant, quantity: Quantity) -> Contestant:
        """With the score by which it ranks images: its own, that asked for, or its primary one."""
        if "score" not in self.names.metric(quantity.metric).needs:
            return contestant.unscored
        primary = self.names.method(contestant.method).primary_score
        return contestant._replace(score=contestant.score or quantity.score or primary)

    def curve(self, name: str) -> pd.DataFrame:
        """A table of curves; empty where there is none, with the columns that all have."""
        return self.curves.get(name, pd.DataFrame(columns=_CURVE_COLUMNS))

    @cached_property
    def _summary_rows(self) -> dict[tuple[object, ...], TableRow]:
        return _rows_by_keys(self.summary)

    @cached_property
    def _answers(self) -> dict[tuple[object, ...], TableRow]:
        return _rows_by_keys(self.answer)


def _rows_by_keys(table: pd.DataFrame) -> dict[tuple[object, ...], TableRow]:
    """The rows of a table by contestant, condition and metric."""
    keys = itemgetter(*Contestant._fields, "condition", "metric")
    columns = [str(name) for name in table.columns]
    rows = (dict(zip(columns, row, strict=True)) for row in table.itertuples(False, None))
    return {keys(row): row for row in rows}


def _contestants_in(table: pd.DataFrame) -> set[Contestant]:
    rows = table[[*METHOD_COLUMNS]].drop_duplicates()
    return {Contestant(*row) for row in rows.itertuples(index=False, name=None)}


def by_primary_score(table: pd.DataFrame, names: Names) -> pd.DataFrame:
    """The rows by methods' primary scores, or by none, of a table with a row a method."""
    scores = {name: names.method(name).primary_score for name in table["method"].unique()}
    primary = table["method"].map(scores)
    return table[(table["score"] == "") | (table["score"] == primary)]


# Files.


def read_if_there(folder: Path, name: str) -> pd.DataFrame:
    """A table of a run; empty where there is no such file."""
    return read_table(folder, name) if path_of(folder, name).exists() else pd.DataFrame()


def _read_curves(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables in folders by their files' names.

    Raises:
        UserError: one is damaged, or is none of a run.
    """
    curves = {}
    for place, prefix in ((CURVES_FOLDER, ""), (CLAIMS_FOLDER, "claims-")):
        for path in sorted(folder.glob(f"{place}/[!.]*.csv*")):
            name = path.name.removesuffix(".xz")
            table = read_table(folder, f"{place}/{name}")
            if not prefix and len(table.columns) and "method" not in table:
                raise UserError(f"{path} is no file of a run; delete it, or move it elsewhere")
            curves[prefix + name.removesuffix(".csv")] = table
    own = {"claims": CLAIMS_CSV, "epistemic": EPISTEMIC_CSV}
    return curves | {name: read_if_there(folder, file) for name, file in own.items()}


def _read_images(folder: Path) -> dict[tuple[str, int], ShownPixels]:
    """Images by condition and index; none where there is no such file."""
    path = folder / IMAGES_NPZ
    if not path.exists():
        return {}
    try:
        arrays = unpacked(path)
    except DamagedArraysError as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run again") from error
    pairs = zip(arrays["condition"].tolist(), arrays["index"].tolist(), strict=True)
    return dict(zip(pairs, arrays["pixels"], strict=True))


def _left_out(folder: Path, summary: pd.DataFrame, names: Names) -> tuple[str, ...]:
    data: Mapping[str, Mapping[str, Any]] = read_run_json(folder).get("data", {})
    missing = {name for name, entry in data.items() if "unavailable" in entry}
    lost = sorted(missing - set(summary["condition"]), key=names.condition_rank)
    return tuple(record.label for record in map(names.condition, lost) if not record.subset)
