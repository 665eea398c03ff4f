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
    CENTRAL,
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


def test_every_claim_is_there_once_with_all_that_a_reader_needs() -> None:
    modules = [module for module in vars(claims).values() if isinstance(module, ModuleType)]
    defined = [noun for module in modules for noun in vars(module).values() if type(noun) is Claim]
    assert sorted(CLAIMS) == sorted(claim.id for claim in defined)
    for claim in CLAIMS.values():
        assert claim.place, claim.id
        assert claim.rule, claim.id
        assert claim.statement.endswith("."), claim.id
        assert claim.against.endswith("."), claim.id


def test_claims_are_in_the_order_of_their_weights() -> None:
    weights = [claim.weight for claim in CLAIMS.values()]
    assert weights == sorted(weights, key=list(WEIGHTS).index)
    assert [claim.id for claim in CLAIMS.values() if claim.weight == CENTRAL] == [
        "dropout-mimics-ensemble",
        "image-61",
        "image-591-many-for-3",
        "certain-when-agreeing",
        "disagree-on-edge-cases",
    ]


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [((True, True), YES), ((True, False), PARTLY), ((False, False), NO)],
)
def test_parts(parts: tuple[bool, bool], verdict: ClaimVerdict) -> None:
    judged = [RulePart("a", "1", parts[0]), RulePart("b", "2", parts[1]), RulePart("c", "3")]
    assert by_parts(judged, "a reason") == Judgement(verdict, "a reason", tuple(judged))


def test_parts_must_hold_for_the_same_networks() -> None:
    judgement = by_networks({"First": [True, False] * 10, "Second": [False, True] * 10})
    assert judgement.verdict == NO
    assert judgement.why == (
        "Both conditions hold in 0 of 20 networks: 0 % (95 % interval: 0 to 17 %). First in 10 "
        "networks. Second in 10 networks."
    )


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


def fifty_networks(holding: int, holds: pd.DataFrame, fails: pd.DataFrame) -> pd.DataFrame:
    """The rows of 50 networks, of which so many are like the first."""
    return pd.concat([holds] * holding + [fails] * (NETWORKS - holding))


