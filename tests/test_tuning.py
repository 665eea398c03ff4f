"""How training is chosen: by the NLL on calibration images, and as recipe and methods say."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pandas as pd
import pytest
import torch

from benchmarks import tuning
from benchmarks.run.configuration import TRAINED, TRAINED_LONGER
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from benchmarks.tuning import LENGTH, TRIALS, Trial, setting_text, tried, with_choices
from methods import METHODS
from methods.engines import choose_engine
from methods.networks.recipes import WELL_TRAINED, LabelledImages
from methods.trained.base import TrainedMethod, retuned
from tests.training import train_network

FOR_ALL_TASKS = [name for name in TRIALS if name != LENGTH]


@pytest.mark.parametrize("name", FOR_ALL_TASKS)
def test_what_is_used_is_the_setting_that_was_chosen(name: str) -> None:
    table = pd.read_csv(Path(__file__).parents[1] / "results" / "tuning.csv")
    rows = table[table["name"] == name]
    texts = [setting_text(setting) for setting in TRIALS[name]]
    for _, own in rows.groupby("task"):
        assert sorted(own["setting"]) == sorted(texts)
    (chosen,) = rows.loc[rows["chosen"], "setting"].unique()
    setting = TRIALS[name][texts.index(chosen)]
    if name in METHODS:
        method = METHODS[name]
        assert issubclass(method, TrainedMethod)
        assert setting.keys() <= {*method.settings}
        assert {part: getattr(method, part) for part in setting} == setting
    else:
        assert replace(WELL_TRAINED, **setting) == WELL_TRAINED


def test_every_method_with_a_network_of_its_own_has_six_settings_with_a_learning_rate() -> None:
    trained = {name for name, kind in METHODS.items() if issubclass(kind, TrainedMethod)}
    assert trained == {*FOR_ALL_TASKS} - {WELL_TRAINED.name}
    assert {len(TRIALS[name]) for name in FOR_ALL_TASKS} == {6}
    assert all("learning_rate" in setting for name in FOR_ALL_TASKS for setting in TRIALS[name])


def test_methods_with_the_least_nll_are_those_trained_for_more_networks() -> None:
    table = pd.read_csv(Path(__file__).parents[1] / "results" / "tuning.csv")
    chosen = table[table["chosen"] & table["name"].isin(TRAINED)]
    ratio = chosen["nll"] / chosen.groupby("task")["nll"].transform("min")
    least = ratio.groupby(chosen["name"]).mean().nsmallest(len(TRAINED_LONGER))
    assert {*least.index} == {*TRAINED_LONGER}


@pytest.mark.parametrize("task", ["mnist", "fashion_mnist"])
def test_best_length_of_one_network_is_the_one_that_was_chosen_for_the_task(task: str) -> None:
    table = pd.read_csv(Path(__file__).parents[1] / "results" / "tuning.csv")
    rows = table[(table["name"] == LENGTH) & (table["task"] == task)]
    lengths = {setting_text(setting): setting["epochs"] for setting in TRIALS[LENGTH]}
    assert sorted(rows["setting"]) == sorted(lengths)
    (chosen,) = rows.loc[rows["chosen"], "setting"]
    assert rows.loc[rows["chosen"], "nll"].item() == rows["nll"].min()
    recipe, longest = TASKS[task].recipe(WELL_TRAINED.name), max(lengths.values())
    assert (recipe.best_epochs or longest) == lengths[chosen]
    assert longest == recipe.lasting(5).epochs


@pytest.mark.parametrize("name", FOR_ALL_TASKS)
def test_guide_tells_the_best_the_median_and_the_worst(name: str) -> None:
    root = Path(__file__).parents[1]
    table = pd.read_csv(root / "results" / "tuning.csv")
    rows = table[table["name"] == name]
    told = [rows.loc[rows["chosen"], "setting"].iloc[0].replace("_", " ")]
    for task in ("mnist", "fashion_mnist"):
        nll = rows.loc[rows["task"] == task, "nll"].fillna(math.inf)
        numbers = (f"{loss:.3f}" for loss in (nll.min(), nll.median(), nll.max()))
        told.append(", ".join(numbers).replace("inf", "—"))
    guide = (root / "docs" / "trained-methods.md").read_text(encoding="utf-8")
    assert f"| `{name}` | {' | '.join(told)} |" in guide


def test_the_setting_chosen_is_the_best_for_all_tasks_together() -> None:
    losses = {"a": (1.0, 1.1, 3.0), "b": (1.5, 1.1, 1.0), "c": (None, 1.0, 1.0)}
    rows = [
        Trial(task, "mimo", setting, loss, 0.1)
        for task, own in losses.items()
        for setting, loss in zip(("x", "y", "z"), own, strict=True)
    ]
    # Divided by the task's least, y has a mean of 1.07 and z of 1.67; x diverges once.
    assert {trial.setting for trial in with_choices(rows) if trial.chosen} == {"y"}
    lengths = with_choices([replace(row, name=LENGTH) for row in rows])
    assert [trial.setting for trial in lengths if trial.chosen] == ["x", "z", "y"]
    assert not any(trial.chosen for trial in with_choices([replace(rows[0], nll=None)]))


def made_images(seed: int, count: int = 192) -> LabelledImages:
    """Classes are told apart by how bright an image is."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (count,), generator=random)
    brightness = (labels[:, None, None, None] + 0.5) / 2
    return LabelledImages(brightness * torch.rand(count, 1, 28, 28, generator=random), labels)


