"""Every rule on means over networks, on either side of each of its thresholds."""

from __future__ import annotations

import math

import pytest

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import NotTestableError, Verdict
from benchmarks.claims.statements.agreement import BINS
from benchmarks.claims.statements.missing_data import IMAGES, LABELS, MEASURES
from tests.claims.support import NO, PARTLY, YES, judged

Numbers = dict[str, list[float]]


def certainty(last: float = 995.0) -> Numbers:
    correct = [40.0, 50.0, 60.0, 70.0, 80.0]
    numbers = {f"images, share {one}": [50.0, 50.0] for one in BINS[:-1]}
    numbers |= {
        f"correct, share {one}": [count / 2] * 2
        for one, count in zip(BINS[:-1], correct, strict=True)
    }
    of_last = {"images": [1000.0, 0.0], "correct": [last, 0.0]}
    return numbers | {f"{what}, share {BINS[-1]}": values for what, values in of_last.items()}


def nothing_in(name: str) -> Numbers:
    return {f"{what}, share {name}": [0.0] for what in ("images", "correct")}


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (certainty(991.0), YES),
        (certainty(990.0), PARTLY),
        (certainty() | {f"correct, share {BINS[1]}": [20.0, 20.0]}, PARTLY),
        (certainty(990.0) | {f"correct, share {BINS[1]}": [20.0, 20.0]}, NO),
        (certainty() | nothing_in(BINS[0]), YES),
    ],
)
def test_certain_when_agreeing(numbers: Numbers, verdict: Verdict) -> None:
    assert judged("certain-when-agreeing", numbers) == verdict


@pytest.mark.parametrize("empty", [BINS[-1:], BINS[:-1]])
def test_agreement_that_is_the_same_everywhere_has_no_verdict(empty: tuple[str, ...]) -> None:
    numbers = certainty()
    for name in empty:
        numbers |= nothing_in(name)
    with pytest.raises(NotTestableError, match="every image, or on none"):
        judged("certain-when-agreeing", numbers)


@pytest.mark.parametrize(("auroc", "verdict"), [(0.9, YES), (0.8999, NO)])
def test_disagree_on_edge_cases(auroc: float, verdict: Verdict) -> None:
    numbers = {"AUROC of disagreement": [auroc], "lower bound": [0.8], "upper bound": [1.0]}
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
        "rank correlation, disagreement": disagreement,
        "rank correlation, mutual information": information,
    }
    assert judged("dropout-mimics-ensemble", numbers) == verdict


@pytest.mark.parametrize("name", ["disagreement", "mutual information"])
def test_undefined_rank_correlation_has_no_verdict(name: str) -> None:
    known = {"disagreement": [0.9], "mutual information": [0.9]} | {name: [math.nan]}
    with pytest.raises(NotTestableError, match=f"by {name}"):
        judged("dropout-mimics-ensemble", {f"rank correlation, {n}": v for n, v in known.items()})


@pytest.mark.parametrize(
    ("training", "predicting", "verdict"),
    [(10.0, 1.1, YES), (9.9, 1.1, PARTLY), (10.0, 1.0, PARTLY), (9.9, 1.0, NO)],
)
def test_fifty_is_expensive(training: float, predicting: float, verdict: Verdict) -> None:
    numbers = {
        "seconds of training, networks: 1": [7.0],
        "seconds of training, networks: 50": [7.0 * training],
        "milliseconds of predicting, ensemble": [100.0 * predicting],
        "milliseconds of predicting, 100 passes": [100.0],
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
    numbers = {"softmax, a": one, "softmax, b": other, "MC-dropout, a": [1.0], "ensemble, a": [1.0]}
    assert judged("ood-still-classified", numbers) == verdict


def split(sampled: tuple[float, ...], ensemble: tuple[float, ...]) -> Numbers:
    return {
        f"epistemic share, {name}, {kind}": [value]
        for name, values in (("MC-dropout", sampled), ("ensemble", ensemble))
        for kind, value in zip(("clean", "45°", "out of distribution"), values, strict=True)
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


def lack(**rising: str) -> Numbers:
    """Falls everywhere but, for a method, from one training set to the next on this kind."""
    values = {"1,000": 0.4, "10,000": 0.3, "all": 0.2, "all, rotated": 0.1}
    numbers: Numbers = {
        f"{method}, {measure}, {kind}, trained on {training}": [values[training]]
        for method in ("MC-dropout", "ensemble")
        for measure in MEASURES.values()
        for kind in IMAGES
        for training in LABELS.values()
    }
    for method, name in rising.items():
        numbers[f"{method.replace('MC', 'MC-dropout')}, {name}"] = [0.35]
    return numbers


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (lack(), YES),
        (lack(ensemble="disagreement, clean, trained on 10,000"), YES),
        (lack(ensemble="disagreement, clean, trained on all"), PARTLY),
        (lack(MC="mutual information, clean, trained on all"), PARTLY),
        (lack(MC="disagreement, 45°, trained on all, rotated"), PARTLY),
        (lack(MC="disagreement, clean, trained on all, rotated"), YES),
        (
            lack(
                MC="disagreement, clean, trained on all",
                ensemble="mutual information, 45°, trained on all, rotated",
            ),
            NO,
        ),
    ],
)
def test_epistemic_is_missing_data(numbers: Numbers, verdict: Verdict) -> None:
    assert judged("epistemic-is-missing-data", numbers) == verdict


def similarity(ece: float = 0.021, sampled: float = -0.001, ensemble: float = -0.001) -> Numbers:
    numbers: Numbers = {"ECE, softmax, 45°": [ece]}
    for name, upper in (("MC-dropout", sampled), ("ensemble", ensemble)):
        bounds = {"value": upper - 0.01, "lower": upper - 0.02, "upper": upper}
        numbers |= {
            f"AUROC, softmax less {name}, {part}": [value] for part, value in bounds.items()
        }
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
    numbers = similarity() | {"AUROC, softmax less ensemble, upper": [math.nan]}
    with pytest.raises(NotTestableError, match="too few images"):
        judged("softmax-is-not-certainty", numbers)


def test_bounds_are_given_where_there_are_any() -> None:
    numbers = {"AUROC of disagreement": [0.95], "lower bound": [0.9], "upper bound": [1.0]}
    judge = CLAIMS["disagree-on-edge-cases"].judge
    assert judge(numbers).why == "AUROC 0.950 (0.900 to 1.000 over images)"
    unknown = {"lower bound": [math.nan], "upper bound": [math.nan]}
    assert judge(numbers | unknown).why == "AUROC 0.950"
