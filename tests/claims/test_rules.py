"""Every rule, on either side of each of its thresholds, and what every claim has.

Numbers of several networks are exact in binary, so that their intervals end where they should.
"""

from __future__ import annotations

import math
from itertools import product
from types import ModuleType

import pandas as pd
import pytest

from benchmarks import claims
from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import (
    FEWEST_COUNTED,
    HALF,
    Claim,
    ClaimVerdict,
    Judgement,
    NotTestableError,
    RulePart,
    asked,
    by_networks,
    by_parts,
)
from benchmarks.claims.edge_cases import ACROSS, EXCESS, MORE_ON_WRONG, RIGHT, WRONG
from benchmarks.claims.imitation import MEASURES
from benchmarks.claims.missing_data import IMAGES as EVALUATED_ON
from benchmarks.claims.missing_data import LABELS
from benchmarks.claims.numbers import (
    ValueRange,
    over_networks,
    rows,
    share_of_networks,
)
from benchmarks.claims.out_of_distribution import auroc_minus
from benchmarks.claims.votes import CONDITIONS, LOWER_EDGES
from benchmarks.report.editorial import (
    CEILING,
    IMITATION,
    OTHER_NETWORK,
    WEIGHTS,
    WHERE_C_DISAGREES,
)
from benchmarks.vocabulary import CLEAN

YES, PARTLY, NO = ClaimVerdict.REPRODUCED, ClaimVerdict.PARTLY, ClaimVerdict.NOT_REPRODUCED
METHODS = ("mc_dropout", "deep_ensemble")
NETWORKS = 50


def judged(id: str, table: pd.DataFrame) -> ClaimVerdict:
    return CLAIMS[id].judge(table).verdict


def test_every_claim_is_there_once_by_its_weight_with_all_that_a_reader_needs() -> None:
    modules = [module for module in vars(claims).values() if isinstance(module, ModuleType)]
    defined = [noun for module in modules for noun in vars(module).values() if type(noun) is Claim]
    assert sorted(CLAIMS) == sorted(claim.id for claim in defined)
    weights = [claim.weight for claim in CLAIMS.values()]
    assert weights == sorted(weights, key=list(WEIGHTS).index)
    for claim in CLAIMS.values():
        assert all((claim.place, claim.rule, claim.statement, claim.against)), claim.id


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [((True, True), YES), ((True, False), PARTLY), ((False, False), NO)],
)
def test_parts(parts: tuple[bool, bool], verdict: ClaimVerdict) -> None:
    judged = [RulePart("a", "1", parts[0]), RulePart("b", "2", parts[1]), RulePart("c", "3")]
    assert by_parts(judged, "a reason") == Judgement(verdict, "a reason", tuple(judged))


@pytest.mark.parametrize(
    ("holding", "verdict"),
    # The 95 % interval of 33 of 50 begins above a half, that of 10 of 50 above a tenth.
    [(50, YES), (33, YES), (32, PARTLY), (10, PARTLY), (9, NO), (0, NO)],
)
def test_rule_counts_networks(holding: int, verdict: ClaimVerdict) -> None:
    holds = [True] * holding + [False] * (NETWORKS - holding)
    assert by_networks({"It rises": holds}).verdict == verdict


def test_parts_must_hold_for_the_same_networks() -> None:
    judgement = by_networks({"First": [True, False] * 10, "Second": [False, True] * 10})
    assert judgement.verdict == NO
    assert judgement.why.startswith("Both conditions hold in 0 of 20 networks: 0 % (95 % interval")


def test_fewer_networks_than_can_show_a_half_have_no_verdict() -> None:
    assert share_of_networks([True] * FEWEST_COUNTED).above(HALF)
    assert not share_of_networks([True] * (FEWEST_COUNTED - 1)).above(HALF)
    assert by_networks({"It rises": [True] * FEWEST_COUNTED}).verdict == YES
    with pytest.raises(NotTestableError, match="takes at least 6; there are 5"):
        by_networks({"It rises": [True] * (FEWEST_COUNTED - 1)})


def test_a_single_value_has_no_interval_to_judge_by() -> None:
    assert asked("a rise", over_networks([0.1, 0.2]), True).holds
    with pytest.raises(NotTestableError, match="no interval to judge by: a rise"):
        asked("a rise", over_networks([0.5]), False)


