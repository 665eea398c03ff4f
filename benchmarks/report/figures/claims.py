"""What the article's claims rest on: votes for its two images, and what agreement is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmarks.report.figures.drawing import Drawing, legend_below, panels, show_picture
from benchmarks.report.names import METHODS, Variant
from benchmarks.report.results import Results
from benchmarks.report.style import BAND, COLUMN, PAGE, Look, look_of
from benchmarks.vocabulary import TEST_IMAGES

COUNTED = {"image-61": (61, "a typical 8"), "image-591": (591, "a peculiar 8")}
"""The claims about single images, and which these are."""

WIDTH = 0.8
"""Of all that stands above a class."""

THRESHOLDS = {"partly": 0.5, "reproduced": 0.8}
"""Of the rank correlation; those of `benchmarks.claims.agreement`, which a test compares."""

MEASURES = ("mutual information", "disagreement")
TRAINED_ON = ("1,000", "10,000", "all", "all, rotated")


def count_plot_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """The article's count plots, for every network at once: a point a network, bars their mean."""
    numbers = _numbers(results, *COUNTED)
    if numbers.empty:
        return
    figure, axes = panels(
        2 * len(COUNTED),
        columns=4,
        width=PAGE,
        height=2.0,
        width_ratios=[0.45, 1] * 2,
    )
    for (claim, (index, what)), picture, votes in zip(
        COUNTED.items(), axes[::2], axes[1::2], strict=True
    ):
        show_picture(picture, results.images.get((TEST_IMAGES, index)))
        picture.set_title(f"Image {index}:\n{what}")
        draw_counts(votes, numbers[numbers["claim"] == claim])
    yield Drawing("claims-count-plots", figure, numbers)


def certainty_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """Accuracy by how many votes agree, and how often so many do."""
    numbers = by_share(_numbers(results, "certain-when-agreeing"))
    if numbers.empty:
        return
    figure, axes = panels(2, columns=1, width=COLUMN, height=1.5, sharex=True)
    draw_certainty(axes[0], numbers)
    draw_images(axes[1], numbers)
    axes[1].set_xlabel("Share of 100 votes that agree")
    yield Drawing("claims-certainty", figure, numbers)


def rank_agreement_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """How alike one network with dropout on and the ensemble rank images, a point a network."""
    numbers = _numbers(results, "dropout-mimics-ensemble")
    if numbers.empty:
        return
    figure, (ax,) = panels(1, columns=1, width=COLUMN, height=1.7)
    draw_rank_agreement(ax, numbers)
    yield Drawing("claims-rank-agreement", figure, numbers)


def missing_data_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """Epistemic uncertainty by what the networks were trained on."""
    numbers = by_training_set(_numbers(results, "epistemic-is-missing-data"))
    if numbers.empty:
        return
    figure, axes = panels(4, columns=2, width=COLUMN, height=1.6, sharex=True, sharey="row")
    kinds = [(measure, kind) for measure in MEASURES for kind in ("clean", "45°")]
    for ax, (measure, kind) in zip(axes, kinds, strict=True):
        draw_training_sets(ax, numbers, measure, kind)
    for ax, kind in zip(axes[:2], ("Clean images", "Turned by 45°"), strict=True):
        ax.set_title(kind)
    for ax in axes:
        ax.set_ylim(bottom=0)  # once all is drawn: rows share their axis
    for ax in axes[2:]:
        ax.set_xlabel("Training images")
    legend_below(figure, axes)
    yield Drawing("claims-missing-data", figure, numbers)


def by_share(numbers: pd.DataFrame) -> pd.DataFrame:
    """For each bin of vote shares its images and accuracy: of all networks, least and most."""
    rows = []
    table = numbers.pivot_table(index="quantity", columns="network", values="value")
    for name in table.index[table.index.str.startswith("images")]:
        images = table.loc[name]
        correct = table.loc[name.replace("images", "correct")]
        accuracy = (correct / images)[images > 0]
        low, high = map(float, name.rpartition(" ")[2].split("–"))
        rows.append(
            {
                "lower": low,
                "upper": high,
                "images": images.mean(),
                "accuracy": correct.sum() / images.sum() if images.sum() else np.nan,
                "least": accuracy.min(),
                "most": accuracy.max(),
            }
        )
    return pd.DataFrame(rows)


def by_training_set(numbers: pd.DataFrame) -> pd.DataFrame:
    """The names of quantities taken apart: method, measure, images and training images."""
    parts = numbers["quantity"].str.extract(
        r"(?P<method>.+), (?P<measure>[^,]+), (?P<images>[^,]+), trained on (?P<training>.+)"
    )
    return pd.concat([parts, numbers[["network", "value"]]], axis=1)


