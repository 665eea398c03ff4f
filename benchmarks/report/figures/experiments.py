"""The figures of the experiments: uncertainty by data size and label noise, and measures by use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from benchmarks.report.figures.engine import Panel, View, logarithmic
from benchmarks.report.style import DASHES
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN

PARTS: Mapping[str, str] = {
    "log-epistemic": "Epistemic:\nmutual information (nats)",
    "log-aleatoric": "Aleatoric:\nexpected entropy (nats)",
}
"""The measures that are drawn over levels."""

USES: Mapping[str, str] = {
    "augrc": "Abstaining (AUGRC ↓)",
    "auroc": "Foreign images (AUROC ↑)",
    "people": "People's doubt (rank correlation ↑)",
}
"""What measures are used for, by the statistic that says how well."""

SHARES, NATS = (0.005, 0.01, 0.03, 0.1, 0.3, 1), (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1)
"""The ticks of shares of images and of uncertainties."""

TRUTH = "truth"
"""The statistic that is the true conditional entropy."""


def experiment_rows(view: View, **values: object) -> pd.DataFrame:
    """The rows of ``epistemic.csv`` with these values, of the methods that are shown."""
    every = view.results.curve("epistemic")
    rows = every if every.empty else where(every, **values)
    own = {contestant.method: contestant for contestant in view.contestants}
    if rows.empty:
        return rows
    rows = rows[rows["method"].isin(own)]
    columns = {
        name: rows["method"].map({method: each.columns[name] for method, each in own.items()})
        for name in ("members", "budget")
    }
    return rows.assign(**columns)


def over_levels(experiment: str) -> Callable[[View], pd.DataFrame]:
    """The means of both parts at each level, on the images of each kind."""

    def data(view: View) -> pd.DataFrame:
        rows = experiment_rows(view, experiment=experiment, statistic="mean")
        if rows.empty:
            return rows
        chosen = rows["measure"].isin(PARTS) & ~rows["level"].str.startswith("pair")
        rows = rows[chosen].dropna(subset="value")
        return rows.sort_values(["measure", "condition", "x"], ascending=[False, True, True])

    return data


def uses(view: View) -> pd.DataFrame:
    """How well each measure ranks images, by use, less how well the total entropy does."""
    rows = experiment_rows(view)
    if rows.empty:
        return rows
    rows = rows[rows["statistic"].isin(USES) & rows["measure"].ne("")].dropna(subset="value")
    shifted = rows.groupby("statistic")["condition"].transform("last")  # not the clean ones
    rows = rows[rows["condition"] == shifted]
    place = ["statistic", "method"]
    totals = where(rows, measure="log-total").set_index(place)["value"]
    rows = rows.assign(
        difference=rows["value"] - totals.reindex(pd.MultiIndex.from_frame(rows[place])).to_numpy()
    )
    order = sorted(set(rows["measure"]), key=lambda name: (_part(name), name))
    return rows.assign(place=rows["measure"].map(order.index))


def _part(measure: str) -> int:
    """The order of the parts: total, aleatoric, epistemic by the same loss, and by others."""
    parts = ("total", "aleatoric", "epistemic")
    part = measure.rpartition("-")[2]
    return parts.index(part) if part in parts else len(parts)


def level_lines(ax: Axes, panel: Panel) -> None:
    """A line a method over the levels; dashed: the true conditional entropy, where it is known."""
    for look, rows in panel.series():
        ax.plot(rows["x"], rows["value"], **look.line | {"label": look.label})
    experiment, measure = panel.rows["experiment"].iloc[0], panel.key["measure"]
    every = where(panel.view.results.curve("epistemic"), experiment=experiment, measure=measure)
    truth = where(every, statistic=TRUTH).sort_values("x")
    truth = truth[truth["level"].isin(panel.rows["level"])]
    if len(truth) and panel.key["condition"] == CLEAN:
        style: Any = {"color": "0.6", "linestyle": DASHES, "label": "Entropy of the noise"}
        ax.plot(truth["x"], truth["value"], **style)
    if experiment == "data-size":
        logarithmic(ax, "x", SHARES)
        logarithmic(ax, "y", NATS)
    else:
        ax.set(xlim=(0, None), ylim=(0, None))
    ax.set(
        title=panel.condition,
        ylabel=PARTS[measure],
        xlabel="Share of the training images" if experiment == "data-size" else "Share of labels",
    )


def use_dots(ax: Axes, panel: Panel) -> None:
    """A dot a method in the row of each measure."""
    for look, rows in panel.series():
        ax.plot(
            rows["difference"], -rows["place"], **look.line | {"linestyle": "", "label": look.label}
        )
    places = panel.every.drop_duplicates("place")
    ax.set_yticks(-places["place"], places["measure"])
    ax.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_xlabel("less that of the total entropy")
    ax.set_title(USES[panel.key["statistic"]])
