"""Which methods are compared, and in which family of tests."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.inference.comparisons import (
    ADDED,
    MAIN,
    OTHER_SCORES,
    SEVERITIES,
    SIZES,
    SUBSETS,
    family,
    is_of_interest,
    largest_of,
    pairs_compared,
)
from benchmarks.inference.evidence import Covariance, Entrant, Evidence
from benchmarks.inference.intervals import MetricValues
from benchmarks.metrics import METRICS
from tests.runs import CONDITIONS

VARIANTS = [
    Entrant(recipe, method, size)
    for method, sizes in {"deep_ensemble": ("5", "50"), "mc_dropout": ("10", "50", "100")}.items()
    for size in sizes
    for recipe in ("plain", "standard")
]

LARGEST = largest_of(VARIANTS)

NONE = np.zeros((0, 0))


def measured(
    condition: str, score: str = "", *, with_mean: bool = True, metric: str = "accuracy"
) -> MetricValues:
    evidence = Evidence(condition, CONDITIONS.get(condition), images=1, with_mean=with_mean)
    return MetricValues(METRICS[metric], score, evidence, {}, Covariance.between_replicates(NONE))


def test_recipes_are_compared_by_methods_at_their_largest_sizes() -> None:
    across = {
        (one[1:], other[1:])
        for one, other in pairs_compared(VARIANTS)
        if one.recipe != other.recipe
    }
    largest = ("deep_ensemble", "50"), ("mc_dropout", "100")
    assert across == {(one, other) for one in largest for other in largest} - {largest[::-1]}


@pytest.mark.parametrize(
    ("condition", "score", "expected"),
    [
        ("clean", "", MAIN),
        ("rotated-mean", "", MAIN),
        ("ood-fashion_mnist", "predictive_entropy", MAIN),
        ("ood-fashion_mnist", "mutual_information", OTHER_SCORES),
        ("subset-clean", "", SUBSETS),
        ("rotated-045", "", SEVERITIES),
    ],
)
def test_families(condition: str, score: str, expected: str) -> None:
    primary = {"deep_ensemble": "predictive_entropy", "mc_dropout": "predictive_entropy"}
    pair = Entrant("plain", "deep_ensemble", "50"), Entrant("standard", "mc_dropout", "100")
    assert family(pair, LARGEST, measured(condition, score), primary) == expected
    smaller = pair[0], Entrant("plain", "deep_ensemble", "5")
    assert family(smaller, LARGEST, measured(condition, score), primary) == SIZES


def test_pairs_of_added_methods_have_a_family_of_their_own() -> None:
    one, other = Entrant("plain", "swag", "30"), Entrant("plain", "laplace_kron", "1")
    basic = Entrant("standard", "deep_ensemble", "50")
    among = LARGEST | {one, other}
    for pair, expected in (((one, other), ADDED), ((one, basic), MAIN), ((basic, other), MAIN)):
        found = family(pair, among, measured("clean"), {}, ["deep_ensemble", "mc_dropout"])
        assert found == expected
    assert family((one, other), among, measured("clean"), {}) == MAIN


def test_severity_is_in_the_main_family_where_its_group_has_no_mean() -> None:
    pair = Entrant("plain", "deep_ensemble", "50"), Entrant("standard", "mc_dropout", "100")
    assert family(pair, LARGEST, measured("rotated-045", with_mean=False), {}) == MAIN


ENTROPY, OTHER = "predictive_entropy", "mutual_information"


@pytest.mark.parametrize(
    ("metric", "score", "of", "across", "expected"),
    [
        ("accuracy", "", MAIN, True, True),
        ("accuracy", "", SIZES, False, True),
        ("lac_size_95", "", MAIN, True, True),  # no size of sets is better
        ("lac_size_95", "", SIZES, False, False),
        ("expected_entropy", "", SEVERITIES, False, False),
        ("auroc", ENTROPY, SIZES, False, True),
        ("auroc", OTHER, OTHER_SCORES, False, True),
        ("auroc", OTHER, OTHER_SCORES, True, False),
        ("auroc", OTHER, SIZES, False, False),
        ("error_at_coverage_90", ENTROPY, MAIN, True, True),
        ("error_at_coverage_90", OTHER, OTHER_SCORES, False, False),
    ],
)
def test_rows_that_nobody_reads_are_left_out(
    metric: str, score: str, of: str, across: bool, expected: bool
) -> None:
    primary = {"deep_ensemble": ENTROPY, "mc_dropout": ENTROPY}
    other = Entrant("standard" if across else "plain", "mc_dropout", "100")
    pair = Entrant("plain", "deep_ensemble", "50"), other
    compared = measured("clean", score, metric=metric)
    assert is_of_interest(pair, of, compared, primary) == expected
