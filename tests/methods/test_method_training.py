"""What a method's networks are trained by: the run's recipe, with what the method changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from methods import METHODS, MemberMethod, PooledMethod
from methods.deep_ensemble import Bagging, DeepEnsemble
from methods.mc_dropout import ArticleMCDropout, DropoutOff, MCDropout, MCDropoutEnsemble
from methods.networks.architectures import LeNet5, LeNet5ReLU, LeNet5Units
from methods.networks.pool import NetworkPool, NetworkStore
from methods.networks.recipes import ARTICLE, WELL_TRAINED, LabelledImages, Recipe
from methods.pooled import SingleNetwork
from methods.softmax import Softmax, WeightAveraging

LONG = replace(WELL_TRAINED, epochs=50, best_epochs=20)
POOLED = {name: kind for name, kind in METHODS.items() if issubclass(kind, PooledMethod)}

CHANGED = {"weight_averaging": {"schedule"}, "bagging": {"bootstrap"}}
"""What else is changed than dropout, and the length to the best one."""


class Mine(SingleNetwork, MemberMethod):
    """A user's method, which says nothing of its training."""

    name = "mine"


def changes(method: PooledMethod, recipe: Recipe) -> dict[str, object]:
    """The parts of its training that are not the recipe's."""
    assert method.pool.recipe == method.training(recipe)
    own = vars(method.pool.recipe)
    return {part: own[part] for part, value in vars(recipe).items() if own[part] != value}


@pytest.mark.parametrize("name", POOLED)
def test_a_method_changes_of_the_recipe_what_it_says_and_nothing_else(name: str) -> None:
    kind = POOLED[name]
    found = changes(kind(pool=NetworkPool(LONG)), LONG)
    if "training" in kind.needs:
        assert found == {}
    elif "dropout" in kind.needs:
        assert found == {"dropout": kind.rate}
    else:
        assert found.keys() == CHANGED.get(name, {"epochs"})


@pytest.mark.parametrize(("rate", "placement"), [(0.0, "channels"), (1.0, "linear"), (0.1, "x")])
def test_a_setting_outside_its_range_is_one_line(rate: float, placement: str) -> None:
    class Own(MCDropout):
        pass

    Own.rate, Own.placement = rate, placement
    with pytest.raises(ValueError, match=r"mc_dropout: (rate|placement) is .*; expected") as wrong:
        Own()
    assert "\n" not in str(wrong.value)


def test_what_a_class_sets_itself_is_not_tuned() -> None:
    tuned = {"mc_dropout": {"rate": 0.3, "placement": "linear"}}
    pool = NetworkPool(replace(WELL_TRAINED, tuned=tuned))
    assert ArticleMCDropout(pool=pool).pool.recipe == ArticleMCDropout().pool.recipe
    assert DropoutOff(pool=pool).pool.recipe == MCDropout(pool=pool).pool.recipe
    assert MCDropout(pool=pool).pool.recipe.network is LeNet5Units


@pytest.mark.parametrize("name", [name for name in POOLED if "dropout" in POOLED[name].needs])
def test_dropout_of_the_recipe_itself_is_left(name: str) -> None:
    pool = NetworkPool(ARTICLE)
    assert POOLED[name](pool=pool).pool.recipe == Softmax(pool=pool).pool.recipe == ARTICLE


def test_one_network_trains_for_the_best_length() -> None:
    def epochs(kind: type[PooledMethod], recipe: Recipe) -> float:
        return kind(pool=NetworkPool(recipe)).pool.recipe.epochs

    for kind in (Softmax, Mine, POOLED["laplace_last_layer"]):
        assert epochs(kind, LONG) == 20
        assert epochs(kind, replace(LONG, epochs=10)) == 10
        assert epochs(kind, replace(LONG, best_epochs=None)) == 50


def test_a_training_of_another_architecture_is_refused() -> None:
    class Smooth(Mine):
        def training(self, recipe: Recipe) -> Recipe:
            return replace(recipe, network=LeNet5)

    with pytest.raises(ValueError, match=f"Smooth.*{LeNet5.name}.*{LeNet5ReLU.name}"):
        Smooth()


@pytest.fixture
def few(training_images: LabelledImages) -> LabelledImages:
    return LabelledImages(training_images.images[:128], training_images.labels[:128])


@pytest.fixture
def pool(tmp_path: Path) -> NetworkPool:
    return NetworkPool(replace(WELL_TRAINED, epochs=1), store=NetworkStore(tmp_path))


def test_methods_of_one_training_share_stored_networks(
    pool: NetworkPool, few: LabelledImages, tmp_path: Path
) -> None:
    def stored(*methods: PooledMethod) -> int:
        for method in methods:
            method.fit(few.images, few.labels)
        return len([*tmp_path.iterdir()])

    assert stored(DeepEnsemble(pool=pool, members=2)) == 2
    assert stored(Softmax(pool=pool), Mine(pool=pool, replicate=1)) == 2
    assert stored(MCDropout(pool=pool), DropoutOff(pool=pool)) == 3
    assert stored(MCDropoutEnsemble(pool=pool, members=1)) == 3
    assert stored(ArticleMCDropout(pool=pool)) == 4
    assert stored(WeightAveraging(pool=pool)) == 5
    assert stored(Bagging(pool=pool, members=2)) == 7
    assert stored(Softmax(pool=replace(pool, recipe=pool.recipe.lasting(2)))) == 8


def test_dropout_off_is_the_network_of_mc_dropout_without_masks(
    pool: NetworkPool, few: LabelledImages
) -> None:
    off, passes = (kind(pool=pool).fit(few.images, few.labels) for kind in (DropoutOff, MCDropout))
    (network,) = passes.fitted
    expected = network(few.images).softmax(dim=1).double()
    torch.testing.assert_close(off.predict(few.images).mean, expected, atol=1e-6, rtol=1e-5)
    assert network.dropout == MCDropout.rate
