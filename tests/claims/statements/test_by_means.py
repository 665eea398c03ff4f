"""Every rule on means, on either side of each of its thresholds, and with intervals of each kind.

Numbers of several networks are exact in binary, so that their intervals end where they should.
"""

from __future__ import annotations

import math

import pytest

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import NotTestableError, Verdict, bounded, with_bounds
from benchmarks.claims.intervals import Interval
from benchmarks.claims.run_tables import NO_INTERVAL
from benchmarks.claims.statements.certainty import BINS, CONDITIONS, count
from benchmarks.claims.statements.cost import predicting_time, training_seconds
from benchmarks.claims.statements.edge_cases import (
    EDGE_AUROC,
    mean_disagreement,
)
from benchmarks.claims.statements.imitation import (
    EVALUATED,
    IMAGES,
    MEASURES,
    MEMBERS,
    correlation,
    error_auroc_less,
    shared,
)
from benchmarks.claims.statements.missing_data import IMAGES as EVALUATED_ON
from benchmarks.claims.statements.missing_data import LABELS, mean_of
from benchmarks.claims.statements.out_of_distribution import (
    aleatoric_share,
    confident_share,
    expected_entropy,
)
from benchmarks.claims.statements.similarity import auroc_less, ece_less
from benchmarks.schema import Quantity
from benchmarks.vocabulary import CLEAN, IMITATION, PAIRS, WHERE_C_DISAGREES
from tests.claims.support import NO, PARTLY, YES, judged

Numbers = dict[Quantity, list[float]]


def certainty(**correct: float) -> Numbers:
    """Three networks with 1,000 images where votes agree and 100 where they do not.

    ``correct``: of the 1,000, by condition, for the first network; the others have one more.
    """
    numbers: Numbers = {}
    for condition in CONDITIONS:
        for one in BINS:
            for what in ("images", "correct"):
                numbers[count(what, *one, condition)] = [0.0] * 3
        numbers[count("images", *BINS[2], condition)] = [100.0] * 3
        numbers[count("correct", *BINS[2], condition)] = [50.0] * 3
        numbers[count("images", *BINS[-1], condition)] = [1000.0] * 3
        first = correct.get(condition.replace("-", "_"), 995.0)
        numbers[count("correct", *BINS[-1], condition)] = [first, first + 1, first + 1]
    return numbers


def on_all(first: float) -> Numbers:
    return certainty(**{condition.replace("-", "_"): first for condition in CONDITIONS})


@pytest.mark.parametrize(
    ("numbers", "verdict", "scope"),
    [
        (on_all(992), YES, "conditions hold on clean images and at 15°, 30° and 45°."),
        (
            on_all(990),
            NO,
            "hold neither on clean nor on rotated images.",
        ),  # 99.07 %, but the interval reaches 99 %
        (certainty(rotated_045=660), PARTLY, "hold on clean images and at 15° and 30° only."),
        (certainty(clean=980), NO, "hold at 15°, 30° and 45° only."),
    ],
)
def test_certain_when_agreeing(numbers: Numbers, verdict: Verdict, scope: str) -> None:
    judgement = CLAIMS["certain-when-agreeing"].judge(numbers)
    assert judgement.verdict == verdict
    assert scope in judgement.why


def test_agreement_must_be_right_more_often_than_disagreement() -> None:
    numbers = certainty() | {count("correct", *BINS[2], CLEAN): [100.0] * 3}
    assert judged("certain-when-agreeing", numbers) == NO


def test_without_agreement_there_is_no_verdict() -> None:
    numbers = certainty()
    for what in ("images", "correct"):
        numbers[count(what, *BINS[-1], CLEAN)] = [0.0] * 3
    with pytest.raises(NotTestableError, match="agree on no image"):
        judged("certain-when-agreeing", numbers)


def edge_cases(auroc: float, lower: float) -> Numbers:
    return {
        **with_bounds(EDGE_AUROC, Interval(auroc, lower, 1.0)),
        **{mean_disagreement("misclassified"): [0.5], mean_disagreement("correct"): [0.01]},
    }


@pytest.mark.parametrize(
    ("lower", "verdict"), [(0.901, YES), (0.9, PARTLY), (0.801, PARTLY), (0.8, NO)]
)
def test_disagree_on_edge_cases(lower: float, verdict: Verdict) -> None:
    assert judged("disagree-on-edge-cases", edge_cases(0.95, lower)) == verdict


def test_auroc_without_an_interval_has_no_verdict() -> None:
    with pytest.raises(NotTestableError, match="too few misclassified"):
        judged("disagree-on-edge-cases", edge_cases(0.95, math.nan))


