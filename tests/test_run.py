"""What a run consists of."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch

from benchmarks import conditions
from benchmarks import run as run_module
from benchmarks.conditions import CONDITIONS
from benchmarks.configuration import FULL, QUICK, Configuration, Machine
from benchmarks.predictions import Cell
from benchmarks.run import Run
from methods import METHODS, MemberMethod
from methods.deep_ensemble import DeepEnsemble
from methods.labelled_images import LabelledImages
from methods.mc_dropout import MCDropout
from methods.recipes import RECIPES

OWN = """
from methods import UncertaintyMethod


class Mine(UncertaintyMethod):
    name = "mine"

    def fit(self, images, labels):
        return self

    def predict(self, images):
        raise NotImplementedError
"""


@pytest.fixture
def loaded(
    monkeypatch: pytest.MonkeyPatch, training_images: LabelledImages, test_images: LabelledImages
) -> Iterator[list[str]]:
    """What has been loaded, in turn; a little of MNIST is all there is."""
    names = []

    def mnist(split: str, *, data_dir: Path | None) -> LabelledImages:
        names.append(split)
        return {"train": training_images, "test": test_images}[split]

    monkeypatch.setattr(run_module, "load_mnist", mnist)
    monkeypatch.setattr(conditions, "load_mnist", mnist)
    forget_images()
    yield names
    forget_images()


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(OWN)
    return f"{tmp_path / 'mine.py'}:Mine"


def forget_images() -> None:
    run_module._mnist.cache_clear()
    run_module._judged.cache_clear()


def run_of(configuration: Configuration = QUICK, folder: Path = Path("nowhere")) -> Run:
    return Run(configuration, Machine(folder / "out", folder / "networks", None, jobs=1))


def test_quick_is_fifty_networks_and_sixteen_cells() -> None:
    run = run_of(QUICK)
    assert run.networks() == [("standard", number) for number in range(50)]
    assert run.cells() == [
        *(Cell("standard", "softmax", None, replicate) for replicate in range(5)),
        *(Cell("standard", "mc_dropout", 50, replicate) for replicate in range(5)),
        *(Cell("standard", "mc_dropout", 100, replicate) for replicate in range(5)),
        Cell("standard", "deep_ensemble", 50, 0),
    ]
    assert not any(condition.exact for condition in run.conditions)


def test_full_is_fifty_networks_a_recipe() -> None:
    run = run_of(FULL)
    assert run.networks() == [(recipe, number) for recipe in RECIPES for number in range(50)]
    compared = 10 + 2 * 10 + 1
    in_depth = 10 + 7 * 10 + 1 + (10 + 10 + 10 + 5 + 2 + 1)
    assert len(run.cells()) == in_depth + 3 * compared
    assert len(set(run.cells())) == len(run.cells())


def test_recipes_not_looked_at_in_depth_are_judged_at_the_sizes_compared() -> None:
    sizes = replace(QUICK, recipes=("article", "plain"), members=(2, 5, 10), passes=(5, 10, 20))
    every, compared = [5, 10, 20], [10, 20]
    choices = (((), every), (("standard",), every), (("plain",), compared), (("article",), every))
    for chosen, passes in choices:
        cells = run_of(replace(sizes, in_depth=chosen)).cells()
        found = {c.size for c in cells if (c.recipe, c.method) == ("article", "mc_dropout")}
        assert sorted(size for size in found if size) == passes


def test_a_family_asks_the_members_of_its_largest() -> None:
    run = run_of(
        replace(QUICK, passes=(10, 50), members=(2, 5), replicates=2, conditions=("clean",))
    )
    families = run.families()
    assert sorted(cell for family in families for cell in family) == sorted(run.cells())
    shared = [[(cell.size, cell.replicate) for cell in family] for family in families]
    assert shared == [
        [(None, 0)],
        [(None, 1)],
        [(50, 0), (10, 0)],
        [(50, 1), (10, 1)],
        [(5, 0), (2, 0), (2, 1)],
    ]
    places = [cast(MemberMethod, run.method(cell)).place for cell in families[-1]]
    assert places == [slice(0, 5), slice(0, 2), slice(2, 4)]


def test_exact_mc_dropout_judges_the_small_conditions_and_so_do_all_beside_it() -> None:
    run = run_of(FULL)
    small = ["exact-clean", "exact-rotated-045", "exact-ood-fashion_mnist"]
    judged = {
        name: [condition.name for condition in run.conditions_of(Cell("standard", name, None, 0))]
        for name in METHODS
    }
    assert judged["mc_dropout_exact"] == small
    for name in ("softmax", "mc_dropout", "deep_ensemble"):
        assert judged[name] == [*FULL.conditions, *small]
    elsewhere = run.conditions_of(Cell("article", "softmax", None, 0))
    assert [condition.name for condition in elsewhere] == list(FULL.conditions)
    exact = [cell for cell in run.cells() if cell.method == "mc_dropout_exact"]
    assert [(cell.recipe, cell.replicate) for cell in exact] == [("standard", 0)]


def test_small_conditions_are_those_of_the_chosen_ones() -> None:
    run = run_of(replace(QUICK, methods=("mc_dropout_exact",), conditions=("rotated-045",)))
    names = [condition.name for condition in run.conditions]
    assert names == ["clean", "rotated-045", "exact-clean", "exact-rotated-045"]


def test_smaller_ensembles_share_out_the_networks_of_the_largest() -> None:
    run = run_of(replace(FULL, recipes=("plain",), methods=("deep_ensemble",), members=(5, 20, 50)))
    replicates = {
        size: [cell.replicate for cell in run.cells() if cell.size == size] for size in (5, 20, 50)
    }
    assert replicates == {5: list(range(10)), 20: [0, 1], 50: [0]}
    used = [set(run.method(cell).networks) for cell in run.cells() if cell.size == 5]
    assert len(set.union(*used)) == 50


def test_methods_without_dropout_need_no_network_of_their_own() -> None:
    only_dropout = replace(QUICK, recipes=("plain", "standard"), methods=("mc_dropout",))
    run = run_of(only_dropout)
    assert run.networks() == [("standard", number) for number in range(QUICK.replicates)]
    objections = {cell.recipe: run.objection(cell) for cell in run.cells()}
    assert objections["standard"] is None
    assert "without dropout" in str(objections["plain"])


def test_own_method_has_a_recipe_of_its_own_and_needs_no_network(own: str) -> None:
    run = run_of(replace(QUICK, recipes=("plain", "article"), methods=(), own_methods=(own,)))
    assert run.cells() == [Cell("own", "mine", None, replicate) for replicate in range(5)]
    assert run.networks() == []
    assert [run.objection(cell) for cell in run.cells()] == [None] * 5
    seeds = {run.method(cell).seed for cell in run.cells()}
    assert len(seeds) == 5


def test_cell_s_method_is_built_as_the_cell_says() -> None:
    run = run_of(replace(QUICK, recipes=("article",), seed=9, epochs=4))
    passes = run.method(Cell("article", "mc_dropout", 10, 2))
    assert isinstance(passes, MCDropout)
    assert (passes.passes, passes.replicate, passes.seed) == (10, 2, 9)
    assert passes.pool.recipe == replace(RECIPES["article"], epochs=4)
    ensemble = run.method(Cell("article", "deep_ensemble", 5, 1))
    assert isinstance(ensemble, DeepEnsemble)
    assert list(ensemble.networks) == [5, 6, 7, 8, 9]


def test_conditions_are_in_one_order_with_clean_first() -> None:
    run = run_of(replace(QUICK, conditions=("ood-kmnist", "rotated-090")))
    assert run.conditions == tuple(
        CONDITIONS[name] for name in ("clean", "rotated-090", "ood-kmnist")
    )


def test_images_are_loaded_once_and_only_when_asked_for(loaded: list[str]) -> None:
    run = run_of(replace(QUICK, images=40))
    assert loaded == []
    assert run.training_images() is run.training_images()
    assert loaded == ["train"]
    judged = run.judged(CONDITIONS["rotated-030"])
    assert judged is run.judged(CONDITIONS["rotated-030"])
    assert loaded == ["train", "test"]
    assert len(judged.images) == 40


def test_validation_data_are_all_test_images(
    loaded: list[str], test_images: LabelledImages
) -> None:
    run = run_of(replace(QUICK, images=40))
    assert torch.equal(run.test_images().images, test_images.images)


def test_run_can_be_sent_to_a_worker(own: str) -> None:
    run = run_of(replace(QUICK, own_methods=(own,)))
    sent = pickle.dumps(run)
    assert pickle.loads(sent) == run
    assert len(sent) < 5000
