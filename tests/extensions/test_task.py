"""A task of colour images with a network of its own, and a recipe: `nouns/stripes.py` …"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks.run.configuration import configuration_of
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from methods.engines.torch import TorchEngine
from methods.networks.recipes import LabelledImages
from tests.extensions.nouns.momentum import MOMENTUM
from tests.extensions.nouns.stripes import CLASSES, STRIPES
from tests.extensions.support import Written, run
from tests.training import train_network

METHODS = ("softmax", "mc_dropout", "deep_ensemble")


def test_recipe_trains(training_images: LabelledImages, test_images: LabelledImages) -> None:
    task = replace(MNIST, recipes=(*MNIST.recipes, MOMENTUM))
    recipe = replace(task.recipe("momentum"), epochs=3)
    trained = train_network(recipe, 0, training_images, engine=TorchEngine())
    predicted = trained.network(test_images.images).argmax(dim=1)
    assert (predicted == test_images.labels).double().mean() > 0.6


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Written:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, "stripes", STRIPES)
        chosen = replace(
            configuration_of("quick", "stripes"),
            methods=METHODS,
            members=(3,),
            passes=(10,),
            replicates=2,
            epochs=3,
            resamples=100,
            batch_sizes=(1,),
        )
        return run(chosen, tmp_path_factory.mktemp("stripes"))


@pytest.mark.slow
def test_task_is_learnt_and_its_shifts_harm(stripes: Written) -> None:
    rows = stripes.rows("summary.csv", metric="accuracy", method="deep_ensemble")
    accuracy = rows.set_index("condition")["value"]
    assert accuracy["clean"] > 0.9
    assert accuracy["darkened-mean"] < accuracy["clean"]
    for table, condition in {"summary.csv": "darkened-mean", "answer.csv": "clean"}.items():
        rows = stripes.rows(table, metric="nll", condition=condition)
        assert set(rows["method"]) == {*METHODS}
        assert (rows["lower"] < rows["upper"]).all()


@pytest.mark.slow
def test_page_is_of_the_task_alone_in_colour_with_named_classes(stripes: Written) -> None:
    with np.load(stripes.folder / "images.npz") as file:
        pixels, conditions = file["pixels"], file["condition"]
    assert pixels.shape[1:] == (16, 16, 3)
    assert np.ptp(pixels[conditions == "clean"].mean(axis=(1, 2)), axis=1).min() > 20
    drawn = Image.open(stripes.folder / "figures" / "conditions.png").convert("RGB")
    assert np.ptp(np.asarray(drawn).astype(int), axis=2).max() > 100
    assert all(label in stripes.section("images") for label in CLASSES)
    assert "too dark to tell" in stripes.section("group-darkened")
    assert "Grey stripes" in stripes.section("detection")
    assert "MNIST" not in stripes.page
