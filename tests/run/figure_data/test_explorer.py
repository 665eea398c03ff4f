"""The images of the explorer: which are chosen, and their numbers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.metrics import METRICS
from benchmarks.predictions import RunUnit
from benchmarks.run.configuration import Configuration
from benchmarks.run.figure_data import explorer
from benchmarks.run.figure_data.explorer import explored, write_explorer
from benchmarks.run.figure_data.images import write_images
from benchmarks.run.plan import Plan
from benchmarks.schema import read_table
from benchmarks.tasks.conditions import choice
from tests.runs import Run, lose_predictions, make_up_predictions, run_of

CONFIGURATION = Configuration(
    preset="quick",
    task="mnist",
    recipes=("article", "standard"),
    methods=("softmax", "mc_dropout"),
    conditions=("rotated-030", "rotated-120", "ood-uniform_noise"),
    members=(4,),
    passes=(3, 6),
    replicates=1,
    images=None,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Made-up predictions of all test images."""
    folder = tmp_path_factory.mktemp("explorer")
    run = run_of(CONFIGURATION, folder)
    make_up_predictions(run)
    write_explorer(*run)
    return run


def table(run: Run) -> pd.DataFrame:
    return read_table(run.workspace.out / "curves", "explorer.csv")


def test_three_hundred_images_are_chosen_for_every_reason(run: Run) -> None:
    chosen = explored(run.plan, run.workspace.predictions)
    images = [(one.recipe, one.condition.name, one.image) for one in chosen]
    assert len(set(images)) == len(images) == 300
    reasons = {reason for one in chosen for reason in one.reasons}
    assert reasons == {
        *("article", "sample", "divergent", "high-disagreement:mc_dropout"),
        *("wrong:softmax", "wrong:mc_dropout"),
    }
    assert {one.condition.name for one in chosen} == {"clean", "rotated-030", "ood-uniform_noise"}


def test_digits_of_the_article_are_there_by_both_recipes(run: Run) -> None:
    chosen = {
        (one.recipe, one.image)
        for one in explored(run.plan, run.workspace.predictions)
        if "article" in one.reasons
    }
    assert chosen == {(recipe, image) for recipe in ("article", "standard") for image in (61, 591)}
    rows = table(run)
    assert set(rows.loc[rows["recipe"] == "article", "number"]) == {61, 591}


def test_digits_of_the_article_are_found_among_fewer_images(run: Run) -> None:
    some = Plan(replace(CONFIGURATION, images=9_000))
    chosen = choice(10_000, 9_000, 0).tolist()
    shown = {image for image in (61, 591) if image in chosen}
    indices = {image for _, (_, _, image) in explorer._of_article(some, "standard")}
    assert {chosen[index] for index in indices} == shown


def test_chosen_are_those_of_the_highest_values(run: Run) -> None:
    rows = table(run)
    rows = rows[(rows["recipe"] == "standard") & (rows["condition"] == "clean")]
    stored = run.workspace.predictions.load(RunUnit("standard", "mc_dropout", 6, 0), "clean")
    high_disagreement = METRICS["pairwise_disagreement"].function(stored.prediction)
    reason = (
        rows["reasons"]
        .str.split(";")
        .map(lambda reasons: "high-disagreement:mc_dropout" in reasons)
    )
    chosen = sorted(set(rows.loc[reason, "index"]))
    least = high_disagreement[chosen].min()
    assert (high_disagreement > least).sum() <= len(chosen)
    reason = rows["reasons"].str.split(";").map(lambda reasons: "wrong:softmax" in reasons)
    wrong = rows[reason & (rows["method"] == "softmax")]
    votes = wrong[[f"vote_share_{c}" for c in range(10)]].to_numpy()
    assert (votes.argmax(axis=1) != wrong["label"]).all()


def test_numbers_are_those_of_the_prediction_files(run: Run) -> None:
    rows = table(run)
    classes = [f"{kind}_{c}" for kind in ("vote_share", "mean_probability") for c in range(10)]
    assert tuple(rows.columns) == (*explorer.COLUMNS, *classes)
    for row in rows.sample(40, random_state=0).to_dict("records"):
        size = 6 if row["method"] == "mc_dropout" else None
        stored = run.workspace.predictions.load(
            RunUnit(row["recipe"], row["method"], size, 0), row["condition"]
        )
        i, prediction = row["index"], stored.prediction
        for kind, values in (
            ("vote_share", prediction.vote_share),
            ("mean_probability", prediction.mean),
        ):
            written = [row[f"{kind}_{c}"] for c in range(10)]
            assert written == pytest.approx(values[i].tolist(), abs=5.1e-4)
        assert row["confidence"] == pytest.approx(prediction.mean[i].max().item(), abs=5.1e-6)
        for name in explorer.MEASURES[1:]:
            expected = METRICS[name].function(prediction)[i].item()
            assert row[name] == pytest.approx(expected, abs=5.1e-6, nan_ok=True)
        label = float("nan") if stored.labels is None else int(stored.labels[i])
        assert row["label"] == pytest.approx(label, nan_ok=True)


def test_every_image_has_its_pixels_and_bytes_are_the_same_again(run: Run) -> None:
    write_images(*run)
    with np.load(run.workspace.out / "images.npz") as file:
        written = set(zip(file["condition"].tolist(), file["index"].tolist(), strict=True))
    rows = table(run)
    assert set(zip(rows["condition"], rows["index"], strict=True)) <= written
    path = run.workspace.out / "curves" / "explorer.csv"
    before = path.read_bytes()
    write_explorer(*run)
    assert path.read_bytes() == before


def test_nothing_predicted_is_an_empty_table(run: Run, tmp_path: Path) -> None:
    empty = Run(run.plan, replace(run.workspace, out=tmp_path))
    write_explorer(*empty)
    assert table(empty).empty


def test_set_that_was_not_predicted_has_no_sample(run: Run, tmp_path: Path) -> None:
    elsewhere = Run(run.plan, replace(run.workspace, out=tmp_path))
    shutil.copytree(run.workspace.out / "predictions", tmp_path / "predictions")
    lose_predictions(tmp_path, "ood-*")
    write_explorer(*elsewhere)
    assert set(table(elsewhere)["condition"]) == {"clean", "rotated-030"}
