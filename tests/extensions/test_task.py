"""A task of colour images, with network, recipe and conditions: `nouns/stripes.py`, and a line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks.run.configuration import configuration_of
from benchmarks.tasks import TASKS
from tests.extensions.nouns.stripes import CLASSES, STRIPES
from tests.extensions.support import Written, run

pytestmark = pytest.mark.slow

METHODS = {"softmax": "Softmax", "mc_dropout": "MC-dropout", "deep_ensemble": "Deep ensemble"}


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Written:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, "stripes", STRIPES)
        chosen = replace(
            configuration_of("quick", "stripes"),
            methods=tuple(METHODS),
            members=(3,),
            passes=(10,),
            replicates=2,
            epochs=3,
            resamples=100,
            batch_sizes=(1,),
        )
        return run(chosen, tmp_path_factory.mktemp("stripes"))


def test_it_is_learnt_and_shifts_harm(stripes: Written) -> None:
    rows = stripes.rows("summary.csv", metric="accuracy", method="deep_ensemble")
    accuracy = rows.set_index("condition")["value"]
    assert accuracy["clean"] > 0.9
    assert accuracy["darkened-mean"] < accuracy["clean"]
    log = stripes.rows("training.csv", split="validation", epoch=3)
    assert (log["accuracy"] > 0.6).all()


def test_every_method_has_intervals_and_is_compared(stripes: Written) -> None:
    rows = stripes.rows("summary.csv", metric="nll", condition="darkened-mean")
    assert set(rows["method"]) == set(METHODS)
    assert (rows["lower"] < rows["upper"]).all()
    compared = stripes.rows("comparisons.csv", metric="nll", condition="darkened-mean")
    assert len(compared) == 3
    assert compared["p_value"].notna().all()


def test_images_are_in_colour(stripes: Written) -> None:
    with np.load(stripes.folder / "images.npz") as file:
        pixels, conditions = file["pixels"], file["condition"]
    assert pixels.shape[1:] == (16, 16, 3)
    assert np.ptp(pixels[conditions == "clean"].mean(axis=(1, 2)), axis=1).min() > 20
    for name in ("high-disagreement", "darkened-votes"):
        drawn = Image.open(stripes.folder / "figures" / f"{name}-stripes.png").convert("RGB")
        assert np.ptp(np.asarray(drawn).astype(int), axis=2).max() > 100
    assert 'class="coloured"' in stripes.section("images")


def test_classes_are_named(stripes: Written) -> None:
    for name in ("high-disagreement", "darkened-votes"):
        svg = (stripes.folder / "figures" / f"{name}-stripes.svg").read_text(encoding="utf-8")
        assert all(label in svg for label in CLASSES)
    assert all(label in stripes.section("images") for label in CLASSES)


def test_page_is_of_the_task_alone(stripes: Written) -> None:
    assert "Stripes, clean, darkened and out-of-distribution images." in stripes.page
    assert "Darkened (%)" in stripes.section("group-darkened")
    assert "too dark to tell" in stripes.section("group-darkened")
    assert "Grey stripes" in stripes.section("detection")
    assert "MNIST" not in stripes.page
    assert "not measured in this run" in stripes.section("claims")
