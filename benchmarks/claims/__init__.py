"""The article, claim by claim: each measured on its own recipe, with a verdict that is computed.

A claim sees what the networks said (`answers`), turns it into numbers, and judges these numbers
alone. `claims.json` holds both; `claims.md` is made of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.claims import accuracy, agreement, cost, count_plots, missing_data, outside
from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Numbers, Verdict
from benchmarks.claims.double_softmax import double_softmax
from benchmarks.claims.exact import write_exact
from benchmarks.claims.predictions import NETWORKS, PASSES, RecipePredictions
from benchmarks.files import write_json, written_whole
from benchmarks.report.claims_page import claims_page
from benchmarks.run.figure_data.images import save_images
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import EvaluationSet
from benchmarks.vocabulary import (
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CLAIMS_MD,
    IMAGES_NPZ,
    PECULIAR,
    TEST_IMAGES,
    TYPICAL,
)
from methods.networks.recipes import ARTICLE, ARTICLE_LOGITS, RECIPES, STANDARD
from methods.threads import one_torch_thread

_ALL = (
    *accuracy.CLAIMS,
    *count_plots.CLAIMS,
    *agreement.CLAIMS,
    *cost.CLAIMS,
    *outside.CLAIMS,
    *missing_data.CLAIMS,
)

ORDER = (
    *("accuracy-rises", "final-accuracy", "image-61", "image-591", "certain-when-agreeing"),
    *("disagree-on-edge-cases", "dropout-mimics-ensemble", "fifty-is-expensive"),
    *("ood-still-classified", "ood-is-aleatoric", "epistemic-is-missing-data"),
    *("softmax-is-not-certainty", "eval-switch"),
)

CLAIMS = {id: claim for id in ORDER for claim in _ALL if claim.id == id}
"""Every claim by its id."""

BESIDE = (ARTICLE_LOGITS.name, STANDARD.name)
"""The recipes by which a claim is measured as well, without a verdict: the article has its own."""

DECIMALS = 6


@one_torch_thread()
def write_claims(plan: Plan, workspace: Workspace, unavailable: Mapping[str, str]) -> None:
    """Measure and judge every claim: `claims.json`, `claims.md`, and the tables of `exact`.

    What networks answer is kept among the run's shards, so that a second time is quick.
    """
    content = _content(plan, workspace, unavailable)
    write_json(content, workspace.out / CLAIMS_JSON)
    with written_whole(workspace.out / CLAIMS_MD) as temporary:
        temporary.write_text(claims_page(content), encoding="utf-8")


def _content(plan: Plan, workspace: Workspace, unavailable: Mapping[str, str]) -> dict[str, Any]:
    chosen = plan.configuration
    setting: dict[str, Any] = {"recipe": ARTICLE.name, "passes": PASSES}
    trained = {recipe for recipe, _ in plan.networks()}
    if ARTICLE.name not in trained:
        reason = (
            f"the run has no networks of the recipe {ARTICLE.name!r}; --recipe {ARTICLE.name} "
            "trains them"
        )
        untestable = Judgement(Verdict.NOT_TESTABLE, reason)
        claims = [_described(claim, untestable, {}, {}) for claim in CLAIMS.values()]
        return {"setting": setting, "claims": claims, "double_softmax": []}
    predictions = {
        name: RecipePredictions.of(plan, workspace, name, unavailable)
        for name in (ARTICLE.name, *BESIDE)
        if name in trained
    }
    article = predictions[ARTICLE.name]
    setting |= {
        "networks": article.networks,
        "epochs": chosen.recipe(ARTICLE.name).epochs,
        "images": len(article.labels),
        "ood": list(article.ood),
        "unavailable": list(unavailable),
        "beside": {name: one.repeated for name, one in predictions.items() if name in BESIDE},
    }
    test = workspace.test_images()
    if len(test.labels) > PECULIAR:
        both = EvaluationSet(test.images, test.labels)
        pictures = [(TEST_IMAGES, both, index) for index in (TYPICAL, PECULIAR)]
        save_images(pictures, workspace.out / CLAIMS_FOLDER / IMAGES_NPZ)
        write_exact(article)
    return {
        "setting": setting,
        "claims": [_judged(claim, predictions) for claim in CLAIMS.values()],
        "double_softmax": [_rounded(row) for row in double_softmax(workspace)],
    }


def _judged(claim: Claim, predictions: Mapping[str, RecipePredictions]) -> dict[str, Any]:
    """The claim with its numbers by every recipe, and a verdict by the article's alone."""
    numbers: dict[str, Numbers] = {}
    found: dict[str, Judgement] = {}
    for recipe, of_recipe in predictions.items():
        try:
            _require_networks(claim, of_recipe)
            measured = claim.measure(of_recipe)
            numbers[recipe] = {
                name: [round(value, DECIMALS) for value in values]
                for name, values in measured.items()
            }
            found[recipe] = claim.judge(numbers[recipe])
        except NotTestableError as error:
            found[recipe] = Judgement(Verdict.NOT_TESTABLE, str(error))
    verdict = _on_the_articles_terms(found.pop(ARTICLE.name), predictions[ARTICLE.name])
    beside = {recipe: found[recipe].why for recipe in found if recipe in numbers}
    return _described(claim, verdict, numbers, beside)


def _require_networks(claim: Claim, predictions: RecipePredictions) -> None:
    if predictions.networks < claim.least_networks:
        raise NotTestableError(
            f"this takes at least {claim.least_networks} networks; the run has {predictions.networks}"
        )


def _on_the_articles_terms(judgement: Judgement, predictions: RecipePredictions) -> Judgement:
    """No verdict on another set-up than the article's; of fewer draws the reader is told."""
    epochs = predictions.plan.configuration.recipe(ARTICLE.name).epochs
    wanted = RECIPES[ARTICLE.name].epochs
    if judgement.verdict == Verdict.NOT_TESTABLE:
        return judgement
    if epochs != wanted:
        reason = f"epochs of training: {epochs}, not {wanted}; measured was: {judgement.why}"
        return Judgement(Verdict.NOT_TESTABLE, reason)
    draws = {
        "networks": (predictions.networks, NETWORKS),
        "images": (len(predictions.labels), len(predictions.workspace.test_images().labels)),
    }
    fewer = [f"only {n} {what}, not {of}; " for what, (n, of) in draws.items() if n < of]
    return Judgement(judgement.verdict, "".join([*fewer, judgement.why]))


def _described(
    claim: Claim, judgement: Judgement, numbers: Mapping[str, Numbers], beside: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "id": claim.id,
        "statement": claim.statement,
        "place": claim.place,
        "rule": claim.rule,
        "remark": claim.remark,
        "verdict": judgement.verdict.value,
        "why": judgement.why,
        "beside": dict(beside),
        "figure": claim.figure,
        "numbers": {
            recipe: {name: [_or_none(value) for value in values] for name, values in some.items()}
            for recipe, some in numbers.items()
        },
    }


def _rounded(row: Mapping[str, object]) -> dict[str, object]:
    return {
        name: round(value, DECIMALS) if isinstance(value, float) else value
        for name, value in row.items()
    }


def _or_none(value: float) -> float | None:
    """JSON knows no NaN."""
    return None if math.isnan(value) else value
