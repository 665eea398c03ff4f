"""The single images that are shown: which are chosen, and each method's predictions of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from benchmarks.predictions import RunUnit
from benchmarks.run import shown_images
from benchmarks.run.configuration import Configuration
from benchmarks.run.shown_images import IMAGES_PER_CONDITION, write_shown
from benchmarks.schema import read_table
from benchmarks.tasks.task import choice
from tests.runs import CONDITIONS, Run, lose_predictions, make_up_predictions, run_of

CONFIGURATION = Configuration(
    preset="quick",
    task="mnist",
    recipe="article",
    methods=("softmax", "mc_dropout"),
    conditions=("rotated-030", "rotated-120", "ood-uniform_noise"),
    members=(4,),
    passes=(3, 6),
    replicates=1,
    images=None,
)


OF_FEW = replace(
    CONFIGURATION,
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    replicates=2,
    images=70,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Made-up predictions of all test images."""
    run = run_of(CONFIGURATION, tmp_path_factory.mktemp("shown"))
    make_up_predictions(run)
    write_shown(*run)
    return run


@pytest.fixture(scope="module")
def of_few(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Of some images; softmax has lost its first replicate."""
    run = run_of(OF_FEW, tmp_path_factory.mktemp("few"))
    make_up_predictions(run, lost=("softmax", 0))
    write_shown(*run)
    return run


def table(run: Run) -> pd.DataFrame:
    return read_table(run.workspace.out / "curves", "image_votes.csv")


def images_of(run: Run) -> dict[str, NDArray[np.generic]]:
    with np.load(run.workspace.out / "images.npz") as file:
        return dict(file)


def with_predictions_of(run: Run, folder: Path) -> Run:
    """The same run in another folder, with a copy of the predictions."""
    shutil.copytree(run.workspace.out / "predictions", folder / "predictions")
    return Run(run.plan, replace(run.workspace, out=folder))


def test_of_each_condition_the_images_are_shown_on_which_votes_differ_most(run: Run) -> None:
    rows = table(run)
    images = rows.drop_duplicates("rank")
    conditions = ("clean", "rotated-030", "ood-uniform_noise")
    assert dict(images["condition"].value_counts()) == dict.fromkeys(
        conditions, IMAGES_PER_CONDITION
    )
    assert list(images["rank"]) == list(range(1, 1 + len(images)))
    clean = images[images["condition"] == "clean"]
    assert set(clean["number"][:2]) == {61, 591}  # the article's
    for _, of_condition in images.groupby("condition"):
        values = list(of_condition["divergence"][2:])
        assert values == sorted(values, reverse=True)


def test_images_are_known_by_their_numbers_among_fewer(of_few: Run) -> None:
    rows = table(of_few)
    chosen = choice(10_000, 70, 0).tolist()
    clean = rows[rows["condition"] == "clean"]
    assert [chosen[index] for index in clean["index"]] == list(clean["number"])


def test_votes_are_those_of_the_prediction_files(run: Run) -> None:
    rows = table(run)
    assert tuple(rows.columns) == shown_images.COLUMNS
    for row in rows.sample(40, random_state=0).to_dict("records"):
        size = 6 if row["method"] == "mc_dropout" else None
        stored = run.workspace.predictions.load(
            RunUnit(row["method"], size, 1.0, 0), row["condition"]
        )
        i, c, prediction = row["index"], row["class"], stored.prediction
        assert row["vote_share"] == pytest.approx(prediction.vote_share[i, c].item(), abs=5.1e-6)
        assert row["mean_probability"] == pytest.approx(prediction.mean[i, c].item(), abs=5.1e-6)
        label = float("nan") if stored.labels is None else int(stored.labels[i])
        assert row["label"] == pytest.approx(label, nan_ok=True)
    whole = rows.groupby(["rank", "method"])["vote_share"].sum()
    assert whole.to_numpy() == pytest.approx(1, abs=1e-4)


def test_images_shown_have_the_largest_divergence(of_few: Run) -> None:
    rows = table(of_few)
    assert set(zip(rows["method"], rows["members"], strict=True)) == {
        ("softmax", "1"),
        ("mc_dropout", "6"),
        ("deep_ensemble", "4"),
    }
    units = [
        *(RunUnit("softmax", None, 1.0, 1), RunUnit("mc_dropout", 6, 1.0, 0)),
        RunUnit("deep_ensemble", 4, 4.0, 0),
    ]
    votes = [
        of_few.workspace.predictions.load(unit, "rotated-030").prediction.vote_share.numpy()
        for unit in units
    ]
    values = [divergence_of_three([share[image] for share in votes]) for image in range(70)]
    shown = rows[rows["condition"] == "rotated-030"].drop_duplicates("rank")
    expected = sorted(values, reverse=True)[:IMAGES_PER_CONDITION]
    assert list(shown["divergence"]) == pytest.approx(expected, abs=1e-5)


def divergence_of_three(shares: list[NDArray[np.float64]]) -> float:
    """The generalised divergence by way of relative entropies to the mean."""
    mean = np.mean(shares, axis=0)
    return float(np.mean([np.sum(s[s > 0] * np.log(s[s > 0] / mean[s > 0])) for s in shares]))


def test_images_are_all_that_is_shown_as_it_was_evaluated(of_few: Run) -> None:
    file, workspace = images_of(of_few), of_few.workspace
    assert file["pixels"].dtype == np.uint8
    assert file["pixels"].shape == (len(file["index"]), 28, 28)
    written = list(zip(file["condition"].tolist(), file["index"].tolist(), strict=True))
    assert len(set(written)) == len(written)
    rows = table(of_few)
    shown = {*zip(rows["condition"], rows["index"], strict=True)}
    conditions = ("clean", "rotated-030", "rotated-120", "ood-uniform_noise")
    assert set(written) == shown | {(name, 0) for name in conditions}
    for position, (condition, index) in enumerate(written):
        evaluated = workspace.evaluation_set(CONDITIONS[condition], of_few.plan)
        np.testing.assert_allclose(
            file["pixels"][position] / 255, evaluated.images[index, 0], atol=0.5001 / 255
        )


def test_set_that_cannot_be_had_is_not_shown(of_few: Run, tmp_path: Path) -> None:
    elsewhere, missing = with_predictions_of(of_few, tmp_path), ["rotated-030", "ood-uniform_noise"]
    for name in missing:
        lose_predictions(tmp_path, name)
    write_shown(*elsewhere, missing)
    assert set(images_of(elsewhere)["condition"]) == {"clean", "rotated-120"}
    assert set(table(elsewhere)["condition"]) == {"clean"}
