"""The remarks below tables of quality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mode

from benchmarks.report.results import Results
from benchmarks.report.tables.pivot import Pivot
from benchmarks.report.texts import listed
from benchmarks.vocabulary import NETWORKS_KNOWN_FROM

INTERVAL = "± is half the width of the 95 % interval; what it covers: docs/statistics.md."

BINNED = "ECE and MCE are biased upwards, so they are neither bold nor tested."

ONE_ENSEMBLE = "The interval of a single ensemble does not cover how networks differ."


def remarks(results: Results, pivot: Pivot) -> Iterator[str]:
    """What the reader must know of a table of means over replicates."""
    names, quantities = results.names, list(pivot.quantities(results))
    variants = results.evaluated_on([quantity.condition for quantity in quantities])
    counts = {names.label(variant): results.replicates(variant) for variant in variants}
    yield f"Means over replicates ({_replicates(counts)}). {INTERVAL}"
    metrics = list(dict.fromkeys(names.metric(quantity.metric) for quantity in quantities))
    if "Score" not in pivot.rows:
        ranked = [metric for metric in metrics if "score" in metric.needs]
        detects = any("reference" in metric.needs for metric in ranked)
        against = "; detection is against clean images" if detects else ""
        if ranked:
            labels = ", ".join(metric.label for metric in ranked)
            yield f"{labels}: images ranked by {results.primary_score_label(variants)}{against}."
    if any(metric.biased for metric in metrics):
        yield BINNED
    methods = {variant.method: names.method(variant.method) for variant in variants}
    of_pool = [method for method in methods.values() if method.pooled]
    known = results.summary["reason"].str.contains(NETWORKS_KNOWN_FROM, regex=False).any()
    if not known and len(of_pool) > 1 and any(method.counts_networks for method in of_pool):
        yield ONE_ENSEMBLE
    trained_on = names.training_images(results.recipes)
    if trained_on:
        fitted = {method.label: method.images for method in methods.values() if method.images}
        yield training_images_remark(trained_on | fitted)


def remarks_with_left_out(results: Results, pivot: Pivot) -> Iterator[str]:
    """The same, and which conditions have no data."""
    yield from remarks(results, pivot)
    yield left_out_remark(results.left_out)


def remarks_of_subsets(results: Results, pivot: Pivot) -> Iterator[str]:
    """Also which methods can afford no more images."""
    names = results.names
    variants = results.evaluated_on([quantity.condition for quantity in pivot.quantities(results)])
    slow = [names.label(variant) for variant in variants if names.method(variant.method).slow]
    if slow:
        yield f"Too slow for more images: {listed(slow)}."
    yield from remarks_with_left_out(results, pivot)


def _replicates(counts: Mapping[str, int]) -> str:
    """The number that most methods have, and the others'.

    >>> _replicates({"Softmax": 5, "MC-dropout": 5, "Deep ensemble": 2, "Laplace": 0})
    '5; Deep ensemble: 2'
    """
    known = {label: count for label, count in counts.items() if count}
    usual = mode(known.values()) if known else 0
    others = (f"{label}: {count}" for label, count in known.items() if count != usual)
    return "; ".join((str(usual), *others))


def left_out_remark(labels: Sequence[str]) -> str:
    """The sentence about conditions without data; empty if there are none.

    >>> left_out_remark(["KMNIST", "EMNIST letters"])
    'Left out, because their data are not available: KMNIST, EMNIST letters.'
    """
    return f"Left out, because their data are not available: {', '.join(labels)}." if labels else ""


def training_images_remark(images: Mapping[str, int]) -> str:
    """The sentence about what trains on different images; empty if nothing does.

    Args:
        images: by recipe, or by method that trains itself.

    >>> training_images_remark({"article": 60_000, "article-logits": 60_000, "standard": 55_000})
    'Training images: 60,000 (article, article-logits); 55,000 (standard). Those with fewer hold \
out the others for calibration. Those with different numbers are not compared.'
    """
    trained: dict[int, list[str]] = {}
    for name, number in images.items():
        trained.setdefault(number, []).append(name)
    if len(trained) < 2:
        return ""
    counts = "; ".join(f"{number:,} ({', '.join(names)})" for number, names in trained.items())
    return (
        f"Training images: {counts}. Those with fewer hold out the others for calibration. Those "
        "with different numbers are not compared."
    )
