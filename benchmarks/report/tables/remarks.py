"""The remarks below the tables of quality."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.nouns import MethodRecord, MetricRecord
from benchmarks.report.names import Variant, left_out_remark
from benchmarks.report.results import Results
from benchmarks.vocabulary import NETWORKS_KNOWN_FROM

INTERVAL = (
    "± is half the width of the 95 % interval, over the draw of images and, if there are several, "
    "of replicates. Near 0 and 1, and where many scores are tied, it is approximate and may exceed "
    "the measure's range."
)

BINNED = (
    "Binned errors (ECE, MCE) are biased upwards; their intervals cover the binned value, not the "
    "true error. The debiased errors are closer to it. The bias depends on a method's confidences, "
    "so ECE and MCE are never bold and their differences are not tested; those of the debiased "
    "squared error are."
)

NOT_COVERED = (
    "No interval covers what all replicates share: the training images, and a test set in long "
    "public use. With a single replicate, the interval does not cover another training run or, for "
    "MC-dropout, other masks."
)

SHARED_NETWORKS = (
    "Methods that take networks from the pool share them: an ensemble contains the networks of the "
    "others."
)

ONE_ENSEMBLE = " With a single replicate of an ensemble, no interval covers one of other networks."

OTHER_SIZES = "A method's smaller sizes are compared only with its own largest size."


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
    replicates = "; ".join(f"{label}: {count}" for label, count in counts.items() if count)
    methods = {variant.method: names.method(variant.method) for variant in variants}
    of_pool = [method for method in methods.values() if method.shares_networks]
    scores = dict.fromkeys(method.primary_score for method in methods.values())
    by = names.score(next(iter(scores))).label.lower() if len(scores) == 1 else "primary score"
    ranked = ", ".join(names.printed(metric.name).name for metric in by_score)
    compared = results.contestants
    known = results.summary["reason"].str.contains(NETWORKS_KNOWN_FROM, regex=False).any()
    chosen = {
        f"Means over replicates ({replicates}). {INTERVAL}": True,
        f"{ranked}: images ranked by {by}; detection is against clean images.": bool(by_score),
        BINNED: binned,
        NOT_COVERED: True,
        f"{SHARED_NETWORKS}{'' if known else ONE_ENSEMBLE}": len(of_pool) > 1
        and any(one.counts_networks for one in of_pool),
        OTHER_SIZES: bool(compared) and not compared >= set(variants),
        _fitted_on_others(results, methods.values()): True,
        left_out_remark(results.left_out): with_left_out and bool(results.left_out),
    }
    return tuple(remark for remark, is_shown in chosen.items() if is_shown and remark)


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
