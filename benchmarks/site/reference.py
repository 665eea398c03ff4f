"""The pages of the API reference, which mkdocstrings fills from docstrings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import benchmarks.api
from benchmarks.escaping.markdown import markdown_text
from benchmarks.metrics import METRICS, Arrays, Family, Metric
from methods import METHODS, MemberMethod, PooledMethod, Prediction, UncertaintyMethod
from methods.contract import check_method
from methods.scores import SCORES, FitError, Score

SUITE = """# The suite in Python

The functions of `benchmarks.api`; [The suite in Python](../docs/python.md) has examples.
"""

INTERFACE = """# The interface of methods

What a method is, and what it predicts. [Contributing](../CONTRIBUTING.md) and
[Extending](../docs/extending.md) show how to add one.
"""

METHOD_CLASSES = """# Methods

The classes of `METHODS`, the register in `methods`. [Methods](../docs/methods.md) compares them.
"""

METRIC_TABLE = """# Metrics

`METRICS`, the register in `benchmarks.metrics`. Arrows say which values are better.
[Measures](../docs/measures.md) introduces them, and [conventions](../benchmarks/metrics/README.md)
compares them with those of other libraries and papers.
"""

SCORE_TABLE = """# Scores

`SCORES`, the register in `methods.scores`: the numbers by which images are ranked as uncertain.
[Measures](../docs/measures.md) introduces them.
"""

ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}


@dataclass(frozen=True)
class ReferencePage:
    """A page of the reference.

    Attributes:
        introduction: its Markdown up to the reference.
        documented: the classes and functions whose docstrings follow.
    """

    introduction: str
    documented: tuple[Any, ...]

    @property
    def text(self) -> str:
        """Its Markdown."""
        return "\n\n".join([self.introduction, *(f"::: {_path(one)}" for one in self.documented)])


def reference() -> dict[str, ReferencePage]:
    """The pages, by address."""
    suite = sorted(benchmarks.api.__all__, key=str.islower, reverse=True)
    families = dict.fromkeys(metric.family for metric in METRICS.values())
    return {
        "api/python.md": ReferencePage(SUITE, tuple(getattr(benchmarks.api, n) for n in suite)),
        "api/interface.md": ReferencePage(
            INTERFACE, (Prediction, UncertaintyMethod, PooledMethod, MemberMethod, check_method)
        ),
        "api/methods.md": ReferencePage(
            METHOD_CLASSES + _methods(METHODS), tuple(METHODS.values())
        ),
        "api/metrics.md": ReferencePage(
            METRIC_TABLE + _metrics(METRICS), (Metric, Family, *families, Arrays)
        ),
        "api/scores.md": ReferencePage(SCORE_TABLE + _scores(SCORES), (Score, FitError)),
    }


def _path(one: Any) -> str:
    return f"{one.__module__}.{one.__qualname__}"


def _methods(methods: Mapping[str, type[UncertaintyMethod]]) -> str:
    rows = (
        (
            f"[{markdown_text(method.label)}][{_path(method)}]",
            f"`{name}`",
            markdown_text(method.citation),
            markdown_text(", ".join(sorted(method.needs))),
        )
        for name, method in methods.items()
    )
    return _table(("method", "name", "paper", "needs"), rows)


def _metrics(metrics: Mapping[str, Metric]) -> str:
    rows = (
        (
            f"{markdown_text(metric.label)}{ARROWS[metric.better]}<br>`{name}`",
            markdown_text(f"{metric.summary} {metric.edge_cases}"),
            markdown_text(metric.formula),
            markdown_text(metric.source),
        )
        for name, metric in metrics.items()
    )
    return _table(("metric", "definition", "formula", "source"), rows)


def _scores(scores: Mapping[str, Score]) -> str:
    rows = (
        (
            f"{markdown_text(score.label)}<br>`{name}`",
            markdown_text(score.formula),
            ", ".join(sorted(score.needs)),
            markdown_text(score.citation),
        )
        for name, score in scores.items()
    )
    return _table(("score", "formula", "computed from", "paper"), rows)


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, ("---",) * len(heading), *rows]
    return "\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
