"""The order of methods under shift on MNIST, of Ovadia et al. 2019, figure 1."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmarks.nouns import Variant
from benchmarks.report.published.finding import ANOTHER, SAME, Ours, PublishedFinding
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results

SCALED, VANILLA = "temperature scaling", "vanilla"

CHOICES = {
    "ensemble": ("relu", Variant("deep_ensemble", "10")),
    "dropout": ("relu-dropout", Variant("mc_dropout", "100")),
    SCALED: ("relu", Variant("temperature_scaling", "1")),
    VANILLA: ("relu", Variant("softmax", "1")),
}
"""Their names of methods, and ours; their LeNet has ReLU, and dropout for that method alone."""

SHIFTS = ("rotated-mean", "translated-mean")


def order_under_shift(results: Results) -> Ours | None:
    """By the Brier score under each shift, the methods from the best to the worst."""
    orders = dict(_orders(results))
    if len(orders) < len(SHIFTS):
        return None
    told = "; ".join(
        f"{results.label_of(shift)}: "
        + ", ".join(f"{name} {brier[name]:.3f}" for name in sorted(brier, key=brier.__getitem__))
        for shift, brier in orders.items()
    )
    verdict = SAME if all(map(_as_theirs, orders.values())) else ANOTHER
    return Ours(verdict, f"the Brier score from the best method to the worst: {told}")


def _as_theirs(brier: dict[str, float]) -> bool:
    others = (brier[name] for name in brier if name not in (SCALED, VANILLA))
    return all(one < brier[SCALED] for one in others) and brier[SCALED] < brier[VANILLA]


def _orders(results: Results) -> Iterator[tuple[str, dict[str, float]]]:
    """The Brier score of every method under each shift under which all have one."""
    for shift in SHIFTS:
        rows = {
            name: results.of_recipe(recipe).find(variant, Quantity(shift, "brier"))
            for name, (recipe, variant) in CHOICES.items()
        }
        values = {name: float(row["value"]) for name, row in rows.items() if row}
        if len(values) == len(CHOICES) and all(map(math.isfinite, values.values())):
            yield shift, values


OVADIA = PublishedFinding(
    paper="Ovadia et al. 2019",
    place="section 4.1 and figure 1",
    says="On rotated and translated digits, nearly all methods have a better Brier score than "
    "temperature scaling; the plain network (vanilla) does not.",
    rule="Under both shifts, by the mean over severities (rotations with valid labels), the "
    "ensemble of ten and dropout have a lower Brier score than temperature scaling, and the plain "
    "network has a higher one. Their stochastic variational and last-layer methods are not among "
    "ours.",
    task="mnist",
    judge=order_under_shift,
)