def draw_counts(ax: Axes, numbers: pd.DataFrame) -> Axes:
    """Votes for each class: a point a network, side by side, and their mean as a bar."""
    networks = numbers["network"].nunique()
    classes = numbers["quantity"].str.removeprefix("votes for ").astype(int)
    offset = (numbers["network"] + 0.5) / networks - 0.5
    color = look_of("mc_dropout").color
    means = numbers["value"].groupby(classes).mean()
    ax.bar(means.index, means, width=WIDTH, color="0.85", linewidth=0)
    ax.scatter(classes + WIDTH * offset, numbers["value"], s=2.5, color=color, linewidth=0)
    ax.set(xticks=range(10), xlabel="Class voted for", ylim=(0, 103))
    ax.set_title(f"Votes of 100 passes\n({networks} networks; bars: mean)")
    ax.grid(visible=False, axis="x")
    return ax


def draw_certainty(ax: Axes, numbers: pd.DataFrame) -> Axes:
    """Accuracy in each bin of the majority's share, and the networks' range."""
    middle = (numbers["lower"] + numbers["upper"]) / 2
    reach = [numbers["accuracy"] - numbers["least"], numbers["most"] - numbers["accuracy"]]
    look = look_of("mc_dropout")
    ax.errorbar(
        middle,
        numbers["accuracy"],
        yerr=np.clip(np.array(reach), 0, None),
        **{**look.line, "label": None},
        elinewidth=0.8,
    )
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=(0, (4, 2)))
    ax.set(ylabel="Accuracy of\nthe majority", ylim=(0, 1.03), xlim=(0, 1))
    ax.set_title("All networks (bars: range of single ones)")
    return ax


def draw_images(ax: Axes, numbers: pd.DataFrame) -> Axes:
    """How many images of a network fall into each bin."""
    ax.bar(
        numbers["lower"],
        numbers["images"],
        width=numbers["upper"] - numbers["lower"],
        align="edge",
        color="0.75",
        edgecolor="white",
        linewidth=0.6,
    )
    ax.set(ylabel="Images\nof a network", yscale="log")
    return ax


def draw_rank_agreement(ax: Axes, numbers: pd.DataFrame) -> Axes:
    """Rank correlations with the ensemble: a point a network, a stroke their mean."""
    color = look_of("mc_dropout").color
    for place, measure in enumerate(MEASURES):
        values = numbers.loc[numbers["quantity"] == f"rank correlation, {measure}", "value"]
        offset = (np.arange(len(values)) + 0.5) / len(values) - 0.5
        ax.scatter(values, place + 0.5 * offset, s=6, color=color, linewidth=0)
        ax.plot([values.mean()] * 2, [place - 0.35, place + 0.35], color="0", linewidth=1.2)
    for verdict, least in THRESHOLDS.items():
        ax.axvline(least, color="0.6", linewidth=0.8, linestyle=(0, (4, 2)))
        ax.text(least, 1.02, verdict, transform=ax.get_xaxis_transform(), fontsize="x-small")
    ax.set_yticks(range(len(MEASURES)), [measure.capitalize() for measure in MEASURES])
    ax.set(xlim=(0, 1), ylim=(-0.6, len(MEASURES) - 0.4))
    ax.set_xlabel("Rank correlation with the ensemble")
    ax.grid(visible=False, axis="y")
    return ax


def draw_training_sets(ax: Axes, numbers: pd.DataFrame, measure: str, kind: str) -> Axes:
    """One measure of one kind of images against the training set; a faint point a network."""
    chosen = numbers[(numbers["measure"] == measure) & (numbers["images"] == kind)]
    for method, name in (("mc_dropout", "MC-dropout"), ("deep_ensemble", "ensemble")):
        of_method = chosen[chosen["method"] == name]
        place = of_method["training"].map(TRAINED_ON.index)
        look = look_of(method)
        means = of_method["value"].groupby(place).mean()
        ax.plot(means.index, means, **(look.line | {"label": METHODS[method]}))
        if len(of_method) > len(means):
            ax.scatter(
                place, of_method["value"], s=5, color=look.color, alpha=2 * BAND, linewidth=0
            )
    ax.set_xticks(range(len(TRAINED_ON)), [name.replace(", ", ",\n") for name in TRAINED_ON])
    if kind == "clean":
        ax.set_ylabel(f"{measure.capitalize()}{' (nats)' if measure == MEASURES[0] else ''}")
    return ax


def _numbers(results: Results, *claims: str) -> pd.DataFrame:
    table = results.curves.get("claims", pd.DataFrame(columns=["claim"]))
    return table[table["claim"].isin(claims)].reset_index(drop=True)