def rise(last: float = 0.97, correlation: float = 0.9, split: str = "validation") -> pd.DataFrame:
    """Of one network, whose accuracies begin at 93 %; on the other split they are as ever."""
    others = {"training": (0.97, 0.9), "validation": (0.97, 0.9)}
    numbers = others | {split: (last, correlation)}
    return pd.concat(
        rows(metric, [value], condition=split, case=case)
        for split, (end, along) in numbers.items()
        for metric, case, value in (
            ("accuracy", "first epoch", 0.93),
            ("accuracy", "last epoch", end),
            ("rank_correlation", "with the epoch", along),
        )
    )


def final(accuracy: float, split: str, metric: str = "accuracy") -> pd.DataFrame:
    return rows(metric, [accuracy], condition=split, case="last epoch")


def votes(image: int, **classes: float) -> pd.DataFrame:
    keys = {"method": "mc_dropout", "condition": f"image {image}"}
    return pd.concat(
        rows("votes", [classes.get(f"c{c}", 0.0)], case=str(c), **keys) for c in range(10)
    )


def switch(same: float = 1.0, first: float = 1.0, second: float = 2.0) -> pd.DataFrame:
    by_image = {"image 61": first, "image 591": second}
    tables = [rows("repeats", [same], method="softmax")]
    for image, count in by_image.items():
        table = rows("classes_with_votes", [count], method="mc_dropout", condition=image)
        tables.append(table)
    return pd.concat(tables)


PER_NETWORK: list[tuple[str, pd.DataFrame, pd.DataFrame]] = [
    *(
        ("accuracy-rises", rise(), fails)
        for fails in (
            rise(last=0.93, split="training"),
            rise(last=0.92),
            rise(correlation=0.899, split="training"),
            rise(correlation=math.nan),
        )
    ),
    *(
        (id, final(inside, *split), final(outside, *split))
        for id, *split in (
            ("final-training-accuracy-dropout-off", "all training"),
            ("final-training-accuracy-dropout-off", "training"),
            ("final-training-accuracy-dropout-on", "all training", "accuracy_dropout_on"),
        )
        for inside, outside in ((0.970, 0.96999), (0.980, 0.98001))
    ),
    *(
        ("final-validation-accuracy", final(inside, "validation"), final(outside, "validation"))
        for inside, outside in ((0.968, 0.96799), (0.978, 0.97801))
    ),
    ("image-61", votes(61, c8=91, c2=9), votes(61, c8=90, c2=10)),
    ("image-61", votes(61, c8=91, c2=5, c3=4), votes(61, c8=91, c2=4, c3=5)),
    ("image-61", votes(61, c8=96, c2=4), votes(61, c8=96, c2=2, c3=2)),
    ("image-61", votes(61, c8=96, c2=3, c1=1), votes(61, c8=96, c1=2, c2=2)),
    ("image-61", votes(61, c8=99, c2=1), votes(61, c8=100)),
    ("image-591-many-for-3", votes(591, c3=41, c8=59), votes(591, c3=40, c8=60)),
    ("image-591-few-for-7-or-9", votes(591, c7=2, c8=98), votes(591, c7=1, c8=99)),
    ("image-591-few-for-7-or-9", votes(591, c7=3, c9=3, c8=94), votes(591, c7=3, c9=4, c8=93)),
    ("eval-switch", switch(), switch(same=0.0)),
    ("eval-switch", switch(first=2.0, second=1.0), switch(second=1.0)),
]


@pytest.mark.parametrize(("id", "holds", "fails"), PER_NETWORK)
def test_rule_of_a_network(id: str, holds: pd.DataFrame, fails: pd.DataFrame) -> None:
    for table, verdict in ((holds, YES), (fails, NO)):
        assert judged(id, pd.concat([table] * NETWORKS)) == verdict


