"""Every rule on means over networks, on either side of each of its thresholds."""

from __future__ import annotations

import math

import pytest

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import NotTestableError, Verdict
from benchmarks.claims.statements.agreement import (
    BINS,
    EDGE_AUROC,
    EDGE_LOWER,
    EDGE_UPPER,
    MEASURES,
    correlation,
    count,
)
from benchmarks.claims.statements.cost import predicting_time, training_seconds
from benchmarks.claims.statements.missing_data import IMAGES, LABELS, mean_of
from benchmarks.claims.statements.out_of_distribution import (
    auroc_less,
    confident_share,
    ece_of,
    epistemic_share,
)
from benchmarks.records import Quantity
from tests.claims.support import NO, PARTLY, YES, judged

Numbers = dict[Quantity, list[float]]

Bin = tuple[float, float]


def certainty(last: float = 995.0) -> Numbers:
    correct = [40.0, 50.0, 60.0, 70.0, 80.0]
    numbers = {count("images", *one): [50.0, 50.0] for one in BINS[:-1]}
    numbers |= {
        count("correct", *one): [of_bin / 2] * 2
        for one, of_bin in zip(BINS[:-1], correct, strict=True)
    }
    of_last = {"images": [1000.0, 0.0], "correct": [last, 0.0]}
    return numbers | {count(what, *BINS[-1]): values for what, values in of_last.items()}


def nothing_in(one: Bin) -> Numbers:
    return {count(what, *one): [0.0] for what in ("images", "correct")}


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (certainty(991.0), YES),
        (certainty(990.0), PARTLY),
        (certainty() | {count("correct", *BINS[1]): [20.0, 20.0]}, PARTLY),
        (certainty(990.0) | {count("correct", *BINS[1]): [20.0, 20.0]}, NO),
        (certainty() | nothing_in(BINS[0]), YES),
    ],
)
def test_certain_when_agreeing(numbers: Numbers, verdict: Verdict) -> None:
    assert judged("certain-when-agreeing", numbers) == verdict


@pytest.mark.parametrize("empty", [BINS[-1:], BINS[:-1]])
def test_agreement_that_is_the_same_everywhere_has_no_verdict(empty: tuple[Bin, ...]) -> None:
    numbers = certainty()
    for one in empty:
        numbers |= nothing_in(one)
    with pytest.raises(NotTestableError, match="every image, or on none"):
        judged("certain-when-agreeing", numbers)


@pytest.mark.parametrize(("auroc", "verdict"), [(0.9, YES), (0.8999, NO)])
def test_disagree_on_edge_cases(auroc: float, verdict: Verdict) -> None:
    numbers = {EDGE_AUROC: [auroc], EDGE_LOWER: [0.8], EDGE_UPPER: [1.0]}
    assert judged("disagree-on-edge-cases", numbers) == verdict


@pytest.mark.parametrize(
    ("disagreement", "information", "verdict"),
    [
        ([0.7, 0.9], [0.8, 0.8], YES),
        ([0.9, 0.9], [0.8, 0.79], PARTLY),
        ([0.79, 0.8], [0.9, 0.9], PARTLY),
        ([0.5, 0.5], [0.9, 0.9], PARTLY),
        ([0.49, 0.5], [0.9, 0.9], NO),
        ([0.9, 0.9], [0.1, 0.8], NO),
    ],
)
def test_dropout_mimics_ensemble(
    disagreement: list[float], information: list[float], verdict: Verdict
) -> None:
    numbers = {
        correlation("pairwise_disagreement"): disagreement,
        correlation("mutual_information"): information,
    }
    assert judged("dropout-mimics-ensemble", numbers) == verdict


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        ("pairwise_disagreement", "disagreement"),
        ("mutual_information", "mutual information"),
    ],
)
def test_undefined_rank_correlation_has_no_verdict(measure: str, name: str) -> None:
    numbers = {correlation(one): [0.9] for one in MEASURES} | {correlation(measure): [math.nan]}
    with pytest.raises(NotTestableError, match=f"by {name}"):
        judged("dropout-mimics-ensemble", numbers)


@pytest.mark.parametrize(
    ("training", "predicting", "verdict"),
    [(10.0, 1.1, YES), (9.9, 1.1, PARTLY), (10.0, 1.0, PARTLY), (9.9, 1.0, NO)],
)
def test_fifty_is_expensive(training: float, predicting: float, verdict: Verdict) -> None:
    numbers = {
        training_seconds(1): [7.0],
        training_seconds(50): [7.0 * training],
        predicting_time("deep_ensemble"): [100.0 * predicting],
        predicting_time("mc_dropout"): [100.0],
    }
    assert judged("fifty-is-expensive", numbers) == verdict


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ([0.2, 0.3], [0.0, 0.0], YES),
        ([0.2, 0.2], [0.0, 0.0], PARTLY),
        ([0.1, 0.1], [0.1, 0.1], NO),
        ([0.0, 0.0], [0.0, 0.0], NO),
    ],
)
def test_ood_still_classified(one: list[float], other: list[float], verdict: Verdict) -> None:
    numbers = {
        confident_share("softmax", "ood-a", "a"): one,
        confident_share("softmax", "ood-b", "b"): other,
        confident_share("mc_dropout", "ood-a", "a"): [1.0],
        confident_share("deep_ensemble", "ood-a", "a"): [1.0],
    }
    assert judged("ood-still-classified", numbers) == verdict


