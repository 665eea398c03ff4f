"""Each metric's definition against the function that it names."""

from __future__ import annotations

from importlib import import_module

import pytest
from benchmarks.metrics.definitions import DEFINITIONS, Definition

from benchmarks.report.names import METRICS


def test_every_metric_of_the_report_has_a_definition() -> None:
    assert list(DEFINITIONS) == list(METRICS)


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_named_function_exists_and_cites_the_same_source(definition: Definition) -> None:
    module = import_module(f"benchmarks.metrics.{definition.module}")
    function = getattr(module, definition.function)
    assert function.__module__ == module.__name__
    docstring = " ".join(function.__doc__.split())
    for source in definition.source.split("; "):
        assert source in docstring


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_texts_are_complete(definition: Definition) -> None:
    assert definition.summary.endswith(".")
    assert definition.edge_cases.endswith(".")
    assert definition.formula
