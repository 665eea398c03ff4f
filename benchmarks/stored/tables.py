"""The tables of a run that later stages and the report read: their columns, and how they are read.

Whatever reads a table of a run reads it here, so a damaged one is one line, wherever it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path

import pandas as pd
from pandas.api import types

from benchmarks.errors import UserError
from benchmarks.records import read_table
from benchmarks.stored.listing import path_of, require_as_written
from benchmarks.vocabulary import (
    CLAIMS_FOLDER,
    COMPARISONS_CSV,
    CURVES_FOLDER,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    SCORE_COMPARISONS_CSV,
    SCORE_LATENCY_CSV,
    SCORE_WORTH_CSV,
    SUMMARY_CSV,
    TRAINING_CSV,
    WORTH_CSV,
)


@dataclass(frozen=True)
class Columns:
    """What the columns of a table hold.

    Attributes:
        text: texts, which may be empty.
        counts: whole numbers from 0, none of them missing.
        numbers: numbers, which may be missing.
        more_numbers: whether there are further columns of numbers, by classes or measures.
        later: those of these that tables of earlier versions lack, all of them.
    """

    text: tuple[str, ...]
    counts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    more_numbers: bool = False
    later: tuple[str, ...] = ()

    def completed(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table of an earlier version with the columns that it lacks, empty."""
        lacking = () if set(self.later) & set(table) else self.later
        return table.assign(**{name: "" if name in self.text else nan for name in lacking})

    def misfit(self, table: pd.DataFrame) -> str:
        """What is wrong with a table, in words; empty if nothing is."""
        known = (*self.text, *self.counts, *self.numbers)
        if missing := [name for name in known if name not in table]:
            return f"it has no column {missing[0]!r}"
        further = [str(name) for name in table if name not in known]
        if further and not self.more_numbers:
            return f"it has a strange column {further[0]!r}"
        if table.empty:
            return ""
        kinds: tuple[tuple[tuple[str, ...], Callable[[pd.Series], bool], str], ...] = (
            (self.text, _is_text, "text"),
            (self.counts, _are_counts, "whole numbers"),
            ((*self.numbers, *further), _are_numbers, "numbers"),
        )
        for names, fits, what in kinds:
            for name in names:
                if not fits(table[name]):
                    return f"the column {name!r} does not hold {what}"
        return ""


def _is_text(column: pd.Series) -> bool:
    return types.is_string_dtype(column) or bool(column.isna().all())


def _are_counts(column: pd.Series) -> bool:
    return types.is_integer_dtype(column) and bool((column >= 0).all())


def _are_numbers(column: pd.Series) -> bool:
    return types.is_numeric_dtype(column) and not types.is_bool_dtype(column)


_ORIGIN = ("recipe", "method", "members", "condition")
_VOTES = ("vote_share", "mean_probability")

_COMPARISONS = Columns(
    text=(
        *("family", "split", *_ORIGIN, "metric", "score", "other_recipe", "other_method"),
        *("other_members", "status", "reason"),
    ),
    counts=("images",),
    numbers=(
        *("difference", "lower", "upper", "p_value", "p_holm", "margin", "p_equivalent"),
        *("p_not_worse", "p_not_better", "effect_size"),
    ),
    later=(
        *("family", "split", "other_recipe", "margin", "p_equivalent", "p_not_worse"),
        "p_not_better",
    ),
)

_WORTH = Columns(
    text=(
        *(*_ORIGIN, "score", "metric", "ensemble_recipe", "ensemble", "worth"),
        *("worth_lower", "worth_upper", "status", "reason"),
    ),
    counts=("images",),
)