def imitation(
    of_all: tuple[float, ...] = (0.45, 0.45),
    of_some: tuple[float, ...] = (0.45, 0.45),
    ceiling: float = 0.5,
) -> Numbers:
    """By both measures: correlations of two networks with B, and of A with B."""
    numbers: Numbers = {MEMBERS: [50.0], EVALUATED[CLEAN]: [100.0]}
    for measure in MEASURES:
        for pair in PAIRS:
            for images, values in ((CLEAN, of_all), (WHERE_C_DISAGREES, of_some)):
                shown = list(values) if pair == IMITATION else [ceiling]
                numbers[correlation(measure, pair, images)] = shown
        numbers |= with_bounds(error_auroc_less(measure), NO_INTERVAL)
    return numbers | {shared(pair): [math.nan] for pair in PAIRS}


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (imitation(), YES),  # 0.9 of the ceiling
        (imitation(of_all=(0.4, 0.4)), PARTLY),  # 0.8 is not above 0.8
        (imitation(of_some=(0.4, 0.4)), PARTLY),
        (imitation(of_all=(0.44, 0.46)), PARTLY),  # 0.9 on average; its interval reaches below 0.8
        (imitation(of_all=(0.26, 0.26)), PARTLY),
        (imitation(of_all=(0.25, 0.25)), NO),
        (imitation(of_some=(0.1, 0.1)), NO),
        (imitation(ceiling=1.0), NO),
    ],
)
def test_dropout_mimics_ensemble(numbers: Numbers, verdict: Verdict) -> None:
    assert judged("dropout-mimics-ensemble", numbers) == verdict


def test_disagreement_alone_does_not_decide() -> None:
    low = {
        correlation("pairwise_disagreement", IMITATION, images): [0.01, 0.01] for images in IMAGES
    }
    assert judged("dropout-mimics-ensemble", imitation() | low) == YES


@pytest.mark.parametrize("ceiling", [math.nan, 0.0])
def test_without_a_ceiling_there_is_no_verdict(ceiling: float) -> None:
    with pytest.raises(NotTestableError, match="correlat"):
        judged("dropout-mimics-ensemble", imitation(ceiling=ceiling))


def cost(training: float, predicting: float, engines: tuple[str, ...]) -> Numbers:
    """Three measurements of training; medians of predicting, within 10 % of their bounds."""
    numbers: Numbers = {}
    for engine in engines:
        numbers |= {
            training_seconds(1, engine): [7.0, 6.0, 6.5],
            training_seconds(50, engine): [7.0 * training, 8.0 * training, 9.0 * training],
        }
        for method, ms in (("deep_ensemble", predicting), ("mc_dropout", 1.0)):
            for bound, factor in (("", 1.0), ("lower", 0.9), ("upper", 1.1)):
                numbers[predicting_time(method, engine, bound)] = [ms * factor]
    return numbers


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (cost(10.0, 1.3, ("numba", "torch")), YES),
        (cost(10.0, 1.3, ("torch",)), YES),
        (cost(9.9, 1.3, ("numba",)), PARTLY),
        (cost(10.0, 1.2, ("numba",)), PARTLY),  # slower, but within both intervals
        (cost(9.9, 1.2, ("numba",)), NO),
        (cost(10.0, 1.3, ("torch",)) | cost(10.0, 0.5, ("numba",)), PARTLY),
    ],
)
def test_fifty_is_expensive(numbers: Numbers, verdict: Verdict) -> None:
    assert judged("fifty-is-expensive", numbers) == verdict


def test_times_of_predicting_without_an_interval_are_not_judged() -> None:
    numbers = cost(10.0, 4.0, ("numba",))
    numbers[predicting_time("deep_ensemble", "numba", "lower")] = [math.nan]
    judgement = CLAIMS["fifty-is-expensive"].judge(numbers)
    assert judgement.verdict == YES
    assert (
        "4.00 times the time of 100 passes. This is not judged, since too few calls were timed."
        in judgement.why
    )


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ([0.25, 0.3125], [0.0, 0.0], NO),  # 14 % on average, with an interval from below 10 %
        ([0.25, 0.25], [0.0, 0.0], YES),
        ([0.2, 0.2], [0.0, 0.0], PARTLY),
        ([0.1, 0.1], [0.1, 0.1], NO),
    ],
)
def test_ood_still_classified(one: list[float], other: list[float], verdict: Verdict) -> None:
    numbers = {
        confident_share("softmax", "ood-a", "a"): one,
        confident_share("softmax", "ood-b", "b"): other,
        confident_share("mc_dropout", "ood-a", "a"): [1.0, 1.0],
        confident_share("deep_ensemble", "ood-a", "a"): [1.0],
    }
    assert judged("ood-still-classified", numbers) == verdict


KINDS = ("clean", "rotated-045", "out-of-distribution")


