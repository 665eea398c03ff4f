"""Write `claims.json` and `claims.md`: every claim's numbers by each recipe, and its verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Numbers, Verdict
from benchmarks.claims.exact import write_exact
from benchmarks.claims.intervals import over_networks
from benchmarks.claims.predictor import NETWORKS, PASSES, RecipePredictor
from benchmarks.claims.statements import CLAIMS
from benchmarks.claims.statements.count_plots import MANY_FOR_3
from benchmarks.files import write_json, written_whole
from benchmarks.report.claims_page import claims_page
from benchmarks.run.plan import Plan
from benchmarks.run.shown_images import save_images
from benchmarks.run.workspace import Workspace
from benchmarks.schema import members_rank, read_table, where
from benchmarks.tasks.conditions import EvaluationSet
from benchmarks.vocabulary import (
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CLAIMS_MD,
    CLEAN,
    IMAGES_NPZ,
    MEASUREMENTS_CSV,
    PECULIAR,
    TEST_IMAGES,
    TYPICAL,
    WITH_VALUE,
)
from methods import UncertaintyMethod
from methods.networks.recipes import ARTICLE, ARTICLE_LOGITS, STANDARD
from methods.threads import one_torch_thread

BESIDE = (ARTICLE_LOGITS.name, STANDARD.name)
"""The recipes by which a claim is measured for comparison: the article has its own."""

SETTING: dict[str, Any] = {"recipe": ARTICLE.name, "passes": PASSES}

DECIMALS = 6


@one_torch_thread()
def write_claims(plan: Plan, workspace: Workspace, unavailable: Mapping[str, str]) -> None:
    """Measure and judge the task's claims: `claims.json`, `claims.md`, and the tables of `exact`.

    Predictions are stored among the run's prediction files, so that a second time is quick.
    """
    claims = [claim for claim in CLAIMS.values() if claim.task == plan.task.name]
    if not claims:
        return
    content = _content(plan, workspace, unavailable, claims)
    write_json(content, workspace.out / CLAIMS_JSON)
    with written_whole(workspace.out / CLAIMS_MD) as temporary:
        temporary.write_text(claims_page(content), encoding="utf-8")


def _content(
    plan: Plan, workspace: Workspace, unavailable: Mapping[str, str], claims: list[Claim]
) -> dict[str, Any]:
    trained = dict.fromkeys(recipe for recipe, _ in plan.networks())
    predictors = {
        name: RecipePredictor.of(plan, workspace, name, unavailable)
        for name in (ARTICLE.name, *BESIDE, *trained)
        if name in trained
    }
    judged = [_judged(claim, predictors) for claim in claims]
    if ARTICLE.name not in trained:
        return {"setting": SETTING, "claims": judged, "double_softmax": {}}
    test = workspace.images(plan.task, "test")
    if len(test.labels) > PECULIAR:
        evaluated = EvaluationSet(test.images, test.labels)
        shown = [(TEST_IMAGES, evaluated, index) for index in (TYPICAL, PECULIAR)]
        save_images(shown, workspace.out / CLAIMS_FOLDER / IMAGES_NPZ)
        write_exact(predictors[ARTICLE.name])
    return {
        "setting": _setting(predictors),
        "claims": judged,
        "double_softmax": _double_softmax(predictors[ARTICLE.name]),
    }


def _setting(predictors: Mapping[str, RecipePredictor]) -> dict[str, Any]:
    article = predictors[ARTICLE.name]
    plan = article.plan
    return SETTING | {
        "networks": article.networks,
        "epochs": plan.configuration.recipe(ARTICLE.name).epochs,
        "images": len(article.labels),
        "training_images": {
            name: plan.task.images_to_train_with(plan.configuration.recipe(name).split)
            for name in _beside_the_article(predictors)
        },
        "ood": [plan.task.condition(name).label for name in article.ood],
        "unavailable": [
            one.label
            for one in plan.conditions
            if one.name in article.unavailable and not one.subset
        ],
        "beside": {name: one.repeated for name, one in predictors.items() if name in BESIDE},
    }


def _judged(claim: Claim, predictors: Mapping[str, RecipePredictor]) -> dict[str, Any]:
    """The claim, measured and judged by its own recipes or the article's, and by those beside."""
    needed = claim.recipes or (ARTICLE.name,)
    if missing := [name for name in needed if name not in predictors]:
        reason = (
            f"The run has no networks of the recipe {missing[0]!r}; this claim needs "
            f"--recipe {','.join(needed)}."
        )
        return _described(claim, {needed[0]: Judgement(Verdict.NOT_TESTABLE, reason)}, {})
    numbers: dict[str, Numbers] = {}
    judgements: dict[str, Judgement] = {}
    for recipe in needed[:1] if claim.recipes else _beside_the_article(predictors):
        try:
            _require_networks(claim, predictors[recipe])
            measured = claim.measure(predictors[recipe])
            numbers[recipe] = {
                quantity: [round(value, DECIMALS) for value in values]
                for quantity, values in measured.items()
            }
            judgements[recipe] = _by_full_training(
                claim.judge(numbers[recipe]), _fewest(recipe, needed, predictors)
            )
        except NotTestableError as error:
            judgements[recipe] = Judgement(Verdict.NOT_TESTABLE, str(error))
    own = " and ".join(claim.recipes)
    if own and numbers:
        numbers = {own: numbers[needed[0]]}
        judgements = {own: judgements[needed[0]]}
    first, *others = judgements
    shown = [first, *(recipe for recipe in others if recipe in numbers)]
    return _described(claim, {recipe: judgements[recipe] for recipe in shown}, numbers)


