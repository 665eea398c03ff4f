"""A custom method is loaded on the workers, and gives the same numbers there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.run.configuration import Configuration
from tests.cluster.conftest import run_on_workers
from tests.runs import DIGITS, compute, numbers, run_of

METHOD = """
import torch

from methods import Prediction, UncertaintyMethod


class Mine(UncertaintyMethod):
    \"\"\"Random numbers, from the generator that is seeded for each call.\"\"\"

    name = "mine"

    def fit(self, images, labels):
        return self

    def predict(self, images):
        return Prediction.of_logits(torch.randn(2, len(images), 10))
"""


def with_mine(folder: Path) -> Configuration:
    file = folder / "mine.py"
    file.write_text(METHOD)
    return replace(DIGITS, methods=("softmax",), custom_methods=(f"{file}:Mine",))


@pytest.mark.long
def test_custom_method_is_loaded_on_workers(tmp_path: Path) -> None:
    configuration = with_mine(tmp_path)
    assert compute(run_of(configuration, tmp_path / "serial")) == []
    (tmp_path / "cluster").mkdir()
    assert run_on_workers(tmp_path / "cluster", configuration=configuration) == []
    assert numbers(tmp_path / "cluster" / "out") == numbers(tmp_path / "serial" / "out")
