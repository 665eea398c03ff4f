"""The heat map of what contestants are worth in networks: a view of `answer.csv`."""

from __future__ import annotations

import math
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from benchmarks.headline import HEADLINE
from benchmarks.nouns import Contestant
from benchmarks.report.figures.engine import Panel, View, leaderboard
from benchmarks.report.figures.numbers import in_best_set
from benchmarks.report.number_format import networks
from benchmarks.report.results import Quantity, Results
from benchmarks.report.style import SMALLEST
from benchmarks.report.tables.table import MARKS
from benchmarks.schema import where

SIDE = [*Contestant._fields]

ALL = ("", "", "both", "all three", "all four", "all five")
"""How many measures there are, in words."""


def _rows_shown(results: Results) -> list[Contestant]:
    """The contestants of the leaderboard, without ensembles of other budgets."""
    return [choice for choice in leaderboard(results) if choice.budget in results.budgets]


def contestants(results: Results) -> tuple[Contestant, ...]:
    """The methods of these, each once."""
    return tuple(dict.fromkeys(choice.unscored for choice in _rows_shown(results)))


def worths(view: View) -> pd.DataFrame:
    """What the answer says of each contestant by each measure; where it says nothing, no row."""
    if not view.results.is_worth_known:
        return pd.DataFrame()
    rows: list[dict[str, object]] = []
    for choice in _rows_shown(view.results):
        for quantity in view.results.headline:
            condition, metric, _ = quantity
            row = view.results.standing(choice, quantity)
            is_chosen = metric in (view.metrics or [metric]) and choice.unscored in view.contestants
            if row and is_chosen and condition in (view.conditions or [condition]):
                better = view.results.better(choice, quantity)
                said = {name: row[name] for name in ("worth", "worth_lower", "worth_upper", "best")}
                place = {"metric": metric, "condition": condition}
                rows.append({**place, **choice._asdict(), **said, "better": better})
    return pd.DataFrame(rows)


def _quantities(view: View, rows: pd.DataFrame) -> list[Quantity]:
    """The measures of the columns, in their order."""
    drawn = set(rows[["condition", "metric"]].itertuples(index=False, name=None))
    return [quantity for quantity in view.results.headline if quantity[:2] in drawn]


def worth_title(view: View, rows: pd.DataFrame) -> str:
    """Which rows of each budget are in the best set by all measures."""
    labels = [view.names.metric(quantity.metric).label for quantity in _quantities(view, rows)]
    by, said = f"{ALL[len(labels)]} measures" if len(labels) > 1 else labels[0], []
    for budget, own in rows[rows["best"] != ""].groupby("budget"):
        counts = own[own["best"] == "yes"].groupby(SIDE, sort=False).size()
        choices = [Contestant(*side) for side in counts.index[counts == len(labels)]]
        at = f" of budget {budget:g}" if rows["budget"].nunique() > 1 else ""
        if choices:
            said.append(f"{in_best_set(view.results, choices)}{at} by {by}")
    return ". ".join(said) or f"{in_best_set(view.results, ())} by {by}"


MEANINGS = {"": "Bold: in the best set", "^": "Better than one network", "v": "Worse"}
"""What the marks beside a worth mean, by the marker that draws each in the legend."""

NOT_KNOWN = "?"
"""What stands for a worth that is not known."""

SHADES = "RdBu"
"""Red and blue, which the colour-blind distinguish."""

LESS_SHADE, MOST_SHADE = 0.22, 0.9
"""Places of less than one network, and of the largest size, among the colours."""


GAP = 0.5
"""Between budgets, in rows."""


def shade(worth: float, most: float) -> str:
    """The colour of a worth, on a logarithmic scale around one network.

    >>> shade(1, 20), shade(0.5, 20) == shade(0.1, 20)
    ('#f6f7f7', True)
    """
    reach = min(1.0, math.log(max(worth, 1)) / math.log(max(most, 2)))
    place = LESS_SHADE if worth < 1 else 0.5 + (MOST_SHADE - 0.5) * reach
    return to_hex(mpl.colormaps[SHADES](place))


def _largest_size(rows: pd.DataFrame) -> float:
    """The largest number of networks that a worth is told by."""
    texts = pd.unique(rows[["worth", "worth_lower", "worth_upper"]].to_numpy().ravel())
    return max((float(text.lstrip("<>")) for text in texts if text), default=1.0)


def heat_map(ax: Axes, panel: Panel) -> None:
    """A row a contestant, budget by budget; a column a measure; bold is in the best set."""
    view, rows, most = panel.view, panel.rows, _largest_size(panel.rows)
    quantities, labels = _quantities(view, rows), list[str]()
    sides = rows[SIDE].drop_duplicates()
    is_first = sides["budget"].ne(sides["budget"].shift())
    places = np.arange(len(sides)) + GAP * (is_first.cumsum() - 1).to_numpy()
    for y, choice in zip(places, map(Contestant._make, sides.to_numpy().tolist()), strict=True):
        scored = view.results.label(choice)
        labels.append(scored if choice.score else view.names.label(choice))
        for row in where(rows, **choice._asdict()).to_dict("records"):
            x = quantities.index(Quantity(row["condition"], row["metric"]))
            text: Any = {"color": "black", "weight": "bold" if row["best"] == "yes" else "normal"}
            if row["worth"]:
                worth = networks(row["worth"])
                place = (x - 0.48, y - 0.46), 0.96, 0.92
                ax.add_patch(Rectangle(*place, linewidth=0, facecolor=shade(worth, most)))
                text["color"] = "white" if worth > most / 2 else "black"
            said = f"{row['worth'] or NOT_KNOWN} {MARKS.get(row['better'], '')}".strip()
            ax.text(x, y, said, ha="center", va="center_baseline", **text)
    purposes = {measure.metric: measure.purpose for measure in HEADLINE}
    for x, (_, metric, _) in enumerate(quantities):
        purpose = fill(purposes[metric].capitalize(), 13)
        ax.text(x, -0.75, purpose, ha="center", va="bottom")
    names = [
        f"{fill(view.names.metric(metric).label, 14)}\n{fill(view.results.label_of(condition), 14)}"
        for condition, metric, _ in quantities
    ]
    ax.set_xticks(range(len(quantities)), names, fontsize=SMALLEST)
    ax.set_yticks(places, labels)
    sizes = {"Less than one network": 0, "One network": 1, f"{most:g} networks": most}
    for label, worth in sizes.items():
        color = shade(worth, most)
        ax.plot([], [], "s", markersize=9, color=color, markeredgecolor="0.7", label=label)
    for marker, label in MEANINGS.items():
        ax.plot([], [], marker=marker, color="black", linestyle="none", label=label)
    ax.set(xlim=(-0.6, len(quantities) - 0.4), ylim=(places[-1] + 0.5, -0.5))
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
