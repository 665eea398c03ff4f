"""Whether the article holds, in three sentences, whatever its claims' numbers are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

RANK_AGREEMENT = "dropout-mimics-ensemble"
"""The claim that the article stands on: dropout instead of an ensemble."""

VERDICTS = {
    "reproduced": "reproduced",
    "partly": "reproduced in part",
    "not reproduced": "not reproduced",
}

NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
)


def article_answer(claims: Mapping[str, Any]) -> str:
    """How alike dropout and the ensemble are, what each finds, and how many claims hold.

    Args:
        claims: the content of `claims.json`; empty where claims were not asked about.

    Returns:
        Three sentences; fewer where the first claim has no verdict or what is told of it is
        undefined, none where nothing was judged.
    """
    judged = claims.get("claims", [])
    verdicts = Counter(claim["verdict"] for claim in judged)
    if not any(verdicts[verdict] for verdict in VERDICTS):
        return ""
    told = [
        sentence
        for claim in judged
        if claim["id"] == RANK_AGREEMENT and claim["verdict"] in VERDICTS
        for sentence in _rank_agreement(claim, claims["setting"])
    ]
    return " ".join([*told, _tally(verdicts)])


def _rank_agreement(claim: Mapping[str, Any], setting: Mapping[str, Any]) -> list[str]:
    numbers: Mapping[str, list[float | None]] = claim["numbers"][setting["recipe"]]
    correlation, information = (
        _mean(numbers[f"rank correlation, {measure}"])
        for measure in ("disagreement", "mutual information")
    )
    sampled, ensemble = (
        _mean(numbers[f"misclassification AUROC by disagreement, {method}"])
        for method in ("MC-dropout", "ensemble")
    )
    told = [
        f"That one network with dropout on mimics many models is {VERDICTS[claim['verdict']]}: "
        f"over {setting['images']:,} test images the disagreement of {setting['passes']} passes "
        f"and that of {setting['networks']} networks have a rank correlation of "
        f"{correlation:.3f}, their mutual information one of {information:.3f} (means over the "
        f"{setting['networks']})."
    ]
    if not math.isnan(sampled + ensemble):
        told.append(
            "Disagreement tells each method's own misclassified images with an AUROC of "
            f"{sampled:.3f} by MC-dropout, on average, and of {ensemble:.3f} by the ensemble."
        )
    return told


def _mean(values: Sequence[float | None]) -> float:
    """Of those that are defined."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else math.nan


def _tally(verdicts: Mapping[str, int]) -> str:
    said = [
        f"{_number(verdicts[verdict])} {'are' if verdicts[verdict] > 1 else 'is'} {told}"
        for verdict, told in VERDICTS.items()
        if verdicts[verdict]
    ]
    untested = sum(verdicts.values()) - sum(verdicts[verdict] for verdict in VERDICTS)
    if untested:
        said.append(f"{_number(untested)} cannot be tested in this run")
    listed = " and ".join(filter(None, (", ".join(said[:-1]), *said[-1:])))
    return f"Of the article's {_number(sum(verdicts.values()))} statements {listed}."


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