def rise(
    training: float = 0.97,
    validation: float = 0.97,
    correlations: tuple[float, float] = (0.9, 0.9),
) -> pd.DataFrame:
    """Of one network, whose accuracies begin at 93 %."""
    splits = ("training", "validation")
    return pd.concat(
        rows(metric, [value], condition=split, case=case)
        for split, last, correlation in zip(
            splits, (training, validation), correlations, strict=True
        )
        for metric, case, value in (
            ("accuracy", "first epoch", 0.93),
            ("accuracy", "last epoch", last),
            ("rank_correlation", "with the epoch", correlation),
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
    return pd.concat(
        [
            rows("repeats", [same], method="softmax"),
            *(
                rows("classes_with_votes", [count], method="mc_dropout", condition=image)
                for image, count in (("image 61", first), ("image 591", second))
            ),
        ]
    )


PER_NETWORK: list[tuple[str, pd.DataFrame, pd.DataFrame]] = [
    *(
        ("accuracy-rises", rise(), fails)
        for fails in (
            rise(training=0.93),
            rise(validation=0.92),
            rise(correlations=(0.899, 0.9)),
            rise(correlations=(0.9, 0.899)),
            rise(correlations=(0.9, math.nan)),
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
@pytest.mark.parametrize(
    ("holding", "verdict"),
    # The 95 % interval of 33 of 50 begins above a half, that of 10 of 50 above a tenth.
    [(50, YES), (33, YES), (32, PARTLY), (10, PARTLY), (9, NO), (0, NO)],
)
def test_rule_counts_networks(
    id: str, holds: pd.DataFrame, fails: pd.DataFrame, holding: int, verdict: ClaimVerdict
) -> None:
    assert judged(id, fifty_networks(holding, holds, fails)) == verdict


@pytest.mark.parametrize(
    ("table", "runners_up"),
    [(votes(61, c2=60, c8=40), 0), (votes(61, c2=50, c8=50), 0), (votes(61, c3=60, c2=40), 50)],
)
def test_winner_is_no_runner_up(table: pd.DataFrame, runners_up: int) -> None:
    why = CLAIMS["image-61"].judge(fifty_networks(NETWORKS, table, table)).why
    assert f"2 is the only runner-up in {runners_up} networks." in why


def certainty(
    confidence: float = 0.9375,
    right: float = 995.0,
    elsewhere: float = 50.0,
    agreeing: float = 1000.0,
    rotated: float = 995.0,
) -> pd.DataFrame:
    """Three networks with 1,000 images where votes agree and 100 where they do not.

    Args:
        confidence: where votes agree.
        right, rotated: how many of the 1,000 clean and rotated images the first network has right;
            the others have one more.
        elsewhere: how many of the 100 are correct.
        agreeing: how many clean images there are where votes agree.
    """
    tables = []
    for condition, edge in product(CONDITIONS, LOWER_EDGES):
        images, first = 0.0, 0.0
        if edge == LOWER_EDGES[2]:
            images, first = 100.0, elsewhere
        elif edge == LOWER_EDGES[-1]:
            images = agreeing if condition == CLEAN else 1000.0
            first = right if condition == CLEAN else rotated
        more = float(edge == LOWER_EDGES[-1])
        for metric, sums in (
            ("images", [images] * 3),
            ("correct", [first, first + more, first + more]),
            ("summed_confidence", [confidence * images] * 3),
        ):
            tables.append(rows(metric, sums, condition=condition, case=str(edge)))
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
    on_all: tuple[float, ...] = (0.5, 0.5, 0.5),
    on_disputed: tuple[float, ...] = (0.5, 0.5, 0.5),
    of_pairs: tuple[float, ...] = (0.25, 0.25, 0.25),
    ceiling: float = 1.0,
    by_disagreement: float = 0.0,
) -> pd.DataFrame:
    """Correlations of three networks with B, of each two of them, and of A with B.

    The correlation with B, of .5, is .5 / √(.25 · 1) = 1 without noise.
    """
    tables = [rows("ensemble_members", 50.0)]
    for images, reached in ((CLEAN, on_all), (WHERE_C_DISAGREES, on_disputed)):
        for pair, shown in (
            (IMITATION, reached),
            (OTHER_NETWORK, of_pairs),
            (CEILING, [ceiling]),
        ):
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
    aurocs = ValueRange(auroc - 0.01, auroc - 0.02, auroc)
    eces = {
        "softmax": [0.25 + gap for gap in ece],
        "mc_dropout": [0.25] * 2,
        "deep_ensemble": [0.25],
    }
    return pd.concat(
        [
            *(
                rows("ece", numbers[:networks], method=method, condition="rotated-045")
                for method, numbers in eces.items()
            ),
            *(rows("auroc", aurocs, **auroc_minus(method)) for method in METHODS),
        ]
    )


def architectures(*, across: float, lower: float) -> pd.DataFrame:
    excess = ValueRange(lower + 0.01, lower, lower + 0.02)
    return pd.concat(
        [
            rows("disagreement", ValueRange(across, across - 0.02, across + 0.02), case=ACROSS),
            rows("disagreement", excess, case=EXCESS),
            *(rows("accuracy", [0.98, 0.98], method="softmax", case=n) for n in ("plain", "relu")),
        ]
    )


Judged = tuple[str, pd.DataFrame, ClaimVerdict, str]
"""A claim, its rows, and the verdict and a part of its reason."""

JUDGED: list[Judged] = [
    *(
        ("certain-when-agreeing", table, verdict, f"{count} of 2 conditions hold on clean images.")
        for table, verdict, count in (
            (certainty(), YES, 2),
            (certainty(confidence=0.9), PARTLY, 1),
            # Votes that agree must be right more often than others.
            (certainty(elsewhere=100), PARTLY, 1),
            (certainty(confidence=0.9, elsewhere=100), NO, 0),
            # To be right is another thing than to be certain, and the claim is not about rotation.
            (certainty(right=900, rotated=600), YES, 2),
        )
    ),
    *(
        ("disagree-on-edge-cases", edge_cases(lower), verdict, "50 % of the misclassified images")
        for lower, verdict in ((0.001, YES), (0.0, NO))
    ),
    *(
        ("dropout-mimics-ensemble", table, verdict, "on 3 networks")
        for table, verdict in (
            (imitation(), YES),
            (imitation(on_all=(0.4, 0.4, 0.4)), PARTLY),  # 0.8 is not above 0.8
            (imitation(on_all=(0.41, 0.41, 0.41)), YES),
            (imitation(on_disputed=(0.4, 0.4, 0.4)), PARTLY),
            # 1 on average; its interval reaches below 0.8
            (imitation(on_all=(0.4375, 0.5, 0.5625)), PARTLY),
            (imitation(on_all=(0.26, 0.26, 0.26)), PARTLY),
            (imitation(on_all=(0.25, 0.25, 0.25)), NO),
            (imitation(on_disputed=(0.1, 0.1, 0.1)), NO),
            # The same correlation is less of an agreement where there is less noise.
            (imitation(of_pairs=(1.0, 1.0, 1.0)), NO),
            (imitation(of_pairs=(1.0, 1.0, 1.0), ceiling=0.5), PARTLY),
            # Disagreement does not decide.
            (imitation(by_disagreement=-1.0), YES),
        )
    ),
    *(
        ("fifty-is-expensive", table, verdict, "conditions that could be judged hold")
        for table, verdict in (
            (cost(10.1, numba=1.3, torch=1.3), YES),
            (cost(10.1, torch=1.3), YES),
            (cost(9.9, numba=1.3), PARTLY),
            (cost(10.1, numba=1.2), PARTLY),  # slower, but within both intervals
            (cost(9.9, numba=1.2), NO),
            (cost(10.1, torch=1.3, numba=0.5), PARTLY),
            (cost(math.nan, torch=1.3), YES),  # times of training that nobody knows
        )
    ),
    *(
        ("ood-still-classified", confident(first, second), verdict, f"for {mean} %")
        for first, second, verdict, mean in (
            # 14 % on average, with an interval from below 10 %
            ([0.25, 0.3125], [0.0, 0.0], NO, 14),
            ([0.25, 0.25], [0.0, 0.0], YES, 12),
            ([0.2, 0.2], [0.0, 0.0], PARTLY, 10),
            ([0.1, 0.1], [0.1, 0.1], NO, 10),
        )
    ),
    *(
        ("ood-is-aleatoric", table, verdict, f"{count} of 8 comparisons show a rise.")
        for table, verdict, count in (
            (split(entropy=0.75, share=0.625), YES, 8),
            (split(entropy=0.75, share=0.25), PARTLY, 4),
            (split(entropy=0.75, share=0.625, spread=0.125), NO, 0),
            (split(entropy=0.5, share=0.5), NO, 0),
        )
    ),
    *(
        ("epistemic-is-missing-data", table, verdict, f"falls in {falls} of the 12 comparisons")
        for table, verdict, falls in (
            (lack(), YES, 12),
            (lack((*ENSEMBLE_DISAGREES, "clean", ALL)), PARTLY, 11),
            # No rise either, but a fall that may be none.
            (lack((*DROPOUT_DISAGREES, "clean", ALL), value=(0.0, 0.625)), PARTLY, 11),
            # On rotated images more upright training images should at least not raise it.
            (lack((*DROPOUT_DISAGREES, "rotated-045", ALL)), PARTLY, 12),
            (lack((*DROPOUT_DISAGREES, "clean", ALL_ROTATED)), YES, 12),
            (lack(*MANY, *MANY_ROTATED), NO, 4),
        )
    ),
    *(
        ("softmax-is-not-certainty", table, verdict, f"worse in {worse} of 4 comparisons")
        for table, verdict, worse in (
            (similarity(), YES, 4),
            (similarity(ece=(0.0, 0.5)), PARTLY, 2),
            (similarity(auroc=0.0), PARTLY, 2),
            (similarity(ece=(0.0, 0.0), auroc=0.001), NO, 0),
        )
    ),
    *(
        ("architectures-differ", architectures(across=across, lower=lower), verdict, "disagree on")
        for across, lower, verdict in ((0.5, 0.001, YES), (0.5, -0.001, PARTLY), (0.11, -0.05, NO))
    ),
]


@pytest.mark.parametrize(("id", "table", "verdict", "reason"), JUDGED)
def test_rule(id: str, table: pd.DataFrame, verdict: ClaimVerdict, reason: str) -> None:
    judgement = CLAIMS[id].judge(table)
    assert judgement.verdict == verdict
    assert reason in judgement.why


def without_bounds(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    bounds = {
        name: table[name].where(table["metric"] != metric, math.nan) for name in ("lower", "upper")
    }
    return table.assign(**bounds)


@pytest.mark.parametrize(
    ("id", "table", "reason"),
    [
        ("certain-when-agreeing", certainty(agreeing=0.0), "agree on no clean image"),
        ("dropout-mimics-ensemble", imitation(ceiling=math.nan), "nothing to correct by"),
        ("dropout-mimics-ensemble", imitation(ceiling=0.0), "nothing to correct by"),
        ("dropout-mimics-ensemble", imitation(of_pairs=(0.0, 0.0, 0.0)), "nothing to correct by"),
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
