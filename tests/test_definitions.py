"""Each metric's definition in print against the register, and the code that it names."""

from __future__ import annotations

from importlib import import_module

import pytest

from benchmarks import vocabulary
from benchmarks.definitions import DEFINITIONS, Definition
from benchmarks.metrics import METRICS
from benchmarks.report import names

ARROWS = {"higher": "↑", "lower": "↓", "": ""}


def test_every_metric_of_the_report_has_a_definition() -> None:
    assert list(DEFINITIONS) == list(names.METRICS)
    assert list(METRICS)[: len(DEFINITIONS)] == list(DEFINITIONS)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_print_says_what_the_register_says(name: str) -> None:
    definition, printed, metric = DEFINITIONS[name], names.METRICS[name], METRICS[name]
    for text in ("summary", "formula", "edge_cases", "source"):
        assert getattr(definition, text) == getattr(metric, text)
    assert printed == (metric.label, metric.unit, ARROWS[metric.better])
    assert (name in vocabulary.BIASED) == metric.biased


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_named_code_exists(definition: Definition) -> None:
    module = import_module(definition.module)
    assert getattr(module, definition.function).__module__ == module.__name__
