"""The remarks below the tables of quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mode

from benchmarks.nouns import MethodRecord, MetricRecord, Variant
from benchmarks.report.results import Results
from benchmarks.vocabulary import NETWORKS_KNOWN_FROM

INTERVAL = "± is half the width of the 95 % interval; what it covers: docs/statistics.md."

BINNED = "ECE and MCE are biased upwards, so they are neither bold nor tested."

ONE_ENSEMBLE = "The interval of a single ensemble does not cover how networks differ."


def remarks(
    results: Results,
    variants: tuple[Variant, ...],
    *,
    by_score: Sequence[MetricRecord] = (),
    binned: bool = False,
    with_left_out: bool = False,
) -> tuple[str, ...]:
    """What the reader must know of a table of these variants.

    Args:
        by_score: the metrics that it shows by one score a method.
        binned: whether it shows a calibration error in bins.
        with_left_out: whether it lists conditions, so that those without data are named.
    """
    names = results.names
    counts = {names.label(variant): results.replicates(variant) for variant in variants}
    replicates = _replicates({label: count for label, count in counts.items() if count})
    methods = {variant.method: names.method(variant.method) for variant in variants}
    of_pool = [method for method in methods.values() if method.pooled]
    by = results.primary_score_label(variants)
    ranked = ", ".join(names.printed(metric.name).name for metric in by_score)
    detects = any("reference" in metric.needs for metric in by_score)
    against = "; detection is against clean images" if detects else ""
    known = results.summary["reason"].str.contains(NETWORKS_KNOWN_FROM, regex=False).any()
    chosen = {
        f"Means over replicates ({replicates}). {INTERVAL}": True,
        f"{ranked}: images ranked by {by}{against}.": bool(by_score),
        BINNED: binned,
        ONE_ENSEMBLE: not known
        and len(of_pool) > 1
        and any(one.counts_networks for one in of_pool),
        _fitted_on_others(results, methods.values()): True,
        left_out_remark(results.left_out): with_left_out and bool(results.left_out),
    }
    return tuple(remark for remark, is_shown in chosen.items() if is_shown and remark)


def _replicates(counts: dict[str, int]) -> str:
    """The number that most methods have, and the others'.

    >>> _replicates({"Softmax": 5, "MC-dropout": 5, "Deep ensemble": 2})
    '5; Deep ensemble: 2'
    """
    if not counts:
        return ""
    usual = mode(counts.values())
    others = (f"{label}: {count}" for label, count in counts.items() if count != usual)
    return "; ".join((str(usual), *others))


def _fitted_on_others(results: Results, methods: Iterable[MethodRecord]) -> str:
    """The sentence about methods that train themselves, on other images than the recipe's."""
    of_recipe = set(results.names.training_images(results.recipes).values())
    others = [one for one in methods if one.images and of_recipe and {one.images} != of_recipe]
    if not others:
        return ""
    fitted = ", ".join(f"{one.label}: {one.images:,}" for one in others)
    return (
        f"Training images of the recipe: {max(of_recipe):,}; {fitted}. Methods with different "
        "training images are not compared."
    )


def left_out_remark(labels: Sequence[str]) -> str:
    """The sentence about conditions without data; empty if there are none.

    >>> left_out_remark(["KMNIST", "EMNIST letters"])
    'Left out, because their data are not available: KMNIST, EMNIST letters.'
    """
    return f"Left out, because their data are not available: {', '.join(labels)}." if labels else ""


def training_images_remark(images: Mapping[str, int]) -> str:
    """The sentence about recipes that train on different images; empty if there are no such.

    >>> training_images_remark({"article": 60_000, "article-logits": 60_000, "standard": 55_000})
    'Training images: 60,000 (article, article-logits); 55,000 (standard). Recipes with fewer hold \
out the others for calibration. Recipes with different numbers of training images are not compared.'
    """
    recipes: dict[int, list[str]] = {}
    for recipe, number in images.items():
        recipes.setdefault(number, []).append(recipe)
    if len(recipes) < 2:
        return ""
    counts = "; ".join(f"{number:,} ({', '.join(names)})" for number, names in recipes.items())
    return (
        f"Training images: {counts}. Recipes with fewer hold out the others for calibration. "
        "Recipes with different numbers of training images are not compared."
    )
