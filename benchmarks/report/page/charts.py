"""The charts of the page: of each section a few panels of its figures, whose values are told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.nouns import Variant
from benchmarks.report.editorial import DETECTION
from benchmarks.report.figures import abstaining, cost, detection, reliability, severity
from benchmarks.report.figures.drawing import (
    conditions_in,
    drawn_curves,
    without_formulas,
)
from benchmarks.report.numbers.abstaining import errors, replicate_errors
from benchmarks.report.numbers.replicates import of_replicates, with_ranges
from benchmarks.report.page.svg import Series, inline, svg_of
from benchmarks.report.page.tips import (
    Tips,
    abstaining_tip,
    cost_tip,
    reliability_tip,
    roc_tip,
    severity_tip,
    tips,
)
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.style import COLUMN, Look
from benchmarks.schema import where

SIZE = COLUMN, 2.3
"""In inches: with the letters of figures it can be read on a phone."""

PLACE = 0.155, 0.17, 0.81, 0.79
"""Left, bottom, width and height of the panel, so that all charts are alike."""

WRITTEN = "small"
"""The letters within the panel, which has more space than one of several."""

A_SECTION, A_GROUP, GROUPS = 2, 3, 4
"""Charts of a section, of a group of severities, and of all such groups: at most twelve in all."""

MARKERS = 6
"""About so many points of a ROC curve have a marker."""


class Chart(NamedTuple):
    """A chart of the page; ``drawn``: the keys of the methods that it draws."""

    title: str
    svg: Markup
    drawn: tuple[str, ...]


@dataclass(frozen=True)
class Charts:
    """The charts of one recipe.

    Attributes:
        results: of this recipe.
        sizes: quality against latency, as `points` gives it.
    """

    results: Results
    recipe: str
    looks: Mapping[Variant, Look]
    sizes: pd.DataFrame

    def of_sections(self) -> dict[str, list[Chart]]:
        """By section; one that was not measured has none."""
        groups = self.results.severities
        most = max(1, min(A_GROUP, GROUPS // max(1, len(groups))))
        return {
            "calibration": self.calibration(),
            **{f"group-{group}": self.severity(group, most) for group in groups},
            "detection": self.detection(),
            "selective": self.selective(),
            "cost": self.cost(),
        }

    def calibration(self) -> list[Chart]:
        """Accuracy against confidence, a chart a condition."""
        bins = self.results.curve("reliability")
        charts = []
        for condition in conditions_in(bins, self.results.names)[:A_SECTION]:
            here, ax = where(bins, condition=condition), panel()
            reliability.draw(ax, here, self.looks).set(xlabel="Confidence", ylabel="Accuracy")
            told = tips(reliability.drawn_bins(here), reliability_tip, "accuracy")
            title = self.results.label_of(condition)
            charts.append(self._chart(ax, f"calibration-{condition}", title, told))
        return charts

    def severity(self, group: str, most: int) -> list[Chart]:
        """Metrics against the severity of a group's conditions."""
        numbers, scale = severity.lines(self.results, group), severity.scale_of(self.results, group)
        if numbers["severity"].nunique() < 2:
            return []
        thin = of_replicates(self.results, numbers, "severity")
        tip = partial(severity_tip, label_of=self.results.label_of)
        charts = []
        for metric in list(dict.fromkeys(numbers["metric"]))[:most]:
            printed, ax = self.results.names.printed(metric), panel()
            shown = numbers, metric, printed, scale, self.looks, thin
            severity.draw(ax, *shown, reason=False)
            means, each = (where(table, metric=metric) for table in (numbers, thin))
            told = tips(with_ranges(means, each, "severity"), tip, "value")
            charts.append(self._chart(ax, f"{group}-{metric}", printed.title, told))
        return charts

    def detection(self) -> list[Chart]:
        """ROC curves by methods' primary scores, a chart a set of out-of-distribution images."""
        table = self.results.curve("roc")
        measured = set(table["condition"])
        charts = []
        for condition in [one for one in self.results.ood if one in measured][:A_SECTION]:
            here, ax = where(table, condition=condition), panel()
            detection.draw_roc(ax, here, self.looks)
            ax.set(xlabel="Clean images flagged", ylabel="OOD images flagged")
            for line in ax.lines:
                line.set_markevery(marked(np.size(line.get_xdata())))
            means = drawn_curves(detection.from_least(here), "flagged_clean", "flagged")
            told = {
                variant: [texts[position] for position in marked(len(texts))]
                for variant, texts in tips(means, roc_tip, "flagged").items()
            }
            drawn = {one: look for one, look in self.looks.items() if one in told}
            detection.write_auroc(ax, self.results, Quantity(condition, DETECTION), drawn)
            title = self.results.label_of(condition)
            charts.append(self._chart(ax, f"roc-{condition}", title, told))
        return charts

    def selective(self) -> list[Chart]:
        """The error against the images abstained on, a chart a condition."""
        numbers = errors(self.results)
        if numbers["abstained"].nunique() < 2:
            return []
        thin = replicate_errors(self.results, numbers)
        charts = []
        for condition in list(dict.fromkeys(numbers["condition"]))[:A_SECTION]:
            here, each = (where(table, condition=condition) for table in (numbers, thin))
            ax = abstaining.draw(panel(), here, each, self.looks)
            ax.set_ylabel(abstaining.Y_LABEL)
            told = tips(here, abstaining_tip, "error")
            title = self.results.label_of(condition)
            charts.append(self._chart(ax, f"selective-{condition}", title, told))
        return charts

    def cost(self) -> list[Chart]:
        """The first and the last measure of quality against the latency of single images."""
        names = self.results.names
        numbers = where(self.sizes, batch_size=self.sizes["batch_size"].min())
        thin = of_replicates(self.results, numbers, "batch_size", "p50_ms")
        measures = list(numbers[["metric", "condition"]].drop_duplicates().itertuples(index=False))
        charts = []
        for metric, condition in dict.fromkeys([*measures[:1], *measures[-1:]]):
            shown = {"metric": metric, "condition": condition}
            here, each = (where(table, **shown) for table in (numbers, thin))
            printed, ax = names.printed(metric), panel()
            cost.draw(ax, names, here, each, self.looks)
            ax.set(xlabel="Milliseconds (median)", ylabel=printed.axis_title)
            told, labels = self._of_sizes(with_ranges(here, each, *shown, "batch_size"))
            title = f"{printed.title}, {self.results.label_of(condition)}"
            charts.append(self._chart(ax, f"cost-{metric}", title, told, labels))
        return charts

    def _of_sizes(self, rows: pd.DataFrame) -> tuple[Tips, dict[str, Variant]]:
        """The tips of each method over its sizes, and whose its line is: that of the largest."""
        told, labels = {}, {}
        tip = partial(cost_tip, names=self.results.names)
        for method, line in rows.groupby("method", sort=False):
            *_, variant = (one for one in self.looks if one.method == method)
            drawn = cost.by_size(line[line["value"].abs() < math.inf])
            told[variant] = list(map(tip, drawn.to_dict("records")))
            labels[cost.label(self.results.names, str(method), line)] = variant
        return told, labels

    def _chart(
        self,
        ax: Axes,
        name: str,
        title: str,
        told: Tips,
        labels: Mapping[str, Variant] | None = None,
    ) -> Chart:
        """The chart of a panel; its artists are known by their labels.

        Args:
            labels: those of lines that are not called as their method and size.
        """
        known = {look.label: variant for variant, look in self.looks.items()}
        known.update(labels or {})
        for text in ax.texts:
            text.set_fontsize(WRITTEN)
        series = {}
        for number, artist in enumerate((*ax.lines, *ax.collections, *ax.texts)):
            label = str(artist.get_label())
            if variant := known.get(label.removeprefix("_")):
                artist.set_gid(f"series-{number}")
                texts = told.get(variant, ()) if label in known else ()
                series[f"series-{number}"] = Series(variant.key, self.looks[variant].label, texts)
        figure = cast(Figure, ax.figure)
        without_formulas(figure)
        methods = ", ".join(dict.fromkeys(one.label for one in series.values()))
        description = (
            f"{title}: {ax.get_ylabel()} against {ax.get_xlabel()}. {methods}. "
            "Arrow keys step through the values."
        )
        svg = inline(svg_of(figure), f"{name}-{self.recipe}", description, series)
        drawn = tuple(dict.fromkeys(one.key for one in series.values()))
        return Chart(title, svg, drawn)


def panel() -> Axes:
    """One panel that shows the page's background."""
    figure = Figure(figsize=SIZE)
    ax = figure.add_axes(PLACE)
    figure.patch.set_visible(False)
    ax.patch.set_visible(False)
    return ax


def marked(points: int) -> list[int]:
    """The positions of those points of a curve that have a marker.

    >>> marked(3), marked(60)
    ([0, 1, 2], [5, 15, 25, 35, 45, 55])
    """
    every = max(1, points // MARKERS)
    return list(range(every // 2, points, every))
