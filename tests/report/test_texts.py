"""Sentences about results with made-up numbers."""

from __future__ import annotations

from benchmarks.report.claims import article_answer


def claims(*verdicts: str) -> dict[str, list[dict[str, str]]]:
    """Central claims with these verdicts, and a supporting one."""
    made = [
        {"statement": f"Text {i}.", "verdict": verdict, "weight": "central"}
        for i, verdict in enumerate(verdicts)
    ]
    return {"claims": [{**made[0], "weight": "supporting"}, *made]}


def test_central_claims_are_counted_and_named_by_verdict() -> None:
    told = article_answer(claims("partly reproduced", "not testable here", "reproduced"))
    assert "Central claims of the article: 3." in told
    assert told.endswith(
        "Reproduced: “Text 2.” Partly reproduced: “Text 0.” Not testable here: “Text 1.”"
    )


def test_no_verdict_is_no_text() -> None:
    assert article_answer(claims("not testable here")) == article_answer({}) == ""
