"""Measure and judge the claims: `claims.csv` and `claims.json`, from which the report is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Verdict
from benchmarks.claims.exact import write_exact
from benchmarks.claims.predictor import NETWORKS, PASSES, RecipePredictor
from benchmarks.claims.run_tables import double_softmax
from benchmarks.claims.statements import CLAIMS
from benchmarks.io import write_json
from benchmarks.run.plan import Plan
from benchmarks.run.shown_images import save_images
from benchmarks.run.workspace import Workspace
from benchmarks.schema import ClaimRow, table_of, write_table
from benchmarks.tasks.task import EvaluationSet
from benchmarks.vocabulary import (
    CLAIMS_CSV,
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    DOUBLE_SOFTMAX,
    IMAGES_NPZ,
    PECULIAR,
    TEST_IMAGES,
    TYPICAL,
)
from methods.determinism import one_torch_thread
from methods.networks.recipes import ARTICLE, ARTICLE_LOGITS, STANDARD

RECIPES = (ARTICLE.name, ARTICLE_LOGITS.name, STANDARD.name)
"""The article's recipe, whose verdicts count, and those by which claims are judged beside it."""

DECIMALS = 6

NO_ROWS = table_of(ClaimRow, ())

Predictors = Mapping[str, RecipePredictor]
"""By recipe, of those that the run trains."""

Judged = dict[str, tuple[pd.DataFrame, Judgement]]
"""By recipe, the rows of a claim and what its rule says of them; the first decides."""


@one_torch_thread()
def write_claims(plan: Plan, workspace: Workspace, unavailable: Mapping[str, str]) -> None:
    """Measure and judge the task's claims: `claims.csv`, `claims.json`, the tables of `exact`.

    Predictions are stored among the run's prediction files, so that a second time is quick.
    """
    claims = [claim for claim in CLAIMS.values() if claim.task == plan.task.name]
    if not claims:
        return
    predictors = {
        name: RecipePredictor.of(plan, workspace, name, unavailable)
        for name in dict.fromkeys(recipe for recipe, _ in plan.networks())
    }
    judged = {claim.id: _judged(claim, predictors) for claim in claims}
    tables = [table for by_recipe in judged.values() for table, _ in by_recipe.values()]
    if ARTICLE.name in predictors:
        _write_images(predictors[ARTICLE.name])
        ood = predictors[ARTICLE.name].ood
        effect = [NO_ROWS, *double_softmax(plan, workspace, RECIPES, ood)]
        tables.append(pd.concat(effect).round(DECIMALS).assign(claim=DOUBLE_SOFTMAX))
    write_table(pd.concat(tables), workspace.out, CLAIMS_CSV)
    content = {
        "setting": _setting(predictors),
        "claims": [_described(claim, judged[claim.id]) for claim in claims],
    }
    write_json(content, workspace.out / CLAIMS_JSON)


def _judged(claim: Claim, predictors: Predictors) -> Judged:
    """The claim, measured and judged by its own recipes or the article's, and by those beside."""
    needed = claim.recipes or (ARTICLE.name,)
    name = " and ".join(needed)
    if missing := [recipe for recipe in needed if recipe not in predictors]:
        reason = (
            f"The run has no networks of the recipe {missing[0]!r}; this claim needs "
            f"--recipe {','.join(needed)}."
        )
        return {name: (NO_ROWS, Judgement(Verdict.NOT_TESTABLE, reason))}
    if claim.recipes:
        return {name: _by_recipe(claim, name, [predictors[recipe] for recipe in needed])}
    judged = {
        recipe: _by_recipe(claim, recipe, [predictors[recipe]])
        for recipe in RECIPES
        if recipe in predictors
    }
    # The article's own comes first; of those beside it, what could not be measured is left out.
    measured = {recipe: result for recipe, result in judged.items() if len(result[0])}
    return {name: judged[name], **measured}


def _by_recipe(
    claim: Claim, recipe: str, predictors: list[RecipePredictor]
) -> tuple[pd.DataFrame, Judgement]:
    """Rows and judgement by one recipe, or by those that the claim names, the first one first."""
    fewest = min(predictors, key=lambda predictor: predictor.networks)
    table = NO_ROWS
    try:
        if predictors[0].networks < claim.least_networks:
            raise NotTestableError(
                f"This takes at least {claim.least_networks} networks; the run has "
                f"{predictors[0].networks}."
            )
        table = pd.concat([NO_ROWS, *claim.measure(predictors[0])]).round(DECIMALS)
        table = table.assign(claim=claim.id, recipe=recipe)
        return table, _by_full_training(claim.judge(table), fewest)
    except NotTestableError as error:
        return table, Judgement(Verdict.NOT_TESTABLE, str(error))


def _by_full_training(judgement: Judgement, predictor: RecipePredictor) -> Judgement:
    """No verdict for other epochs than the recipe's; fewer networks or images are mentioned."""
    epochs = predictor.plan.configuration.recipe(predictor.recipe).epochs
    wanted = predictor.plan.task.recipe(predictor.recipe).epochs
    if epochs != wanted:
        reason = f"Networks were trained for {epochs} epochs, not {wanted}. {judgement.why}"
        return judgement._replace(verdict=Verdict.NOT_TESTABLE, why=reason)
    draws = {
        "networks": (predictor.networks, NETWORKS),
        "images": (len(predictor.labels), predictor.plan.task.test_images),
    }
    fewer = [f"Only {n} {what}, not {of}. " for what, (n, of) in draws.items() if n < of]
    return judgement._replace(why="".join([*fewer, judgement.why]))


def _described(claim: Claim, judged: Judged) -> dict[str, Any]:
    """As `claims.json` has it: the verdict by the recipe that decides, and those beside it."""
    fields = ("id", "statement", "place", "weight", "task", "rule", "against", "figure")
    judgements = {recipe: _plain(judgement) for recipe, (_, judgement) in judged.items()}
    decides = next(iter(judgements))
    return {
        **{name: getattr(claim, name) for name in fields},
        **{"recipe": decides, **judgements.pop(decides)},
        "beside": judgements,
    }


def _plain(judgement: Judgement) -> dict[str, Any]:
    parts = [part._asdict() for part in judgement.parts]
    return {"verdict": judgement.verdict.value, "why": judgement.why, "parts": parts}


def _setting(predictors: Predictors) -> dict[str, Any]:
    """What verdicts rest on; only the recipe and the passes without networks of the article."""
    setting: dict[str, Any] = {"recipe": ARTICLE.name, "passes": PASSES, "beside": {}}
    if ARTICLE.name not in predictors:
        return setting
    article = predictors[ARTICLE.name]
    plan = article.plan
    return setting | {
        "networks": article.networks,
        "epochs": plan.configuration.recipe(ARTICLE.name).epochs,
        "images": len(article.labels),
        "ood": [plan.task.condition(name).label for name in article.ood],
        "beside": {name: predictors[name].repeated for name in RECIPES[1:] if name in predictors},
    }


def _write_images(article: RecipePredictor) -> None:
    """The article's two images, and what all sub-networks vote on them, if the run has them."""
    test = article.workspace.images(article.plan.task, "test")
    if len(test.labels) > PECULIAR:
        evaluated = EvaluationSet(test.images, test.labels)
        shown = [(TEST_IMAGES, evaluated, index) for index in (TYPICAL, PECULIAR)]
        save_images(shown, article.workspace.out / CLAIMS_FOLDER / IMAGES_NPZ)
        write_exact(article)