def certainty(
    confidence: float = 0.9375, right: float = 995.0, elsewhere: float = 50.0, agreeing: int = 1000
) -> pd.DataFrame:
    """Three networks with images where votes agree and 100 where they do not.

    Args:
        confidence: where votes agree.
        right: how many of these the first network has right; the others have one more.
        elsewhere: how many of the 100 are correct.
        agreeing: how many clean images there are where votes agree; of others always 1,000.
    """
    tables = []
    for condition, edge in product(CONDITIONS, LOWER_EDGES):
        images, correct = 0.0, [0.0] * 3
        if edge == LOWER_EDGES[2]:
            images, correct = 100.0, [elsewhere] * 3
        elif edge == LOWER_EDGES[-1]:
            images = float(agreeing if condition == CLEAN else 1000)
            correct = [right, right + 1, right + 1]
        keys = {"condition": condition, "case": str(edge)}
        tables.append(rows("images", [images] * 3, **keys))
        tables.append(rows("correct", correct, **keys))
        tables.append(rows("summed_confidence", [confidence * images] * 3, **keys))
    return pd.concat(tables)


def edge_cases(lower: float) -> pd.DataFrame:
    disagreement = "pairwise_disagreement"
    return pd.concat(
        [
            rows("auroc", ValueRange(0.75, 0.7, 0.8), score=disagreement, case=WRONG),
            rows(disagreement, 0.5, case=WRONG),
            rows(disagreement, 0.01, case=RIGHT),
            rows(disagreement, ValueRange(0.49, lower, 0.98 - lower), case=MORE_ON_WRONG),
        ]
    )


def imitation(
    on_all: float | tuple[float, ...] = 0.5,
    on_disputed: float = 0.5,
    of_pairs: tuple[float, ...] = (0.25, 0.25, 0.25),
    ceiling: float = 1.0,
    by_disagreement: float = 0.0,
) -> pd.DataFrame:
    """Correlations of three networks with B, of each two of them, and of A with B.

    The correlation with B, of .5, is .5 / √(.25 · 1) = 1 without noise.
    """
    reached = on_all if isinstance(on_all, tuple) else (on_all,) * 3
    tables = [rows("ensemble_members", 50.0)]
    for images, own in ((CLEAN, reached), (WHERE_C_DISAGREES, (on_disputed,) * 3)):
        for pair, shown in ((IMITATION, own), (OTHER_NETWORK, of_pairs), (CEILING, [ceiling])):
            for measure in MEASURES:
                decides = measure == "mutual_information"
                keys = {"condition": images, "score": measure, "case": pair}
                numbers = shown if decides else [by_disagreement] * len(shown)
                tables.append(rows("rank_correlation", numbers, **keys))
    for measure, (method, aurocs) in product(
        MEASURES, (("mc_dropout", [0.9, 0.92, 0.94]), ("deep_ensemble", [0.97]))
    ):
        tables.append(rows("misclassification_auroc", aurocs, method=method, score=measure))
    return pd.concat(tables)


def cost(training: float = 10.0, **engines: float) -> pd.DataFrame:
    """Times of training 50 networks; medians of predicting, within 10 % of their bounds.

    Args:
        training: how many times as long as the slowest network all of them train.
        engines: by name, how many times as long as the passes the ensemble predicts.
    """
    alike = (training - 1) / (NETWORKS - 1)
    tables = [rows("training_seconds", [1.0] + [alike] * (NETWORKS - 1))]
    for engine, predicting in engines.items():
        for method, ms in (("deep_ensemble", predicting), ("mc_dropout", 1.0)):
            times = ValueRange(ms, 0.9 * ms, 1.1 * ms)
            tables.append(rows("p50_ms", times, method=method, case=engine))
    return pd.concat(tables)


def confident(first: list[float], second: list[float]) -> pd.DataFrame:
    """Shares of two sets, for softmax; MC-dropout, which does not decide, is always confident."""
    shares = {"softmax": (first, second), "mc_dropout": ([1.0, 1.0], [1.0, 1.0])}
    return pd.concat(
        rows("confidence_above_0.9", share, method=method, condition=f"ood-{name}", case=name)
        for method, both in shares.items()
        for name, share in zip("ab", both, strict=True)
    )


