"""What the article's slip costs: the same networks with and without a softmax before the loss."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from scipy import stats

from benchmarks.records import read_table, where
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import CLEAN, MEASUREMENTS_CSV, WITH_VALUE
from methods.networks.recipes import ARTICLE, ARTICLE_LOGITS, STANDARD

MEASURES = {
    "accuracy, clean": (CLEAN, "accuracy", ""),
    "NLL, clean": (CLEAN, "nll", ""),
    "ECE, clean": (CLEAN, "ece", ""),
    "ECE, 45°": ("rotated-045", "ece", ""),
    "AUROC, mean of out-of-distribution sets": ("ood-", "auroc", "predictive_entropy"),
}
"""Condition (or the prefix of several), metric and score of what is compared."""

RECIPES = (ARTICLE.name, ARTICLE_LOGITS.name, STANDARD.name)


def double_softmax(workspace: Workspace) -> list[dict[str, object]]:
    """A row for each method and measure: its mean by each recipe, and the effect of the loss.

    ``difference`` is `article` less `article-logits`, with Student's t interval over replicates:
    they are paired, since replicate r of both has the same initialisation, order and masks.
    Without replicates there is no interval.
    """
    path = workspace.out / MEASUREMENTS_CSV
    if not path.exists():
        return []
    table = read_table(path)
    table = table[table["recipe"].isin(RECIPES) & table["status"].isin(WITH_VALUE)]
    return list(_rows(table)) if ARTICLE.name in set(table["recipe"]) else []


def _rows(table: pd.DataFrame) -> Iterator[dict[str, object]]:
    for method in ("softmax", "mc_dropout", "deep_ensemble"):
        of_method = where(table, method=method)
        largest = where(of_method, members=_largest(of_method))
        for name, (condition, metric, score) in MEASURES.items():
            rows = where(largest, metric=metric, score=score)
            rows = rows[rows["condition"].str.startswith(condition)]
            values = rows.pivot_table(index="replicate", columns="recipe", values="value")
            if values.empty:
                continue
            yield {
                "method": method,
                "measure": name,
                **{recipe: float(values[recipe].mean()) for recipe in RECIPES if recipe in values},
                **_difference(values),
            }


def _largest(rows: pd.DataFrame) -> str:
    return str(max(rows["members"], key=float, default=""))


def _difference(values: pd.DataFrame) -> dict[str, float]:
    if ARTICLE_LOGITS.name not in values:
        return {}
    paired = (values[ARTICLE.name] - values[ARTICLE_LOGITS.name]).dropna().to_numpy()
    mean = float(paired.mean())
    if len(paired) < 2:
        return {"difference": mean}
    half = float(stats.t.ppf(0.975, len(paired) - 1) * stats.sem(paired))
    return {"difference": mean, "lower": mean - half, "upper": mean + half}
