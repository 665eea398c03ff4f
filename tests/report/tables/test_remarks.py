"""Recipes and methods with different training images are marked where they stand together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.report.claims import setting_text
from benchmarks.report.outcome import show_outcome
from benchmarks.report.results import Results
from tests.made_up import CLAIMS
from tests.report.support import table_named

MARKED = (
    "Training images: 55,000 (standard); 60,000 (article). Those with fewer hold out the others "
    "for calibration. Those with different numbers are not compared."
)


def test_recipes_with_different_training_images_are_marked(
    of_both: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert MARKED in (of_both / "index.html").read_text(encoding="utf-8")
    show_outcome(of_both)
    assert MARKED in capsys.readouterr().out
    results = Results.load(of_both)
    assert MARKED in setting_text(
        results, CLAIMS["setting"] | {"recipe": "standard", "beside": {"article": 3}}
    )
    assert "Training images" not in setting_text(results, CLAIMS["setting"] | {"beside": {}})


def test_method_with_other_training_images_than_the_recipe_is_marked(of_both: Path) -> None:
    results = Results.load(of_both)
    methods = tuple(
        replace(one, images=55_000) if one.name == "softmax" else one
        for one in results.names.methods
    )
    results = replace(results, names=replace(results.names, methods=methods))
    remarks = table_named(results.of_recipe("article"), "main").remarks
    assert any("60,000 (article); 55,000 (Softmax)" in remark for remark in remarks)
    of_standard = table_named(results.of_recipe("standard"), "main").remarks
    assert not any("Training images" in remark for remark in of_standard)