def split(*, entropy: float, share: float, spread: float = 0.0) -> pd.DataFrame:
    """Both methods: what they have out of distribution; elsewhere they have 0.5."""
    measures = {"expected_entropy": entropy, "aleatoric_share": share}
    return pd.concat(
        rows(
            measure,
            [value - spread, value + spread] if kind == "out-of-distribution" else [0.5, 0.5],
            method=method,
            condition=kind,
        )
        for method in METHODS
        for measure, value in measures.items()
        for kind in ("clean", "rotated-045", "out-of-distribution")
    )


Rising = tuple[str, str, str, str]
"""Method, measure, condition and training set."""

ALL, ALL_ROTATED = tuple(LABELS.values())[2:]
DROPOUT_DISAGREES = ("mc_dropout", "pairwise_disagreement")
ENSEMBLE_DISAGREES = ("deep_ensemble", "pairwise_disagreement")
MANY = tuple(product(METHODS, MEASURES, ["clean"], [ALL]))
MANY_ROTATED = tuple(product(METHODS, MEASURES, ["rotated-045"], [ALL_ROTATED]))


def lack(*rising: Rising, value: tuple[float, float] = (0.75, 0.75)) -> pd.DataFrame:
    """Falls everywhere but from one training set to the next of these, on its images."""
    usual = dict(zip(LABELS.values(), (0.5, 0.375, 0.25, 0.125), strict=True))
    return pd.concat(
        rows(
            measure,
            value if (method, measure, condition, name) in rising else [usual[name]] * 2,
            method=method,
            condition=condition,
            case=name,
        )
        for method, measure, condition, name in product(METHODS, MEASURES, EVALUATED_ON, usual)
    )


def similarity(
    ece: tuple[float, float] = (0.25, 0.25), auroc: float = -0.001, networks: int = 2
) -> pd.DataFrame:
    """``ece``: of two networks, softmax minus any other; ``auroc``: the upper bound."""
    softmax = [0.25 + gap for gap in ece]
    eces = {"softmax": softmax, "mc_dropout": [0.25] * 2, "deep_ensemble": [0.25]}
    tables = [
        rows("ece", numbers[:networks], method=method, condition="rotated-045")
        for method, numbers in eces.items()
    ]
    gap = ValueRange(auroc - 0.01, auroc - 0.02, auroc)
    return pd.concat([*tables, *(rows("auroc", gap, **auroc_minus(name)) for name in METHODS)])


def architectures(*, across: float, lower: float) -> pd.DataFrame:
    excess = ValueRange(lower + 0.01, lower, lower + 0.02)
    return pd.concat(
        [
            rows("disagreement", ValueRange(across, across - 0.02, across + 0.02), case=ACROSS),
            rows("disagreement", excess, case=EXCESS),
            *(rows("accuracy", [0.98, 0.98], method="softmax", case=n) for n in ("plain", "relu")),
        ]
    )