TRAINING, HELD_OUT = made_images(0), made_images(1)


def mean_nll(logits: torch.Tensor) -> float:
    shares = logits.log_softmax(dim=1)
    return -shares[torch.arange(len(HELD_OUT.labels)), HELD_OUT.labels].mean().item()


@pytest.mark.parametrize(
    ("name", "setting", "text"),
    [
        (WELL_TRAINED.name, {"learning_rate": 0.01}, "learning_rate 0.01"),
        (LENGTH, {"epochs": 4.0}, "epochs 4"),
    ],
)
def test_a_trial_of_a_recipe_is_the_mean_nll_of_held_out_images(
    name: str, setting: dict[str, float], text: str
) -> None:
    chosen = replace(MNIST, recipes=(replace(WELL_TRAINED, best_epochs=1),))
    row = tried(chosen, name, setting, TRAINING, HELD_OUT)
    short = replace(WELL_TRAINED, **{"epochs": tuning.EPOCHS} | setting)
    engine = choose_engine(recipes=[short])
    networks = [
        train_network(short, index, TRAINING, engine=engine).network
        for index in range(tuning.NETWORKS)
    ]
    expected = fmean(mean_nll(network(HELD_OUT.images)) for network in networks)
    assert row.nll == pytest.approx(expected, abs=1e-4)
    assert (row.task, row.name, row.setting) == ("mnist", name, text)


def test_a_trial_of_a_method_is_trained_with_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "NETWORKS", 2)
    row = tried(MNIST, "evidential", {"learning_rate": 0.02}, TRAINING, HELD_OUT)
    kind = retuned(METHODS["evidential"], {"learning_rate": 0.02})
    pool = tuning.NetworkPool(replace(WELL_TRAINED, epochs=tuning.EPOCHS))
    losses = []
    for replicate in range(2):
        method = kind(pool=pool, replicate=replicate).fit(TRAINING.images, TRAINING.labels)
        losses.append(mean_nll(method.predict(HELD_OUT.images).mean.log()))
    assert row.nll == pytest.approx(fmean(losses), abs=1e-4)


def test_a_trial_that_diverges_has_no_value() -> None:
    row = tried(MNIST, "batch_ensemble", {"learning_rate": 1e30}, TRAINING, HELD_OUT)
    assert (row.nll, row.deviation) == (None, None)


def test_what_is_in_the_table_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, str, str]] = []

    def known(task: object, name: str, setting: dict[str, float]) -> Trial:
        done.append((task.name, name, setting_text(setting)))
        return Trial(task.name, name, setting_text(setting), setting["learning_rate"], 0.1)

    monkeypatch.setattr(tuning, "TRIALS", {"mimo": [{"learning_rate": 1}, {"learning_rate": 2}]})
    monkeypatch.setattr(tuning, "_alone", known)
    monkeypatch.setattr(tuning, "Parallel", lambda **_: lambda calls: [f(*x) for f, x, _ in calls])
    tuning.main(tmp_path)
    assert len(done) == 4  # of two tasks
    tuning.main(tmp_path)
    assert len(done) == 4
    table = pd.read_csv(tmp_path / "tuning.csv")
    assert list(table.loc[table["chosen"], "setting"]) == ["learning_rate 1"] * 2
