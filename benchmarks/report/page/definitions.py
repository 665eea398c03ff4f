"""How each measure is defined: read from the source that computes it."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from benchmarks.report.names import METRICS

METRICS_FOLDER = Path(__file__).parents[2] / "metrics"


class Source(NamedTuple):
    """The file and the function of a measure, and how it is applied where that must be said."""

    module: str
    function: str
    applied: str = ""


SOURCES = {
    "accuracy": Source("scoring", "correct"),
    "nll": Source("scoring", "negative_log_likelihood"),
    "brier": Source("scoring", "brier"),
    "ece": Source("calibration", "expected_calibration_error", "Over 15 bins of equal width."),
    "ece_equal_mass": Source("calibration", "equal_mass_bins", "The ECE over these bins."),
    "ece_debiased": Source(
        "calibration", "debiased_calibration_error", "Over 15 bins of equal mass."
    ),
    "squared_ce_debiased": Source(
        "calibration", "debiased_squared_calibration_error", "Over 15 bins of equal mass."
    ),
    "mce": Source("calibration", "maximum_calibration_error", "Over 15 bins of equal width."),
    "predictive_entropy": Source("entropy", "predictive_entropy"),
    "expected_entropy": Source("entropy", "entropy", "Of each member, and the mean of these."),
    "mutual_information": Source("entropy", "mutual_information"),
    "pairwise_disagreement": Source("disagreement", "pairwise_disagreement"),
    "auroc": Source("detection", "auroc", "Positive are the images that are not clean."),
    "aupr_out": Source("detection", "aupr_out"),
    "aupr_in": Source("detection", "aupr_in"),
    "fpr95": Source("detection", "fpr95"),
    "misclassification_auroc": Source(
        "detection", "auroc", "Positive are the misclassified images."
    ),
    "aurc": Source("selective", "aurc"),
    "augrc": Source("selective", "augrc"),
}

_NO_DEFINITION = re.compile(r"\n\s*(?:Args:|Returns:|Raises:|>>>)")


class Definition(NamedTuple):
    """What a measure is.

    Attributes:
        name: in print, with the arrow that tells what is better.
        summary: the first sentence.
        paragraphs: the rest, up to the arguments, and how it is applied.
        place: the file and the line, as ``benchmarks/metrics/detection.py:19``.
        line: the number of the first line of the source.
        source: the whole function.
    """

    metric: str
    name: str
    summary: str
    paragraphs: tuple[str, ...]
    place: str
    line: int
    source: str


def definitions() -> list[Definition]:
    """Of every measure that is shown."""
    return [_definition(metric, SOURCES[metric]) for metric in METRICS]


def _definition(metric: str, source: Source) -> Definition:
    text, functions = _parsed(source.module)
    node = functions[source.function]
    told = _NO_DEFINITION.split(inspect.cleandoc(ast.get_docstring(node) or ""))[0]
    summary, *paragraphs = (" ".join(part.split()) for part in told.strip().split("\n\n"))
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    return Definition(
        metric=metric,
        name=f"{METRICS[metric].name} {METRICS[metric].better}".strip(),
        summary=summary,
        paragraphs=tuple(filter(None, (*paragraphs, source.applied))),
        place=f"benchmarks/metrics/{source.module}.py:{node.lineno}",
        line=node.lineno,
        source="\n".join(lines),
    )


@cache
def _parsed(module: str) -> tuple[str, dict[str, ast.FunctionDef]]:
    text = (METRICS_FOLDER / f"{module}.py").read_text(encoding="utf-8")
    found = {n.name: n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    return text, found
