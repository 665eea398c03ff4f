"""What ``--part`` names."""

from __future__ import annotations

import pytest

from benchmarks.errors import UserError
from benchmarks.run.parts.part import Part


@pytest.mark.parametrize(("text", "part"), [("1/1", (1, 1)), ("2/4", (2, 4)), ("10/10", (10, 10))])
def test_part_is_named_by_its_number_of_all(text: str, part: tuple[int, int]) -> None:
    assert Part.named(text) == part
    assert str(Part.named(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "2", "0/4", "5/4", "0/0", "-1/4", "1.5/4", "a/b", "1/4/4", "1/", "/4", " 1/4", "²/4"],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError) as refused:
        Part.named(text)
    assert repr(text) in str(refused.value)
    assert "for example 2/4" in str(refused.value)
    assert "\n" not in str(refused.value)
