"""The sentence about an image: who is sure, and who is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.script import computed, needs_node

pytestmark = needs_node


def of(name: int, share: float, members: int) -> dict[str, Any]:
    """Members of which a share is for a class, and the others for the class before."""
    votes, mean = [0] * 10, [0.0] * 10
    votes[name], votes[name - 1] = round(share * members), members - round(share * members)
    mean[name], mean[name - 1] = share, 1 - share
    return {"votes": votes, "mean": mean, "members": members}


@pytest.mark.parametrize(
    ("single", "passes", "networks", "begin", "telling"),
    [
        ((8, 0.99), (8, 1.0), (8, 1.0), "All choose the same: the single network gives 8", False),
        (
            (8, 0.9),
            (8, 0.6),
            (8, 0.8),
            "The single network is sure, and the networks are not",
            True,
        ),
        ((8, 0.9), (8, 0.6), (8, 0.82), "The single network and the networks are sure", False),
        ((8, 0.95), (8, 1.0), (3, 0.9), "The single network and the networks contradict", False),
        ((8, 0.89), (8, 1.0), (8, 0.9), "The single network is unsure, and the networks", False),
        ((8, 0.6), (8, 0.6), (3, 0.7), "None is sure: the single network gives 8", False),
    ],
)
def test_verdict_follows_from_probability_and_votes(
    single: tuple[int, float],
    passes: tuple[int, float],
    networks: tuple[int, float],
    begin: str,
    telling: bool,
) -> None:
    given = [of(*single, 1), of(*passes, 100), of(*networks, 50)]
    found = computed("return verdict(...given);", given, ("sizes.js", "answers.js"))
    assert found["text"].startswith(begin)
    assert found["telling"] is telling
    votes = round(50 * networks[1])
    assert f"{votes} of the 50 networks vote for {networks[0]}" in found["text"]


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0, "as certain as any test image"),
        (0.9929, "more uncertain than 99.2 % of test images"),
        (0.99999, "more uncertain than 99.9 % of test images"),
        (1, "more uncertain than all test images"),
        (None, ""),
    ],
)
def test_standing_is_never_exaggerated(share: float | None, shown: str) -> None:
    code, scripts = "return standing(given);", ("sizes.js", "answers.js")
    assert computed(code, share, scripts) == shown