def _fewest(
    recipe: str, needed: Sequence[str], predictors: Mapping[str, RecipePredictor]
) -> RecipePredictor:
    """Of the recipe; where a claim needs several, of the one with the fewest networks."""
    some = needed if recipe in needed else (recipe,)
    return min((predictors[name] for name in some), key=lambda one: one.networks)


def _require_networks(claim: Claim, predictor: RecipePredictor) -> None:
    if predictor.networks < claim.least_networks:
        raise NotTestableError(
            f"This takes at least {claim.least_networks} networks; the run has "
            f"{predictor.networks}."
        )


def _beside_the_article(predictors: Mapping[str, RecipePredictor]) -> list[str]:
    return [name for name in (ARTICLE.name, *BESIDE) if name in predictors]


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


def _described(
    claim: Claim, judgements: Mapping[str, Judgement], numbers: Mapping[str, Numbers]
) -> dict[str, Any]:
    """As `claims.json` has it; the first judgement is the verdict, the others stand beside it."""
    judgement, *_ = judgements.values()
    others = dict(list(judgements.items())[1:])
    return {
        "id": claim.id,
        "statement": claim.statement,
        "place": claim.place,
        "weight": claim.weight,
        "task": claim.task,
        "rule": claim.rule,
        "against": claim.against,
        "verdict": judgement.verdict.value,
        "why": judgement.why,
        "beside": {recipe: one.why for recipe, one in others.items()},
        "verdicts_beside": {recipe: one.verdict.value for recipe, one in others.items()},
        "parts": {
            recipe: [part._asdict() for part in one.parts]
            for recipe, one in judgements.items()
            if one.parts
        },
        "figure": claim.figure,
        "numbers": {
            recipe: [quantity.entry(values) for quantity, values in some.items()]
            for recipe, some in numbers.items()
        },
    }


def _double_softmax(article: RecipePredictor) -> dict[str, Any]:
    """What the slip costs, and which claim shows what it does to a single image."""
    return {
        "claim": MANY_FOR_3.id,
        "image": PECULIAR,
        "rows": double_softmax(article.plan, article.workspace, article.ood),
    }


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
    table = table[table["recipe"].isin((ARTICLE.name, *BESIDE)) & table["status"].isin(WITH_VALUE)]
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
                    "values": _rounded(
                        {r: values[r].mean() for r in (ARTICLE.name, *BESIDE) if r in values}
                    ),
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
