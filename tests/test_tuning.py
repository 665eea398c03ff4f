"""How training is chosen: by the NLL on calibration images, and as the recipe says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pandas as pd
import pytest
import torch

from benchmarks import tuning
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from benchmarks.tuning import TRIALS, Trial, setting_text, trials
from methods.engines import choose_engine
from methods.networks.recipes import BUDGETS, WELL_TRAINED, LabelledImages
from tests.training import train_network


@pytest.mark.parametrize("task", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("name", TRIALS)
def test_the_recipe_is_the_setting_with_the_least_nll(task: str, name: str) -> None:
    table = pd.read_csv(Path(__file__).parents[1] / "results" / "tuning.csv")
    rows = table[(table["task"] == task) & (table["recipe"] == name)]
    assert list(rows["setting"]) == [setting_text(setting) for setting in TRIALS[name]]
    chosen = TRIALS[name][rows["nll"].argmin()]
    recipe = TASKS[task].recipe(name)
    assert replace(recipe, **chosen) == recipe
    assert list(rows["chosen"]) == list(rows["nll"] == rows["nll"].min())


def test_budgets_differ_from_the_recipe_in_length_and_what_they_try_alone() -> None:
    tried = {"epochs", "schedule", "bootstrap", "dropout", "name", "pool"}
    for recipe in BUDGETS:
        same = vars(WELL_TRAINED)
        assert {part for part, value in vars(recipe).items() if value != same[part]} <= tried


def made_images(seed: int, count: int = 96) -> LabelledImages:
    """Classes are told apart by how bright an image is."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (count,), generator=random)
    brightness = (labels[:, None, None, None] + 0.5) / 2
    return LabelledImages(brightness * torch.rand(count, 1, 28, 28, generator=random), labels)


def test_a_trial_is_the_mean_nll_of_held_out_images(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ({"learning_rate": 0.001}, {"learning_rate": 0.03}, {"learning_rate": 1e30})
    monkeypatch.setitem(tuning.TRIALS, WELL_TRAINED.name, settings)
    training, held_out = made_images(0), made_images(1)
    rows = trials(MNIST, WELL_TRAINED, training, held_out)
    assert [row.setting for row in rows] == [setting_text(setting) for setting in settings]
    assert [row.nll is None for row in rows] == [False, False, True]  # the last one diverges
    least = min(row.nll for row in rows if row.nll is not None)
    assert [row.chosen for row in rows] == [row.nll == least for row in rows]
    short = replace(WELL_TRAINED, epochs=tuning.EPOCHS, learning_rate=0.03)
    engine, losses = choose_engine(recipes=[short]), []
    for index in range(tuning.NETWORKS):
        network = train_network(short, index, training, engine=engine).network
        shares = network(held_out.images).log_softmax(dim=1)
        losses.append(-shares[torch.arange(len(held_out.labels)), held_out.labels].mean().item())
    assert rows[1].nll == pytest.approx(fmean(losses), abs=1e-4)


def test_every_task_that_has_the_recipe_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Trial("", "", "learning_rate 1", 0.5, 0.1, True)
    monkeypatch.setattr(
        tuning,
        "trials",
        lambda task, recipe, *_: [replace(row, task=task.name, recipe=recipe.name)],
    )
    monkeypatch.setattr("benchmarks.tasks.task.Task.split", lambda *_: None)
    tuning.main(tmp_path)
    table = pd.read_csv(tmp_path / "tuning.csv")
    expected = [("mnist", "well-trained"), ("fashion_mnist", "well-trained")]
    assert list(zip(table["task"], table["recipe"], strict=True)) == expected
