"""Examples that Hypothesis draws: how many of them a test tries, and damage to files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

T = TypeVar("T")

FUZZ = settings(
    deadline=None,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

LENGTHS = [pytest.param(1, id="short"), pytest.param(10, id="long", marks=pytest.mark.long)]
"""Of a fuzz: by how much the number of examples is multiplied."""


def fuzz(check: Callable[..., None], examples: int, **drawn: st.SearchStrategy[object]) -> None:
    """Call the check with so many examples."""
    settings(FUZZ, max_examples=examples)(given(**drawn)(check))()


@st.composite
def damaged(draw: st.DrawFn, contents: Sequence[bytes]) -> bytes:
    """One of the files, with other bytes, more or none in the place of some; often of its head."""
    content = draw(st.sampled_from(contents))
    for _ in range(draw(st.integers(1, 3))):
        end = len(content)
        place = st.integers(0, min(end, 120)) | st.integers(0, end)
        start, stop = sorted((draw(place), draw(place)))
        stop = draw(st.sampled_from([start, min(start + 1, end), stop, end]))
        content = content[:start] + draw(st.binary(max_size=30)) + content[stop:]
    return content


def outcome(read: Callable[[], T], *errors: type[Exception]) -> T | None:
    """What is read; or nothing, where there is one of these errors, whose message is one line."""
    try:
        return read()
    except errors as error:
        message = str(error)
    assert message
    assert "\n" not in message
    return None
