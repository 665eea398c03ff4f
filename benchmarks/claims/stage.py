"""The stage `claims`: measure and judge the claims, and what the double softmax costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import Any

import pandas as pd

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import BESIDE, Claim, ClaimVerdict, Judgement, NotTestableError
from benchmarks.claims.numbers import over_networks, rows
from benchmarks.claims.predictor import NETWORKS, PASSES, RecipePredictor
from benchmarks.claims.votes import write_exact
from benchmarks.io import write_json
from benchmarks.progress import announce
from benchmarks.run.plan import Plan
from benchmarks.run.shown_images import save_images
from benchmarks.run.workspace import Workspace
from benchmarks.schema import ClaimRow, members_rank, read_table, table_of, where, write_table
from benchmarks.tasks.task import EvaluationSet
from benchmarks.vocabulary import (
    CLAIMS_CSV,
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CLEAN,
    DOUBLE_SOFTMAX,
    IMAGES_NPZ,
    MEASUREMENTS_CSV,
    PECULIAR,
    TEST_IMAGES,
    TYPICAL,
    WITH_VALUE,
)
from methods.determinism import one_torch_thread
from methods.networks.recipes import ARTICLE

RECIPES = (ARTICLE.name, *BESIDE)
"""The article's recipe, whose verdicts count, and those by which claims are judged beside it."""

DECIMALS = 6

NO_ROWS = table_of(ClaimRow, ())

JudgedByRecipe = dict[str, tuple[pd.DataFrame, Judgement]]
"""By recipe, the rows of a claim and what its rule says of them; the first decides."""


@one_torch_thread()
def write_claims(plan: Plan, workspace: Workspace, unavailable: Mapping[str, str]) -> None:
    """Measure and judge the task's claims: `claims.csv`, `claims.json`, the tables of `votes`.

    Predictions are stored among the run's prediction files, so that a second time is quick.
    """
    claims = [claim for claim in CLAIMS.values() if claim.task == plan.task.name]
    if not claims:
        announce("claims", f"nothing to do: no claim is about the task {plan.task.name}")
        return
    predictors = {
        name: RecipePredictor(plan, workspace, name, min(NETWORKS, count), unavailable)
        for name, count in Counter(recipe for recipe, _ in plan.networks()).items()
    }
    judged = {claim.id: _judged(claim, predictors) for claim in claims}
    tables = [table for by_recipe in judged.values() for table, _ in by_recipe.values()]
    setting: dict[str, Any] = {"recipe": ARTICLE.name, "passes": PASSES, "beside": {}}
    if ARTICLE.name in predictors:
        article = predictors[ARTICLE.name]
        test = workspace.images(plan.task, "test")
        if len(test.labels) > PECULIAR:
            evaluated = EvaluationSet(test.images, test.labels)
            shown = [(TEST_IMAGES, evaluated, index) for index in (TYPICAL, PECULIAR)]
            save_images(shown, workspace.out / CLAIMS_FOLDER / IMAGES_NPZ)
            write_exact(article)
        effect = pd.concat([NO_ROWS, *double_softmax(plan, workspace, article.ood)])
        tables.append(effect.round(DECIMALS).assign(claim=DOUBLE_SOFTMAX))
        setting |= {
            "networks": article.networks,
            "epochs": plan.configuration.recipe(ARTICLE.name).epochs,
            "images": len(article.labels),
            "ood": [plan.task.condition(name).label for name in article.ood],
            "beside": {name: predictors[name].repeated for name in BESIDE if name in predictors},
        }
    write_table(pd.concat(tables), workspace.out, CLAIMS_CSV)
    described = [_described(claim, judged[claim.id]) for claim in claims]
    write_json({"setting": setting, "claims": described}, workspace.out / CLAIMS_JSON)


def _judged(claim: Claim, predictors: Mapping[str, RecipePredictor]) -> JudgedByRecipe:
    """The claim, measured and judged by its own recipes or the article's, and by those beside."""
    needed = claim.recipes or (ARTICLE.name,)
    name = " and ".join(needed)
    if missing := [recipe for recipe in needed if recipe not in predictors]:
        reason = (
            f"The run has no networks of the recipe {missing[0]!r}; this claim needs "
            f"--recipe {','.join(needed)}."
        )
        return {name: (NO_ROWS, Judgement(ClaimVerdict.NOT_TESTABLE, reason))}
    if claim.recipes:
        return {name: _by_recipe(claim, name, [predictors[recipe] for recipe in needed])}
    judged = {
        recipe: _by_recipe(claim, recipe, [predictors[recipe]])
        for recipe in (name, *claim.beside)
        if recipe in predictors
    }
    # Of the recipes beside the article's, what could not be measured is left out.
    return {
        recipe: (table, judgement)
        for recipe, (table, judgement) in judged.items()
        if recipe == name or len(table)
    }