COLUMNS = {
    MEASUREMENTS_CSV: Columns(
        text=(*_ORIGIN, "score", "metric", "status", "reason"),
        counts=("replicate", "images"),
        numbers=("value",),
    ),
    SUMMARY_CSV: Columns(
        text=(*_ORIGIN, "score", "metric", "status", "reason"),
        counts=("replicates", "images"),
        numbers=("value", "lower", "upper"),
    ),
    COMPARISONS_CSV: _COMPARISONS,
    WORTH_CSV: _WORTH,
    SCORE_COMPARISONS_CSV: replace(
        _COMPARISONS, text=(*_COMPARISONS.text, "other_score"), later=()
    ),
    SCORE_WORTH_CSV: _WORTH,
    TRAINING_CSV: Columns(
        text=("recipe", "split"),
        counts=("network", "epoch", "images"),
        numbers=("loss", "accuracy", "precision", "recall", "accuracy_dropout_on"),
    ),
    LATENCY_CSV: Columns(
        text=(
            *("method", "members", "device", "device_name", "engine", "mode", "clock"),
            *("stopped_because", "torch_version", "cuda_version", "numba_version"),
            *("status", "reason"),
        ),
        numbers=(
            *("batch_size", "threads", "p50_ms", "p50_lower_ms", "p50_upper_ms", "p90_ms"),
            *("p99_ms", "images_per_s", "peak_memory_mb", "calls", "parameters"),
            *("multiply_adds", "weight_bytes", "training_s", "fit_s", "state_bytes"),
        ),
        later=("fit_s", "state_bytes"),
    ),
    SCORE_LATENCY_CSV: Columns(
        text=(
            *("score", "device", "device_name", "engine", "stopped_because", "torch_version"),
            *("numba_version", "status", "reason"),
        ),
        counts=("batch_size", "threads"),
        numbers=("p50_ms", "p50_lower_ms", "p50_upper_ms", "calls", "fit_s", "state_bytes"),
    ),
    f"{CURVES_FOLDER}/reliability.csv": Columns(
        text=_ORIGIN,
        counts=("replicate", "count"),
        numbers=(
            *("lower", "upper", "confidence", "accuracy"),
            *("accuracy_lower", "accuracy_upper"),
        ),
    ),
    f"{CURVES_FOLDER}/histograms.csv": Columns(
        text=(*_ORIGIN, "score"), counts=("replicate", "count"), numbers=("lower", "upper")
    ),
    f"{CURVES_FOLDER}/roc.csv": Columns(
        text=(*_ORIGIN, "score"),
        counts=("replicate",),
        numbers=("flagged_clean", "flagged", "lower", "upper"),
    ),
    f"{CURVES_FOLDER}/risk_coverage.csv": Columns(
        text=(*_ORIGIN, "score"),
        counts=("replicate",),
        numbers=("coverage", "risk", "lower", "upper"),
    ),
    f"{CURVES_FOLDER}/example_image.csv": Columns(
        text=_ORIGIN, counts=("replicate", "index", "class"), numbers=("label", *_VOTES)
    ),
    f"{CURVES_FOLDER}/high_disagreement.csv": Columns(
        text=_ORIGIN,
        counts=("replicate", "rank", "index", "class"),
        numbers=("divergence", "label", *_VOTES),
    ),
    f"{CURVES_FOLDER}/replicates.csv": Columns(
        text=_ORIGIN, counts=("replicate",), more_numbers=True
    ),
    f"{CURVES_FOLDER}/sampling_error.csv": Columns(
        text=(*_ORIGIN, "other_method", "measure"),
        counts=("networks", "images"),
        numbers=("rms_error", "difference", "lower", "upper"),
    ),
    f"{CURVES_FOLDER}/explorer.csv": Columns(
        text=(*_ORIGIN, "reasons"),
        counts=("index", "number", "replicate"),
        numbers=("label", "divergence"),
        more_numbers=True,
    ),
    f"{CLAIMS_FOLDER}/exact.csv": Columns(
        text=("recipe", "images", "measure"),
        counts=("network", "image"),
        numbers=("class", "exact", "sampled"),
    ),
    f"{CLAIMS_FOLDER}/spread.csv": Columns(
        text=("recipe",),
        counts=("image", "class", "networks"),
        numbers=(
            *("mean_share", "std_by_network", "std_by_passes", "variance_by_network"),
            "sampled_std",
        ),
    ),
    f"{CLAIMS_FOLDER}/training_seconds.csv": Columns(
        text=("recipe", "engine"), counts=("networks",), numbers=("seconds",)
    ),
}
"""The tables, by their paths in the folder of a run."""


def read_run_table(folder: Path, name: str) -> pd.DataFrame:
    """A table of a run, which may be gzipped.

    Args:
        folder: the run's.
        name: the table's path in it, one of `COLUMNS`.

    Raises:
        UserError: it is not as the run wrote it, or is no such table.
    """
    require_as_written(folder, name)
    table = COLUMNS[name].completed(read_table(path_of(folder, name)))
    if wrong := COLUMNS[name].misfit(table):
        raise UserError(f"{folder / name} is damaged: {wrong}; delete it and run again")
    return table
