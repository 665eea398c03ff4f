"""The stage `claims`: measure and judge the claims by the networks of an article's recipe."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import (
    ARTICLE_RECIPES,
    Claim,
    ClaimVerdict,
    Judgement,
    NotTestableError,
)
from benchmarks.claims.predictor import NETWORKS, PASSES, Predictor, trained_networks
from benchmarks.io import write_json
from benchmarks.progress import announce
from benchmarks.run.plan import Plan
from benchmarks.run.shown_images import save_images
from benchmarks.run.workspace import Workspace
from benchmarks.schema import ClaimRow, table_of, write_table
from benchmarks.tasks.mnist import PECULIAR, TYPICAL
from benchmarks.tasks.task import EvaluationSet
from benchmarks.vocabulary import CLAIMS_CSV, CLAIMS_FOLDER, CLAIMS_JSON, IMAGES_NPZ, TEST_IMAGES
from methods.determinism import one_torch_thread

NO_ROWS = table_of(ClaimRow, ())

DECIMALS = 6
"""Of the numbers in `claims.csv`."""

DESCRIBED = ("id", "statement", "place", "weight", "task", "rule", "against", "figure")
"""The fields of a claim that `claims.json` has, beside what is judged of it."""


@one_torch_thread()
def write_claims(plan: Plan, workspace: Workspace, unavailable: Mapping[str, str]) -> None:
    """Measure and judge the task's claims: `claims.csv`, `claims.json`.

    Predictions are stored among the run's prediction files, so that a second time is quick.
    """
    recipe = plan.recipe
    claims = [claim for claim in CLAIMS.values() if claim.task == plan.task.name]
    networks = trained_networks(plan) if recipe.name in ARTICLE_RECIPES else 0
    if not (claims and networks):
        about = f"networks of the recipe {recipe.name} on the task {plan.task.name}"
        announce("claims", f"nothing to do: no claim is about {about}")
        return
    predictor = Predictor(plan, workspace, min(NETWORKS, networks), unavailable)
    test = workspace.images(plan.task, "test")
    if len(test.labels) > PECULIAR:
        evaluated = EvaluationSet(test.images, test.labels)
        shown = [(TEST_IMAGES, evaluated, index) for index in (TYPICAL, PECULIAR)]
        save_images(shown, workspace.out / CLAIMS_FOLDER / IMAGES_NPZ)
    judged = [(claim, *_judged(claim, predictor)) for claim in claims]
    write_table(pd.concat([table for _, table, _ in judged]), workspace.out, CLAIMS_CSV)
    setting = {
        "recipe": recipe.name,
        "passes": PASSES,
        "networks": predictor.networks,
        "epochs": recipe.epochs,
        "images": len(predictor.labels),
        "ood": [plan.task.condition(name).label for name in predictor.ood],
    }
    described = [
        {name: getattr(claim, name) for name in DESCRIBED}
        | {"verdict": verdict.value, "why": why, "parts": [part._asdict() for part in parts]}
        for claim, _, (verdict, why, parts) in judged
    ]
    write_json({"setting": setting, "claims": described}, workspace.out / CLAIMS_JSON)


def _judged(claim: Claim, predictor: Predictor) -> tuple[pd.DataFrame, Judgement]:
    """The rows of a claim, and what its rule says of them."""
    table, plan = NO_ROWS, predictor.plan
    try:
        if predictor.networks < claim.least_networks:
            raise NotTestableError(
                f"This takes at least {claim.least_networks} networks; the run has "
                f"{predictor.networks}."
            )
        table = pd.concat([NO_ROWS, *claim.measure(predictor)]).round(DECIMALS)
        table = table.assign(claim=claim.id)
        verdict, why, parts = claim.judge(table)
    except NotTestableError as error:
        return table, Judgement(ClaimVerdict.NOT_TESTABLE, str(error))
    # No verdict for other epochs than the recipe's; fewer networks or images are mentioned.
    epochs, wanted = plan.recipe.epochs, plan.task.recipe(plan.recipe.name).epochs
    if epochs != wanted:
        verdict = ClaimVerdict.NOT_TESTABLE
        why = f"Networks were trained for {epochs:g} epochs, not {wanted:g}. {why}"
    else:
        images, test_images = len(predictor.labels), plan.task.test_images
        if images < test_images:
            why = f"Only {images} images, not {test_images}. {why}"
        if predictor.networks < NETWORKS:
            why = f"Only {predictor.networks} networks, not {NETWORKS}. {why}"
    return table, Judgement(verdict, why, parts)