def _by_recipe(
    claim: Claim, recipe: str, predictors: list[RecipePredictor]
) -> tuple[pd.DataFrame, Judgement]:
    """Rows and judgement by one recipe, or by those that the claim names, the first one first."""
    predictor, table = predictors[0], NO_ROWS
    try:
        if predictor.networks < claim.least_networks:
            raise NotTestableError(
                f"This takes at least {claim.least_networks} networks; the run has "
                f"{predictor.networks}."
            )
        table = pd.concat([NO_ROWS, *claim.measure(predictor)]).round(DECIMALS)
        table = table.assign(claim=claim.id, recipe=recipe)
        verdict, why, parts = claim.judge(table)
    except NotTestableError as error:
        return table, Judgement(ClaimVerdict.NOT_TESTABLE, str(error))
    # No verdict for other epochs than the recipe's; fewer networks or images are mentioned.
    epochs = predictor.plan.configuration.recipe(predictor.recipe).epochs
    wanted = predictor.plan.task.recipe(predictor.recipe).epochs
    if epochs != wanted:
        verdict = ClaimVerdict.NOT_TESTABLE
        why = f"Networks were trained for {epochs} epochs, not {wanted}. {why}"
    else:
        fewest = min(each.networks for each in predictors)
        images, test_images = len(predictor.labels), predictor.plan.task.test_images
        if images < test_images:
            why = f"Only {images} images, not {test_images}. {why}"
        if fewest < NETWORKS:
            why = f"Only {fewest} networks, not {NETWORKS}. {why}"
    return table, Judgement(verdict, why, parts)


def _described(claim: Claim, judged: JudgedByRecipe) -> dict[str, Any]:
    """As `claims.json` has it: the verdict by the recipe that decides, and those beside it."""
    fields = ("id", "statement", "place", "weight", "task", "rule", "against", "figure")
    judgements: dict[str, dict[str, Any]] = {
        recipe: {
            "verdict": verdict.value,
            "why": why,
            "parts": [part._asdict() for part in parts],
        }
        for recipe, (_, (verdict, why, parts)) in judged.items()
    }
    decides = next(iter(judgements))
    return {
        **{name: getattr(claim, name) for name in fields},
        **{"recipe": decides, **judgements.pop(decides)},
        "beside": judgements,
    }


def double_softmax(
    plan: Plan, workspace: Workspace, ood: Collection[str]
) -> Iterator[pd.DataFrame]:
    """Each method's measures by each of `RECIPES`, and those of the first less the second one's.

    The difference has Student's t interval over replicates: they are paired, since replicate r of
    both recipes has the same initialisation, order and masks.

    Args:
        ood: the out-of-distribution conditions, whose mean AUROC is compared.
    """
    if not (workspace.out / MEASUREMENTS_CSV).exists():
        return
    table = read_table(workspace.out, MEASUREMENTS_CSV)
    table = table[table["recipe"].isin(RECIPES) & table["status"].isin(WITH_VALUE)]
    measures = [
        *((metric, "", CLEAN, {CLEAN}) for metric in ("accuracy", "nll", "ece")),
        ("ece", "", "rotated-045", {"rotated-045"}),
        ("auroc", "predictive_entropy", "out-of-distribution", ood),
    ]
    article, logits, _ = RECIPES
    for method, (metric, score, condition, images) in product(plan.configuration.classes, measures):
        results = where(table, method=method)
        largest = max(results["members"], key=members_rank, default="")
        results = where(results, members=largest, metric=metric, score=score)
        results = results[results["condition"].isin(images)]
        values = results.pivot_table(index="replicate", columns="recipe", values="value")
        if article not in values:
            continue
        keys = {"method": method, "score": score, "condition": condition}
        for recipe in RECIPES:
            if recipe in values:
                yield rows(metric, values[recipe].mean(), **keys).assign(recipe=recipe)
        if logits in values:
            gap = over_networks((values[article] - values[logits]).dropna())
            yield rows(metric, gap, **keys, case=f"minus {logits}").assign(recipe=article)