def split(*, entropy: float, share: float, spread: float = 0.0) -> Numbers:
    """Both methods: what they have out of distribution; elsewhere they have 0.5."""
    return {
        quantity(method, kind): [value - spread, value + spread] if kind == KINDS[-1] else [0.5] * 2
        for method in ("mc_dropout", "deep_ensemble")
        for quantity, value in ((expected_entropy, entropy), (aleatoric_share, share))
        for kind in KINDS
    }


@pytest.mark.parametrize(
    ("numbers", "verdict", "count"),
    [
        (split(entropy=0.75, share=0.625), YES, 8),
        (split(entropy=0.75, share=0.25), PARTLY, 4),
        (split(entropy=0.75, share=0.625, spread=0.125), NO, 0),
        (split(entropy=0.5, share=0.5), NO, 0),
    ],
)
def test_ood_is_aleatoric(numbers: Numbers, verdict: Verdict, count: int) -> None:
    judgement = CLAIMS["ood-is-aleatoric"].judge(numbers)
    assert judgement.verdict == verdict
    assert judgement.why.startswith(f"{count} of 8 comparisons show a rise. ")
    assert [part.holds for part in judgement.parts].count(True) == count


Rising = tuple[str, str, str, str]
"""Method, measure, condition and training set."""

TEN_THOUSAND, ALL, ALL_ROTATED = tuple(LABELS)[1:]
DROPOUT_DISAGREES = ("mc_dropout", "pairwise_disagreement")
ENSEMBLE_DISAGREES = ("deep_ensemble", "pairwise_disagreement")


def lack(*rising: Rising, value: tuple[float, float] = (0.75, 0.75)) -> Numbers:
    """Falls everywhere but from one training set to the next of these, on its images."""
    values = dict(zip(LABELS, (0.5, 0.375, 0.25, 0.125), strict=True))
    numbers: Numbers = {
        mean_of(method, measure, condition, training_set): [values[training_set]] * 2
        for method in ("mc_dropout", "deep_ensemble")
        for measure in MEASURES
        for condition in EVALUATED_ON
        for training_set in LABELS
    }
    return numbers | {mean_of(*one): list(value) for one in rising}


MANY = tuple(
    (method, measure, "clean", ALL)
    for method in ("mc_dropout", "deep_ensemble")
    for measure in MEASURES
)


@pytest.mark.parametrize(
    ("numbers", "verdict", "falls"),
    [
        (lack(), YES, 12),
        (lack((*ENSEMBLE_DISAGREES, "clean", ALL)), PARTLY, 11),
        # No rise either, but a fall that may be none.
        (lack((*DROPOUT_DISAGREES, "clean", ALL), value=(0.0, 0.625)), PARTLY, 11),
        # On rotated images more upright training images should at least not raise it.
        (lack((*DROPOUT_DISAGREES, "rotated-045", ALL)), PARTLY, 12),
        (lack((*DROPOUT_DISAGREES, "clean", ALL_ROTATED)), YES, 12),
        (
            lack(*MANY, *((m, s, "rotated-045", ALL_ROTATED) for m, s, *_ in MANY)),
            NO,
            4,
        ),
    ],
)
def test_epistemic_is_missing_data(numbers: Numbers, verdict: Verdict, falls: int) -> None:
    judgement = CLAIMS["epistemic-is-missing-data"].judge(numbers)
    assert judgement.verdict == verdict
    assert f"falls in {falls} of the 12 comparisons" in judgement.why


def similarity(ece: float = 0.1, auroc: float = -0.001) -> Numbers:
    """``ece``: the lower bound of each difference; ``auroc``: the upper one."""
    numbers: Numbers = {}
    for method in ("mc_dropout", "deep_ensemble"):
        bounds = [ece + 0.01, ece, ece + 0.02]
        numbers |= with_bounds(ece_less(method), Interval(*bounds))
        bounds = [auroc - 0.01, auroc - 0.02, auroc]
        numbers |= with_bounds(auroc_less(method), Interval(*bounds))
    return numbers


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        (similarity(), YES),
        (similarity(ece=0.0), PARTLY),
        (similarity(auroc=0.0), PARTLY),
        (similarity(ece=0.0, auroc=0.001), NO),
    ],
)
def test_softmax_is_not_certainty(numbers: Numbers, verdict: Verdict) -> None:
    assert judged("softmax-is-not-certainty", numbers) == verdict


@pytest.mark.parametrize(
    ("bounds", "reason"), [(auroc_less, "too few images"), (ece_less, "does not compare the ECE")]
)
def test_difference_without_an_interval_has_no_verdict(bounds, reason: str) -> None:  # type: ignore[no-untyped-def]
    _, lower, upper = bounded(bounds("deep_ensemble"))
    numbers = similarity() | {lower: [math.nan], upper: [math.nan]}
    with pytest.raises(NotTestableError, match=reason):
        judged("softmax-is-not-certainty", numbers)
