"""How training is chosen: by the NLL on calibration images, and as recipe and methods say."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd
import pytest
import torch
from scipy.stats import gmean

from benchmarks import tuning
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.tuned import LENGTH, TUNING_CSV, TUNING_FOLDER, tuned_recipe, tuned_settings
from benchmarks.tuning import KNOBS, Knob, Trial, setting_text, settings_to_try, tried, with_choices
from methods import METHODS, PooledMethod
from methods.engines import choose_engine
from methods.networks.pool import NetworkPool
from methods.networks.recipes import WELL_TRAINED, LabelledImages
from tests.runs import TRAINED
from tests.training import train_network


@pytest.fixture(autouse=True)
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "NETWORK_FOLDER", tmp_path / "networks")


TABLE = pd.read_csv(TUNING_FOLDER / TUNING_CSV)
TRIED = sorted({*zip(TABLE["task"], TABLE["name"], strict=True)})


@pytest.mark.parametrize(("task", "name"), TRIED)
def test_table_has_all_trials_and_the_best_of_them_is_used(task: str, name: str) -> None:
    rows = TABLE[(TABLE["task"] == task) & (TABLE["name"] == name)]
    nlls = dict(zip(rows["setting"], rows["nll"], strict=True))
    assert sorted(nlls) == sorted(map(setting_text, settings_to_try(name, nlls)))
    (chosen,) = rows.loc[rows["chosen"], "setting"]
    assert nlls[chosen] == rows["nll"].min()
    assert rows.loc[rows["nll"].isna(), "reason"].notna().all()
    recipe = TASKS[task].recipe(WELL_TRAINED.name)
    if name == LENGTH:
        assert setting_text({"epochs": recipe.best_epochs or 50}) == chosen
    elif name == WELL_TRAINED.name:
        parts = {part: getattr(recipe, part) for part in KNOBS[name]}
        assert setting_text(parts) == chosen
    else:
        method = METHODS[name]
        assert issubclass(method, PooledMethod)
        built = method.build(NetworkPool(recipe))
        assert setting_text({knob: getattr(built, knob) for knob in KNOBS[name]}) == chosen


def test_methods_of_the_least_nll_of_both_tasks_train_longer() -> None:
    trained = TABLE[TABLE["chosen"] & TABLE["name"].isin(TRAINED)]
    mean = trained.groupby("name")["nll"].agg(gmean)
    assert {name for name in TRAINED if METHODS[name].trained_longer} == {*mean.nsmallest(3).index}


def test_every_method_that_trains_itself_has_a_knob() -> None:
    assert {*TRAINED} <= {*KNOBS}
    for name, knobs in KNOBS.items():
        assert name not in METHODS or all(hasattr(METHODS[name], knob) for knob in knobs)


def test_a_best_setting_on_an_edge_has_two_trials_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    rate, place = Knob((1, 2, 3), (0.5, 0.1), (4, 5)), Knob(("x", "y"))

    def further(nlls: dict[str, float], **knobs: Knob) -> list[dict[str, float | str]]:
        """The trials beyond the grid, where all others have an NLL of 2."""
        monkeypatch.setattr(tuning, "KNOBS", {"a": knobs})
        grid = settings_to_try("a", {})
        others = dict.fromkeys(map(setting_text, grid), 2.0)
        return settings_to_try("a", others | nlls)[len(grid) :]

    assert further({"rate 1": 1.0}, rate=rate) == [{"rate": 0.5}, {"rate": 0.1}]
    assert further({"rate 2": 1.0}, rate=rate) == []
    assert further({"rate 3": 1.0}, rate=rate) == [{"rate": 4}, {"rate": 5}]
    assert len(settings_to_try("a", {"rate 3": 1.0})) == 3  # not before all are known
    nlls = {"rate 3, at y": 1.0, "rate 1, at x": math.nan}
    assert further(nlls, rate=rate, at=place) == [{"rate": r, "at": "y"} for r in (4, 5)]
    corner = [{"rate": 4, "to": 1}, {"rate": 3, "to": 0.5}]
    assert further({"rate 3, to 1": 1.0}, rate=rate, to=rate) == corner


def test_the_setting_chosen_is_the_best_of_a_task() -> None:
    losses = {"a": (1.0, 1.1, 3.0), "b": (math.nan, 1.1, 1.1), "c": (math.nan,) * 3}
    rows = [
        Trial(task, "mimo", setting, loss, 0.1)
        for task, own in losses.items()
        for setting, loss in zip(("x", "y", "z"), own, strict=True)
    ]
    assert [(t.task, t.setting) for t in with_choices(rows) if t.chosen] == [("a", "x"), ("b", "y")]


def test_settings_of_a_task_reach_its_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"rate": 0.25, "placement": "linear"}
    chosen = {
        "mc_dropout": setting_text(settings),
        "swag": "learning_rate 0.125",
        WELL_TRAINED.name: "learning_rate 0.5, l2_penalty 0",
        LENGTH: "epochs 20",
    }
    trials = [Trial("mnist", name, setting, 0.1, 0.0) for name, setting in chosen.items()]
    other = Trial("other", "swag", "learning_rate 1", 0.1, 0.0)
    pd.DataFrame(with_choices([*trials, other])).to_csv(tmp_path / TUNING_CSV, index=False)
    monkeypatch.setattr("benchmarks.tasks.tuned.TUNING_FOLDER", tmp_path)
    assert tuned_settings("mnist")["mc_dropout"] == settings
    recipe = tuned_recipe("mnist", mean=0.5)
    assert (recipe.learning_rate, recipe.l2_penalty, recipe.mean) == (0.5, 0.0, 0.5)
    assert recipe.best_epochs == 20

    def training(name: str) -> Any:
        method = METHODS[name]
        assert issubclass(method, PooledMethod)
        return method.build(NetworkPool(recipe)).pool.recipe

    for name in ("mc_dropout", "dropout_off", "mc_dropout_ensemble"):
        own = training(name)
        assert (own.dropout, own.network.channels) == (0.25, (120, 84))
    article = training("mc_dropout_article")
    assert (article.dropout, article.network) == (0.5, recipe.network)
    rates = [training(name).learning_rate for name in ("swag", "snapshot_ensemble")]
    assert rates == [0.125, 0.5]


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
    ("name", "setting"), [(WELL_TRAINED.name, {"learning_rate": 0.01}), (LENGTH, {"epochs": 4.0})]
)
def test_a_trial_of_a_recipe_is_the_mean_nll_of_held_out_images(
    name: str, setting: dict[str, float]
) -> None:
    own = replace(WELL_TRAINED, epochs=3)
    chosen = replace(MNIST, recipes=(replace(own, best_epochs=1),))
    row = tried(chosen, name, setting, TRAINING, HELD_OUT)
    short = replace(own, **setting)
    engine = choose_engine(recipes=[short])
    networks = [
        train_network(short, index, TRAINING, engine=engine).network
        for index in range(tuning.NETWORKS)
    ]
    expected = fmean(mean_nll(network(HELD_OUT.images)) for network in networks)
    assert row.nll == pytest.approx(expected, abs=1e-4)
    assert (row.task, row.name, row.setting) == ("mnist", name, setting_text(setting))


SHORT = replace(MNIST, recipes=(replace(WELL_TRAINED, epochs=2),))


def test_a_trial_of_a_method_is_trained_with_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    row = tried(SHORT, "evidential", {"learning_rate": 0.02}, TRAINING, HELD_OUT)
    monkeypatch.setattr(METHODS["evidential"], "learning_rate", 0.02)
    losses = []
    for replicate in range(tuning.NETWORKS):
        method = METHODS["evidential"].build(NetworkPool(SHORT.recipes[0]), replicate)
        method.fit(TRAINING.images, TRAINING.labels)
        losses.append(mean_nll(method.predict(HELD_OUT.images).mean.log()))
    assert row.nll == pytest.approx(fmean(losses), abs=1e-4)
    row = tried(SHORT, "batch_ensemble", {"learning_rate": 1e30}, TRAINING, HELD_OUT)
    assert math.isnan(row.nll)
    assert "the loss became" in row.reason