RULES: dict[str, list[tuple[pd.DataFrame, ClaimVerdict]]] = {
    "certain-when-agreeing": [
        (certainty(), YES),
        (certainty(confidence=0.9), PARTLY),
        # Votes that agree must be right more often than others.
        (certainty(elsewhere=100), PARTLY),
        (certainty(confidence=0.9, elsewhere=100), NO),
        # To be right is another thing than to be certain.
        (certainty(right=900), YES),
    ],
    "disagree-on-edge-cases": [(edge_cases(0.001), YES), (edge_cases(0.0), NO)],
    "dropout-mimics-ensemble": [
        (imitation(), YES),
        (imitation(on_all=0.4), PARTLY),  # 0.8 is not above 0.8
        (imitation(on_all=0.41), YES),
        (imitation(on_disputed=0.4), PARTLY),
        # 1 on average; its interval reaches below 0.8
        (imitation(on_all=(0.4375, 0.5, 0.5625)), PARTLY),
        (imitation(on_all=0.26), PARTLY),
        (imitation(on_all=0.25), NO),
        (imitation(on_disputed=0.1), NO),
        # The same correlation is less of an agreement where there is less noise.
        (imitation(of_pairs=(1.0, 1.0, 1.0)), NO),
        (imitation(of_pairs=(1.0, 1.0, 1.0), ceiling=0.5), PARTLY),
        # Disagreement does not decide.
        (imitation(by_disagreement=-1.0), YES),
    ],
    "fifty-is-expensive": [
        (cost(10.1, numba=1.3, torch=1.3), YES),
        (cost(10.1, torch=1.3), YES),
        (cost(9.9, numba=1.3), PARTLY),
        (cost(10.1, numba=1.2), PARTLY),  # slower, but within both intervals
        (cost(9.9, numba=1.2), NO),
        (cost(10.1, torch=1.3, numba=0.5), PARTLY),
        (cost(math.nan, torch=1.3), YES),  # times of training that nobody knows
    ],
    "ood-still-classified": [
        (confident([0.25, 0.3125], [0.0, 0.0]), NO),  # 14 %, with an interval from below 10 %
        (confident([0.25, 0.25], [0.0, 0.0]), YES),
        (confident([0.2, 0.2], [0.0, 0.0]), PARTLY),
        (confident([0.1, 0.1], [0.1, 0.1]), NO),
    ],
    "ood-is-aleatoric": [
        (split(entropy=0.75, share=0.625), YES),
        (split(entropy=0.75, share=0.25), PARTLY),
        (split(entropy=0.75, share=0.625, spread=0.125), NO),
        (split(entropy=0.5, share=0.5), NO),
    ],
    "epistemic-is-missing-data": [
        (lack(), YES),
        (lack((*ENSEMBLE_DISAGREES, "clean", ALL)), PARTLY),
        # No rise either, but a fall that may be none.
        (lack((*DROPOUT_DISAGREES, "clean", ALL), value=(0.0, 0.625)), PARTLY),
        # On rotated images more upright training images should at least not raise it.
        (lack((*DROPOUT_DISAGREES, "rotated-045", ALL)), PARTLY),
        (lack((*DROPOUT_DISAGREES, "clean", ALL_ROTATED)), YES),
        (lack(*MANY, *MANY_ROTATED), NO),
    ],
    "softmax-is-not-certainty": [
        (similarity(), YES),
        (similarity(ece=(0.0, 0.5)), PARTLY),
        (similarity(auroc=0.0), PARTLY),
        (similarity(ece=(0.0, 0.0), auroc=0.001), NO),
    ],
    "architectures-differ": [
        (architectures(across=0.5, lower=0.001), YES),
        (architectures(across=0.5, lower=-0.001), PARTLY),
        (architectures(across=0.11, lower=-0.05), NO),
    ],
}


@pytest.mark.parametrize(
    ("id", "table", "verdict"), [(id, *case) for id, cases in RULES.items() for case in cases]
)
def test_rule(id: str, table: pd.DataFrame, verdict: ClaimVerdict) -> None:
    assert judged(id, table) == verdict


def without_bounds(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    bounds = {
        name: table[name].where(table["metric"] != metric, math.nan) for name in ("lower", "upper")
    }
    return table.assign(**bounds)


@pytest.mark.parametrize(
    ("id", "table", "reason"),
    [
        ("certain-when-agreeing", certainty(agreeing=0), "agree on no clean image"),
        ("dropout-mimics-ensemble", imitation(ceiling=0.0), "nothing to correct by"),
        ("dropout-mimics-ensemble", imitation(of_pairs=(-1, -1, -1), ceiling=-1), "nothing to"),
        # Without the first network, the others do not agree.
        ("dropout-mimics-ensemble", imitation(of_pairs=(0.5, 0.5, -0.25)), "nothing to correct"),
        ("dropout-mimics-ensemble", imitation(on_all=(0.5, 0.5)), "at least 3 networks"),
        ("softmax-is-not-certainty", without_bounds(similarity(), "auroc"), "judge by: AUROC"),
        ("softmax-is-not-certainty", similarity(networks=1), "judge by: ECE"),
        ("architectures-differ", architectures(across=0.5, lower=math.nan), "no interval"),
    ],
)
def test_what_cannot_be_judged_has_no_verdict(id: str, table: pd.DataFrame, reason: str) -> None:
    with pytest.raises(NotTestableError, match=reason):
        judged(id, table)


def test_times_of_predicting_without_an_interval_are_not_judged() -> None:
    judgement = CLAIMS["fifty-is-expensive"].judge(without_bounds(cost(10.1, numba=4.0), "p50_ms"))
    assert judgement.verdict == YES
    assert [part.holds for part in judgement.parts] == [True, None]
