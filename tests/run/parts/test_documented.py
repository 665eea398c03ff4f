"""What docs/parts.md says of parts and sizes is what the plan says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.run.configuration.presets import PRESETS, configuration_of
from benchmarks.run.parts.part import Part
from benchmarks.run.plan import Plan
from benchmarks.vocabulary import CALIBRATION

DOCUMENT = (Path(__file__).parents[3] / "docs" / "parts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("preset", PRESETS)
def test_numbers_of_prediction_files(preset: str) -> None:
    plan = Plan(configuration_of(preset))
    files = Counter(
        "subset" if condition.subset else CALIBRATION if condition.name == CALIBRATION else "whole"
        for unit in plan.units()
        if plan.objection(unit) is None
        for condition in plan.predicted(unit)
    )
    (row,) = re.findall(
        rf"^\| `{preset}`[^|]* \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|", DOCUMENT, re.M
    )
    stated = [int(number.replace(",", "")) for number in row]
    assert stated == [files["whole"], files[CALIBRATION], files["subset"]]


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_networks_of_each_part(parts: int) -> None:
    (row,) = re.findall(rf"^\| {parts} parts \| ([\d, ]+) \|", DOCUMENT, re.M)
    divided = [Plan(configuration_of("full"), Part(i, parts)) for i in range(1, parts + 1)]
    assert [int(number) for number in row.split(",")] == [len(one.networks()) for one in divided]
