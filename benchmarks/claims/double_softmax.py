"""What the article's slip costs: the same networks with and without a softmax before the loss."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pandas as pd

from benchmarks.claims.intervals import over_networks
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.schema import members_rank, read_table, where
from benchmarks.vocabulary import CLEAN, MEASUREMENTS_CSV, WITH_VALUE
from methods import UncertaintyMethod
from methods.networks.recipes import ARTICLE, ARTICLE_LOGITS, STANDARD

RECIPES = (ARTICLE.name, ARTICLE_LOGITS.name, STANDARD.name)

DECIMALS = 6


def double_softmax(plan: Plan, workspace: Workspace, ood: Collection[str]) -> list[dict[str, Any]]:
    """A row for each method and measure: its mean by each recipe, and the effect of the loss.

    ``difference`` is `article` less `article-logits`, with Student's t interval over replicates:
    they are paired, since replicate r of both has the same initialisation, order and masks.
    Without replicates there is no interval.

    Args:
        ood: the out-of-distribution conditions, whose mean AUROC is compared.
    """
    if not (workspace.out / MEASUREMENTS_CSV).exists():
        return []
    table = read_table(workspace.out, MEASUREMENTS_CSV)
    table = table[table["recipe"].isin(RECIPES) & table["status"].isin(WITH_VALUE)]
    if ARTICLE.name not in set(table["recipe"]):
        return []
    return list(_rows(table, plan.configuration.classes, _measures(ood)))


def _measures(ood: Collection[str]) -> dict[str, tuple[Collection[str], str, str]]:
    """Conditions, metric and score of what is compared."""
    return {
        "accuracy, clean": ([CLEAN], "accuracy", ""),
        "NLL, clean": ([CLEAN], "nll", ""),
        "ECE, clean": ([CLEAN], "ece", ""),
        "ECE, 45°": (["rotated-045"], "ece", ""),
        "AUROC, mean of out-of-distribution sets": (ood, "auroc", "predictive_entropy"),
    }


def _rows(
    table: pd.DataFrame,
    methods: Mapping[str, type[UncertaintyMethod]],
    measures: dict[str, tuple[Collection[str], str, str]],
) -> Iterator[dict[str, Any]]:
    for method in methods:
        of_method = where(table, method=method)
        largest = where(of_method, members=max(of_method["members"], key=members_rank, default=""))
        for name, (conditions, metric, score) in measures.items():
            rows = where(largest, metric=metric, score=score)
            rows = rows[rows["condition"].isin(conditions)]
            values = rows.pivot_table(index="replicate", columns="recipe", values="value")
            if ARTICLE.name in values:
                yield {
                    "method": methods[method].label or method,
                    "measure": name,
                    "values": _rounded({r: values[r].mean() for r in RECIPES if r in values}),
                    **_difference(values),
                }


def _difference(values: pd.DataFrame) -> dict[str, float]:
    if ARTICLE_LOGITS.name not in values:
        return {}
    paired = (values[ARTICLE.name] - values[ARTICLE_LOGITS.name]).dropna()
    mean = over_networks(paired)
    if len(paired) < 2:
        return _rounded({"difference": mean.value})
    return _rounded({"difference": mean.value, "lower": mean.lower, "upper": mean.upper})


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), DECIMALS) for name, value in values.items()}
