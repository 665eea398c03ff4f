"""The order of methods under shift on MNIST, of Ovadia et al. 2019, figure 1."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmarks.report.names import Variant
from benchmarks.report.published.finding import ANOTHER, SAME, Ours, PublishedFinding
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results

CHOICES = {
    "ensemble": ("relu", Variant("deep_ensemble", "10")),
    "dropout": ("relu-dropout", Variant("mc_dropout", "100")),
    "vanilla": ("relu", Variant("softmax", "1")),
    "temperature scaling": ("relu", Variant("temperature_scaling", "1")),
}
"""Their names of methods, and ours; their LeNet has ReLU, and dropout for that method alone."""

QUANTITIES = tuple(
    Quantity(f"{group}-mean", metric)
    for group in ("rotated", "translated")
    for metric in ("accuracy", "brier")
)


def order_under_shift(results: Results) -> Ours | None:
    """By each measure, the methods from the best to the worst, with their values."""
    orders = list(_orders(results))
    if len(orders) < len(QUANTITIES):
        return None
    firsts = [next(iter(order)) for _, order in orders]
    told = "; ".join(
        f"{label}: " + ", ".join(f"{name} {value:.3f}" for name, value in order.items())
        for label, order in orders
    )
    wins = firsts.count("ensemble")
    verdict = SAME if 2 * wins > len(orders) else ANOTHER
    return Ours(verdict, f"the ensemble is best by {wins} of {len(orders)}. {told}")


def _orders(results: Results) -> Iterator[tuple[str, dict[str, float]]]:
    for quantity in QUANTITIES:
        values = {}
        for name, (recipe, variant) in CHOICES.items():
            row = results.of_recipe(recipe).find(variant, quantity)
            if row is None or not math.isfinite(row["value"]):
                return
            values[name] = float(row["value"])
        metric = results.names.metric(quantity.metric)
        ranked = sorted(values, key=values.__getitem__, reverse=metric.better == "higher")
        label = f"{metric.label}, {results.label_of(quantity.condition)}"
        yield label, {name: values[name] for name in ranked}


OVADIA = PublishedFinding(
    paper="Ovadia et al. 2019",
    place="figure 1 and conclusions",
    says="Under rotation and translation, accuracy and Brier score get worse for all methods. Deep "
    "ensembles (of ten) are best by most measures.",
    rule="an ensemble of ten is best, by value, in most of accuracy and Brier score, each averaged "
    "over rotations (with valid labels) and over translations, among the methods that both have. "
    "Their variational networks are not among ours.",
    task="mnist",
    judge=order_under_shift,
)
