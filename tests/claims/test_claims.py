"""The stage `claims`, end to end, on a run by the article's recipe and on others."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.claims import CLAIMS, exact, training_sets
from benchmarks.claims.claim import Verdict, values
from benchmarks.claims.predictor import TWO_IMAGES, RecipePredictor
from benchmarks.data.loading import load_mnist
from benchmarks.predictions import THE_RUN
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, where
from benchmarks.tasks.shifts import rotated
from benchmarks.vocabulary import CEILING, IMITATION, OTHER_MASKS, OTHER_NETWORK
from methods import METHODS
from tests.claims.support import NO, PARTLY, YES, run_in, write_latency
from tests.runs import lose_predictions

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_mnist")]


def claims_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "out" / "claims.json").read_text())
    return content


def written(folder: Path) -> dict[str, bytes]:
    paths = [folder / "out" / name for name in ("claims.csv", "claims.json")]
    return {path.name: path.read_bytes() for path in (*paths, *(folder / "out/claims").iterdir())}


def rows_of(folder: Path, claim: str, **columns: object) -> pd.DataFrame:
    return where(read_table(folder / "out", "claims.csv"), claim=claim, **columns)


def by_id(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {claim["id"]: claim for claim in content["claims"]}


def test_every_claim_is_measured_and_judged(finished: Path) -> None:
    content = claims_of(finished)
    assert tuple(by_id(content)) == tuple(CLAIMS)
    for claim in content["claims"]:
        if CLAIMS[claim["id"]].recipes:  # which this run has not
            assert claim["verdict"] == Verdict.NOT_TESTABLE
            continue
        assert claim["verdict"] in set(Verdict) - {Verdict.NOT_TESTABLE}, claim["id"]
        assert claim["why"].startswith("Only 10 networks, not 50. ")
    setting = content["setting"]
    assert (setting["networks"], setting["epochs"], setting["images"]) == (10, 10, 600)
    assert setting["ood"] == ["Uniform noise"]


def test_verdict_follows_from_the_published_numbers(finished: Path) -> None:
    table = read_table(finished / "out", "claims.csv")
    claims = by_id(claims_of(finished))
    measured = [claim for claim in CLAIMS.values() if not claim.recipes]
    assert {claim.id for claim in measured} | {"double-softmax"} == set(table["claim"])
    for claim in measured:
        judgement = claim.judge(where(table, claim=claim.id, recipe="article"))
        assert judgement.verdict == claims[claim.id]["verdict"]
        assert claims[claim.id]["why"].endswith(judgement.why)


def test_other_recipes_stand_beside_with_a_verdict_by_the_same_rule(finished: Path) -> None:
    claims = by_id(claims_of(finished))
    of_image = claims["image-591-many-for-3"]
    assert (of_image["recipe"], set(of_image["beside"])) == ("article", {"article-logits"})
    three = rows_of(finished, of_image["id"], recipe="article-logits", case="3")
    holding = sum(three["value"] > 40)
    # Of ten networks nine show a half, and four a tenth.
    expected = YES if holding >= 9 else PARTLY if holding >= 4 else NO
    assert of_image["beside"]["article-logits"]["verdict"] == expected
    for id in ("epistemic-is-missing-data", "fifty-is-expensive"):
        assert claims[id]["beside"] == {}
        assert set(rows_of(finished, id)["recipe"]) == {"article"}


def test_votes_are_mc_dropouts_own(finished: Path) -> None:
    run = run_in(finished)
    pool = run.plan.pool("article-logits", run.workspace.store)
    training = run.workspace.training_images(run.plan, "article-logits")
    test = run.workspace.images(run.plan.task, "test")
    method = METHODS["mc_dropout"].build(pool, 1, 100).fit(training.images, training.labels)
    expected = method.predict(test.images[591:592]).vote_share[0] * 100
    votes = rows_of(finished, "image-591-many-for-3", recipe="article-logits", network=1)
    assert votes["case"].tolist() == [str(c) for c in range(10)]
    assert votes["value"].tolist() == expected.round().tolist()


def test_predictions_of_another_run_are_made_again(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    run = run_in(tmp_path)
    predictor = RecipePredictor.of(*run, "article", {})
    unit, store = predictor.exact(0), run.workspace.predictions
    expected = predictor.get(unit, TWO_IMAGES).mean
    stored = store.load(unit, TWO_IMAGES)
    other = replace(stored.prediction, mean=stored.prediction.mean.flip(0))
    store.save(unit, TWO_IMAGES, replace(stored, prediction=other, sources={THE_RUN: 1}))
    assert torch.equal(predictor.get(unit, TWO_IMAGES).mean, expected)


def test_second_time_predicts_nothing_and_writes_the_same_bytes(
    finished: Path, tmp_path: Path
) -> None:
    def stored() -> dict[Path, int]:
        folders = (tmp_path / "out" / "predictions", tmp_path / "networks")
        return {
            path: path.stat().st_mtime_ns
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file()
        }

    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    before, times = written(tmp_path), stored()
    assert run_stages(*run_in(tmp_path), "claims") == []
    assert (written(tmp_path), stored()) == (before, times)


def test_jobs_do_not_show(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    before = written(tmp_path)
    lose_predictions(tmp_path / "out", "article-images")
    assert run_stages(*run_in(tmp_path, jobs=2), "claims") == []
    assert written(tmp_path) == before


def test_without_the_articles_recipe_nothing_is_measured(tmp_path: Path) -> None:
    assert run_stages(*run_in(tmp_path, recipes=("standard",)), "claims") == []
    assert not (tmp_path / "out" / "predictions").exists()
    content = claims_of(tmp_path)
    assert {claim["verdict"] for claim in content["claims"]} == {Verdict.NOT_TESTABLE}
    recipes = {re.findall(r"needs --recipe (\S+)\.$", one["why"])[0] for one in content["claims"]}
    assert recipes == {"article", "plain,relu"}


def test_claim_with_recipes_of_its_own_needs_no_article(tmp_path: Path) -> None:
    recipes = CLAIMS["architectures-differ"].recipes
    run = run_in(tmp_path, recipes=recipes, members=(9,), conditions=(), methods=("deep_ensemble",))
    assert run_stages(*run, "train") == []
    assert run_stages(*run, "claims") == []
    claim = by_id(claims_of(tmp_path))["architectures-differ"]
    assert claim["verdict"] in set(Verdict) - {Verdict.NOT_TESTABLE}
    few = "Only 9 networks, not 50. Only 600 images, not 10000. "
    assert claim["why"].startswith(f"{few}Two networks of different architectures disagree on ")
    assert claim["recipe"] == "plain and relu"
    assert list(
        values(rows_of(tmp_path, claim["id"]), "networks", case="of each architecture")
    ) == [4]
    accuracies = rows_of(tmp_path, claim["id"], metric="accuracy")
    assert accuracies.groupby(["method", "case"]).size().to_dict() == {
        ("deep_ensemble", "mixed, of 4 networks"): 2,
        **{("deep_ensemble", f"{recipe}, of 4 networks"): 1 for recipe in recipes},
        **{("softmax", recipe): 4 for recipe in recipes},
    }


def test_other_training_gets_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.claims.writing.write_exact", lambda _: None)
    run = run_in(tmp_path, epochs=1, recipes=("article",), conditions=())
    assert run_stages(*run, "train") == []
    write_latency(tmp_path)
    assert run_stages(*run) == []
    claims = by_id(claims_of(tmp_path))
    assert {claim["verdict"] for claim in claims.values()} == {Verdict.NOT_TESTABLE}
    why = {id: claim["why"] for id, claim in claims.items()}
    assert why["image-61"].startswith("Networks were trained for 1 epochs, not 10. ")
    assert "one epoch only" in why["accuracy-rises"]
    assert "no out-of-distribution images" in why["ood-is-aleatoric"]
    assert "4 conditions that could be judged hold" in why["fifty-is-expensive"]


@pytest.mark.parametrize("name", training_sets.TRAINING_SETS)
def test_training_sets_take_as_many_steps(name: str, finished: Path) -> None:
    run = run_in(finished)
    pool, training = training_sets.training_set(*run, name)
    images = training_sets.SIZES.get(name, 600)
    assert len(training.labels) == images
    counts = torch.bincount(training.labels, minlength=10)
    if name in training_sets.SIZES:
        assert counts.tolist() == [images // 10] * 10
    assert pool.recipe.epochs * -(-images // 64) == pytest.approx(100, abs=3)


def test_smaller_training_set_is_part_of_the_larger(finished: Path) -> None:
    few, more = (
        {image.numpy().tobytes() for image in training_sets.training_set(*run, name)[1].images}
        for run, name in product([run_in(finished)], training_sets.SIZES)
    )
    assert few < more


def test_images_are_rotated_by_the_drawn_angle_as_in_the_conditions() -> None:
    class Quarter:
        def uniform(self, *_: object) -> np.ndarray:
            return np.array([np.pi / 4, -np.pi / 6])

    images = load_mnist("test").images[:2]
    drawn = training_sets.rotated_at_random(images, Quarter())  # type: ignore[arg-type]
    expected = torch.stack([rotated(images, 45)[0], rotated(images, -30)[1]])
    torch.testing.assert_close(drawn, expected, atol=1e-4, rtol=0)


def test_sampled_shares_of_votes_are_near_the_exact_ones(finished: Path) -> None:
    table = read_table(finished / "out" / "claims", "exact.csv")
    assert set(table["image"]) == {61, 591}
    shares = where(table, measure="votes")
    totals = shares.groupby(["network", "image"])[["exact", "sampled"]].sum()
    np.testing.assert_allclose(totals, 1, atol=1e-5)
    # The standard deviation of a share of 100 votes is 0.05 at most.
    assert (shares["exact"] - shares["sampled"]).abs().max() < 0.25


def test_imitation_is_measured_on_networks_of_neither_ensemble(finished: Path) -> None:
    predictor = RecipePredictor.of(*run_in(finished), "article", {})
    a, b = predictor.disjoint_ensembles
    units = (a, b, predictor.choosing_ensemble)
    used = [list(predictor.method(unit).networks) for unit in units]
    assert used == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [12, 13, 14]]
    assert list(predictor.outside) == [10, 11]
    correlations = rows_of(
        *(finished, "dropout-mimics-ensemble"),
        recipe="article",
        metric="rank_correlation",
        score="mutual_information",
        condition="clean",
    )
    assert correlations.groupby("case").size().to_dict() == {
        IMITATION: 2,
        OTHER_NETWORK: 1,
        OTHER_MASKS: 1,
        CEILING: 1,
    }


def test_other_masks_follow_those_of_mc_dropout(finished: Path) -> None:
    predictor = RecipePredictor.of(*run_in(finished), "article", {})
    _, training = predictor.pool()
    images = predictor.images("clean").images[:20]
    first, other, both = (
        predictor.method(unit).fit(training.images, training.labels).predict(images).vote_share
        for unit in (
            predictor.mc_dropout(1, 8),
            predictor.other_masks(1, 8),
            predictor.mc_dropout(1, 16),
        )
    )
    torch.testing.assert_close((first + other) / 2, both)
    assert not torch.equal(first, other)


def test_parts_of_the_variance_are_those_that_were_simulated() -> None:
    """Shares differ by network with a known standard deviation; votes are binomial draws."""
    random = np.random.default_rng(0)
    share = random.beta(8, 4, 20_000)
    table = pd.DataFrame(
        {
            "recipe": "article",
            "image": 61,
            "measure": "votes",
            "class": 8,
            "exact": share,
            "sampled": random.binomial(100, share) / 100,
        }
    )
    (row,) = exact.spread(table).to_dict("records")
    both = row["std_by_network"] ** 2 + row["std_by_passes"] ** 2
    assert both == pytest.approx(row["sampled_std"] ** 2, rel=0.03)
    assert row["variance_by_network"] == pytest.approx(share.var() / both, rel=0.01)


def test_one_network_has_no_verdict_that_takes_several(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "networks", tmp_path / "networks")
    alone = run_in(tmp_path, recipes=("article",), members=(1,), replicates=1)
    for stage in ("train", "predict", "measure", "claims"):
        assert run_stages(*alone, stage) == []
    claims = by_id(claims_of(tmp_path))
    for id, claim in CLAIMS.items():
        reason = f"This takes at least {claim.least_networks} networks; the run has 1."
        assert (claims[id]["why"] == reason) is (claim.least_networks > 1), id
    assert {claim["verdict"] for claim in claims.values()} == {Verdict.NOT_TESTABLE}