KINDS = ("clean", "rotated-045", "out-of-distribution")


def split(sampled: tuple[float, ...], ensemble: tuple[float, ...]) -> Numbers:
    return {
        epistemic_share(method, kind): [value]
        for method, values in (("mc_dropout", sampled), ("deep_ensemble", ensemble))
        for kind, value in zip(KINDS, values, strict=True)
    }


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (split((0.5, 0.4, 0.3), (0.4, 0.5, 0.3)), YES),
        (split((0.5, 0.4, 0.4), (0.4, 0.5, 0.3)), PARTLY),
        (split((0.5, 0.1, 0.4), (0.1, 0.2, 0.3)), PARTLY),
        (split((0.4, 0.4, 0.4), (0.1, 0.2, 0.3)), NO),
    ],
)
def test_ood_is_aleatoric(numbers: Numbers, verdict: Verdict) -> None:
    assert judged("ood-is-aleatoric", numbers) == verdict


Rising = tuple[str, str, str, str]
"""Method, measure, condition and training set."""

TEN_THOUSAND, ALL, ALL_ROTATED = tuple(LABELS)[1:]
DROPOUT_DISAGREES = ("mc_dropout", "pairwise_disagreement")
ENSEMBLE_DISAGREES = ("deep_ensemble", "pairwise_disagreement")


def lack(*rising: Rising) -> Numbers:
    """Falls everywhere but from one training set to the next of these, on its images."""
    values = dict(zip(LABELS, (0.4, 0.3, 0.2, 0.1), strict=True))
    numbers: Numbers = {
        mean_of(method, measure, condition, training_set): [values[training_set]]
        for method in ("mc_dropout", "deep_ensemble")
        for measure in MEASURES
        for condition in IMAGES
        for training_set in LABELS
    }
    return numbers | {mean_of(*one): [0.35] for one in rising}


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (lack(), YES),
        (lack((*ENSEMBLE_DISAGREES, "clean", TEN_THOUSAND)), YES),
        (lack((*ENSEMBLE_DISAGREES, "clean", ALL)), PARTLY),
        (lack(("mc_dropout", "mutual_information", "clean", ALL)), PARTLY),
        (lack((*DROPOUT_DISAGREES, "rotated-045", ALL_ROTATED)), PARTLY),
        (lack((*DROPOUT_DISAGREES, "clean", ALL_ROTATED)), YES),
        (
            lack(
                (*DROPOUT_DISAGREES, "clean", ALL),
                ("deep_ensemble", "mutual_information", "rotated-045", ALL_ROTATED),
            ),
            NO,
        ),
    ],
)
def test_epistemic_is_missing_data(numbers: Numbers, verdict: Verdict) -> None:
    assert judged("epistemic-is-missing-data", numbers) == verdict


def similarity(ece: float = 0.021, sampled: float = -0.001, ensemble: float = -0.001) -> Numbers:
    numbers: Numbers = {ece_of("softmax", "rotated-045"): [ece]}
    for method, upper in (("mc_dropout", sampled), ("deep_ensemble", ensemble)):
        bounds = ([upper - 0.01], [upper - 0.02], [upper])  # the value, its lower and upper bound
        numbers |= zip(auroc_less(method), bounds, strict=True)
    return numbers


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (similarity(), YES),
        (similarity(ece=0.02), PARTLY),
        (similarity(sampled=0.0), PARTLY),
        (similarity(ensemble=0.001), PARTLY),
        (similarity(ece=0.02, ensemble=0.001), NO),
    ],
)
def test_softmax_is_not_certainty(numbers: Numbers, verdict: Verdict) -> None:
    assert judged("softmax-is-not-certainty", numbers) == verdict


def test_difference_without_an_interval_has_no_verdict() -> None:
    *_, upper = auroc_less("deep_ensemble")
    numbers = similarity() | {upper: [math.nan]}
    with pytest.raises(NotTestableError, match="too few images"):
        judged("softmax-is-not-certainty", numbers)


def test_bounds_are_given_where_there_are_any() -> None:
    numbers = {EDGE_AUROC: [0.95], EDGE_LOWER: [0.9], EDGE_UPPER: [1.0]}
    judge = CLAIMS["disagree-on-edge-cases"].judge
    assert judge(numbers).why == "AUROC 0.950 (0.900 to 1.000 over images)"
    unknown = {EDGE_LOWER: [math.nan], EDGE_UPPER: [math.nan]}
    assert judge(numbers | unknown).why == "AUROC 0.950"
