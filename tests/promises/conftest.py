"""The design's six promises, a file each; here what they share: commands that tests interrupt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes import Start, processes


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a command in a process of its own, which is ended with the test."""
    with processes() as begin:
        yield begin
