"""What stands below the tables: what their numbers are means of, and what the reader must know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import mode

from benchmarks.nouns import Contestant
from benchmarks.report.results import Results
from benchmarks.report.tables.pivot import Pivot
from benchmarks.report.texts import left_out_remark, listed
from benchmarks.vocabulary import NETWORKS_KNOWN_FROM

INTERVAL = "± is half the width of the 95 % interval; what it covers: docs/statistics.md."

BINNED = "ECE and MCE are biased upwards."

SINGLE_ENSEMBLE = "The interval of a single ensemble does not cover how networks differ."


def remarks(results: Results, pivot: Pivot) -> Iterator[str]:
    """What the reader must know of a table of means over replicates."""
    names, quantities = results.names, list(pivot.quantities(results))
    contestants = results.evaluated_on([quantity.condition for quantity in quantities])
    yield replicates_remark(results, contestants)
    metrics = list(dict.fromkeys(names.metric(quantity.metric) for quantity in quantities))
    ranked = ", ".join(metric.label for metric in metrics if "score" in metric.needs)
    if ranked and "Score" not in pivot.rows:
        detects = any("reference" in metric.needs for metric in metrics)
        against = "; detection is against clean images" if detects else ""
        yield f"{ranked}: images ranked by {results.primary_score_label(contestants)}{against}."
    if any(metric.biased for metric in metrics):
        yield BINNED
    ensembles = [each for each in contestants if names.method(each.method).counts_networks]
    known = results.summary["reason"].str.contains(NETWORKS_KNOWN_FROM, regex=False).any()
    if not known and any(results.replicates(each) == 1 for each in ensembles):
        yield SINGLE_ENSEMBLE
    methods = {each.method: names.method(each.method) for each in contestants}.values()
    usual = names.recipe.images if names.recipe else 0
    if others := [method.label for method in methods if method.images not in (0, usual)]:
        yield f"Fitted on another number of images: {listed(others)}."
    if slow := [names.label(each) for each in contestants if names.method(each.method).slow]:
        yield f"On subsets alone, too slow for more images: {listed(slow)}."
    yield left_out_remark(results.left_out)


def replicates_remark(results: Results, contestants: Iterable[Contestant]) -> str:
    """The number of replicates that values are means of, and what ± is."""
    counts: dict[str, dict[str, int]] = {}
    for each in contestants:
        _, block = results.block(each)
        counts.setdefault(block, {})[results.names.label(each)] = results.replicates(each)
    said = (_replicates(own, block) for block, own in counts.items())
    return f"Means over replicates ({'; '.join(said)}). {INTERVAL}"


def _replicates(counts: Mapping[str, int], block: str) -> str:
    """The number that most methods of a budget have, and the others'.

    >>> _replicates({"Softmax": 5, "MC-dropout": 5, "Deep ensemble": 2, "Laplace": 0}, "Budget 1")
    'Budget 1: 5, Deep ensemble: 2'
    """
    known = {label: count for label, count in counts.items() if count}
    usual = mode(known.values()) if known else 0
    others = (f"{label}: {count}" for label, count in known.items() if count != usual)
    return ", ".join((f"{block}: {usual}".removeprefix(": "), *others))
