"""Sentences about results with made-up numbers."""

from __future__ import annotations

from typing import Any

from benchmarks.report.texts import article_answer


def claims(*verdicts: str) -> dict[str, Any]:
    """Claims with these verdicts, of which only the first is central, and shown last."""
    first, *others = (
        {"statement": f"Text {i}.", "verdict": verdict, "weight": "supporting"}
        for i, verdict in enumerate(verdicts)
    )
    return {"claims": [*others, first | {"weight": "central"}]}


def test_central_claims_are_counted_and_named() -> None:
    content = claims("partly reproduced", "reproduced", "reproduced", "not reproduced")
    for one in content["claims"][:2]:
        one["weight"] = "central"
    assert article_answer(content) == (
        "The article makes three central claims. Networks trained by its listing give these "
        "verdicts. Reproduced: “Text 1.” “Text 2.” Partly reproduced: “Text 0.”"
    )


def test_a_single_central_claim_is_not_counted() -> None:
    assert article_answer(claims("not reproduced", "reproduced")) == (
        "The article makes one central claim. Networks trained by its listing give this verdict. "
        "Not reproduced: “Text 0.”"
    )


def test_what_could_not_be_tested_is_counted_and_named_alone() -> None:
    content = claims("not testable here", "reproduced")
    content["claims"][0]["weight"] = "central"
    assert article_answer(content) == (
        "The article makes two central claims. Networks trained by its listing give these "
        "verdicts. Reproduced: “Text 1.” Not testable in this run: “Text 0.”"
    )


def test_no_verdict_is_no_text() -> None:
    assert article_answer(claims("not testable here", "reproduced")) == ""
    assert article_answer({}) == ""
