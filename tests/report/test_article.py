"""Whether the article holds, told from claims with made-up numbers."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.report.article import RANK_AGREEMENT, article_answer

NUMBERS = {
    "rank correlation, disagreement": [0.5, 0.7],
    "rank correlation, mutual information": [0.4, 0.44],
    "misclassification AUROC by disagreement, MC-dropout": [0.9, 0.92],
    "misclassification AUROC by disagreement, ensemble": [0.95],
}


def claims(*verdicts: str, **numbers: list[float | None]) -> dict[str, Any]:
    """The first verdict is that of the likeness, which alone has numbers."""
    setting = {"recipe": "article", "passes": 100, "networks": 2, "images": 10_000}
    ids = (RANK_AGREEMENT, *(f"other-{i}" for i in range(len(verdicts) - 1)))
    return {
        "setting": setting,
        "claims": [
            {
                "id": id,
                "verdict": verdict,
                "numbers": {"article": NUMBERS | numbers} if id == RANK_AGREEMENT else {},
            }
            for id, verdict in zip(ids, verdicts, strict=True)
        ],
    }


def test_three_sentences_with_means_over_networks() -> None:
    assert article_answer(claims("partly", "reproduced", "reproduced", "not reproduced")) == (
        "That one network with dropout on mimics many models is reproduced in part: over 10,000 "
        "test images the disagreement of 100 passes and that of 2 networks have a rank "
        "correlation of 0.600, their mutual information one of 0.420 (means over the 2). "
        "Disagreement tells each method's own misclassified images with an AUROC of 0.910 by "
        "MC-dropout, on average, and of 0.950 by the ensemble. Of the article's four statements "
        "two are reproduced, one is reproduced in part and one is not reproduced."
    )


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (("not testable here", "not reproduced"), "one is not reproduced and one cannot be tested"),
        (("not testable here", "reproduced", "reproduced"), "two are reproduced and one cannot"),
    ],
)
def test_what_could_not_be_tested_is_counted_alone(verdicts: tuple[str, ...], said: str) -> None:
    told = article_answer(claims(*verdicts))
    assert told.startswith("Of the article's ")
    assert said in told


@pytest.mark.parametrize(
    ("method", "values", "said"),
    [
        ("MC-dropout", [None, 0.92], "an AUROC of 0.920 by MC-dropout"),
        ("MC-dropout", [None, None], None),
        ("ensemble", [None], None),
    ],
)
def test_networks_without_errors_are_left_out(
    method: str, values: list[float | None], said: str | None
) -> None:
    numbers = {f"misclassification AUROC by disagreement, {method}": values}
    told = article_answer(claims("partly", **numbers))
    assert "rank correlation of 0.600" in told
    assert said in told if said else "AUROC" not in told


def test_nothing_judged_is_nothing_told() -> None:
    assert article_answer(claims("not testable here", "not testable here")) == ""
    assert article_answer({}) == ""
