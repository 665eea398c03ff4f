"""How any method with a network of its own is trained: its compute, its store, its errors."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.run.custom_method import load_method
from methods import METHODS, MIMO, BatchEnsemble, CyclicalSGHMC, ShallowEnsemble
from methods.engines.numba import NumbaEngine
from methods.engines.torch import TorchEngine
from methods.networks.architectures import LeNet5ReLU, SmallCNN
from methods.networks.network import Network
from methods.networks.pool import NetworkPool, NetworkStore
from methods.networks.recipes import LabelledImages, Recipe
from methods.networks.training import TrainingDivergedError, initial_network
from methods.trained.base import MemberNetwork, MemberTraining, Step, TrainedMethod, compute_of
from tests.methods.trained.conftest import SHORT, begun, retuned

TRAINED = {name: kind for name, kind in METHODS.items() if issubclass(kind, TrainedMethod)}

GUIDE = (Path(__file__).parents[3] / "docs/methods.md").read_text(encoding="utf-8")
COSTS = dict(re.findall(r"^\|[^|]+\| `(\w+)` \|.*\| ([\d.]+) \|$", GUIDE, re.MULTILINE))


@pytest.mark.parametrize("name", TRAINED)
def test_cost_of_an_image_is_what_the_guide_says(name: str) -> None:
    image, _ = compute_of(begun(TRAINED[name]), SHORT)
    assert image == pytest.approx(float(COSTS[name]), abs=0.006)


class Watched(BatchEnsemble):
    """Notes its steps, and the labels of their batches."""

    name = "watched"

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.steps: list[float] = []
        self.labels: list[int] = []

    def begin(self, network: Network, random: torch.Generator) -> MemberNetwork:
        begun = super().begin(network, random)
        loss = begun.training_loss

        def training_loss(images: Tensor, labels: Tensor, step: Step) -> Tensor:
            self.labels.extend(labels.tolist())
            return loss(images, labels, step)

        begun.after_step = self.steps.append  # type: ignore[method-assign]
        begun.training_loss = training_loss  # type: ignore[method-assign]
        return begun


def test_steps_are_as_many_as_the_recipes_compute_allows(
    shades: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("methods.trained.base.compute_of", lambda *_: (1.25, 1.5))
    # 384 images, so 4 steps in each of (3 - 1.5 / 3) / 1.25 = 2 epochs.
    recipe = replace(SHORT, epochs=3, batch_size=100)
    method = Watched(pool=NetworkPool(recipe)).fit(shades.images, shades.labels)
    assert method.steps == [step / 8 for step in range(1, 9)]


def test_each_replicate_sees_all_images_in_an_order_of_its_own(shades: LabelledImages) -> None:
    def seen(recipe: Recipe, replicate: int = 0) -> list[int]:
        method = Watched(pool=NetworkPool(recipe), replicate=replicate)
        return method.fit(shades.images, torch.arange(384) % 10).labels[-384:]

    once = replace(SHORT, epochs=1)
    every = (torch.arange(384) % 10).tolist()
    assert seen(once) != seen(once, 1)
    assert sorted(seen(once)) == sorted(seen(once, 1)) == sorted(every)
    assert seen(replace(once, shuffled=False)) == every
    assert sorted(seen(replace(once, bootstrap=True))) != sorted(every)


@pytest.mark.parametrize("name", TRAINED)
def test_network_with_batch_normalisation_is_fitted_and_loaded(
    name: str, shades: LabelledImages
) -> None:
    images, recipe = shades.images[..., :8, :8], replace(SHORT, network=SmallCNN)
    method = TRAINED[name](pool=NetworkPool(recipe)).fit(images, shades.labels)
    (network,) = method.fitted
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert norms
    for norm in norms:
        assert not norm.training
        assert norm.running_mean.any()
    logits = method.member_logits(images[:40])
    assert logits.isfinite().all()
    torch.testing.assert_close(method.member_logits(images[3:4]), logits[:, 3:4])
    assert method.predict(images[:0]).mean.shape == (0, 10)
    loaded = MemberTraining(method).initial(recipe, 0).eval()
    loaded.load_state_dict(network.state_dict())
    method.fitted = [loaded]
    assert torch.equal(method.member_logits(images[:40]), logits)


@pytest.mark.parametrize("name", [name for name, kind in TRAINED.items() if kind.size])
def test_a_number_of_members_below_one_is_refused(name: str) -> None:
    for members in (0, -1):
        with pytest.raises(ValueError, match=f"members is {members}; expected at least 1"):
            TRAINED[name](members=members)


def test_budget_below_an_epoch_is_refused(shades: LabelledImages) -> None:
    short = replace(SHORT, epochs=1)
    with pytest.raises(ValueError, match=r"a budget of 1 epochs .* allows 0\.64 of 'mimo'"):
        MIMO(pool=NetworkPool(short)).fit(shades.images, shades.labels)


def test_training_that_diverges_names_method_and_rate(shades: LabelledImages) -> None:
    class Hot(BatchEnsemble):
        name = "hot"
        learning_rate = 1e9

    expected = r"network 0 of 'hot', recipe 'short': .* choose a learning rate below 1e\+09"
    with pytest.raises(TrainingDivergedError, match=expected):
        Hot(pool=NetworkPool(SHORT)).fit(shades.images, shades.labels)


def test_replicate_begins_with_the_pools_network_of_its_number() -> None:
    own = MemberTraining(CyclicalSGHMC(pool=NetworkPool(SHORT)))
    begun, network = own.initial(SHORT, 3), initial_network(SHORT, 3)
    for name, weights in network.state_dict().items():
        assert torch.equal(begun.state_dict()[f"network.{name}"], weights)


def logits(method: TrainedMethod, data: LabelledImages) -> torch.Tensor:
    return method.fit(data.images, data.labels).member_logits(data.images)


FEW = replace(SHORT, epochs=2)
BY_KERNELS = [name for name, kind in TRAINED.items() if kind.keeps_hidden_layers]


@pytest.mark.parametrize("name", BY_KERNELS)
def test_engine_that_computes_features_changes_no_more_than_rounding(
    name: str, shades: LabelledImages
) -> None:
    outputs = []
    for engine in (TorchEngine(), NumbaEngine()):
        method = TRAINED[name](pool=NetworkPool(FEW, engine=engine))
        outputs.append(logits(method, shades))
        assert method.trajectory.engine_name(engine) == engine.name
    assert not torch.equal(*outputs)
    torch.testing.assert_close(*outputs, rtol=0.0, atol=1e-3)


def test_methods_with_other_hidden_layers_are_trained_by_pytorch() -> None:
    method = BatchEnsemble(pool=NetworkPool(FEW, engine=NumbaEngine()))
    assert method.trajectory.engine_name(NumbaEngine()) == TorchEngine().name


class Resembling(LeNet5ReLU):
    """Has the layers of LeNet-5, and may compute something else."""


def test_adopted_network_computes_itself_what_the_engine_cannot(shades: LabelledImages) -> None:
    images = shades.images[:20].clone()
    usual = LeNet5ReLU(generator=torch.Generator().manual_seed(0))
    adopted = NumbaEngine().adopted(usual)
    assert adopted.engine_features is not None
    assert usual.engine_features is None
    mask = torch.arange(22)[None] % 3 > 0
    assert torch.equal(adopted(images, mask), usual(images, mask))
    assert torch.equal(adopted.shared(images), usual.shared(images))
    (gradient,) = torch.autograd.grad(adopted(images.requires_grad_()).sum(), images)
    assert gradient.abs().sum() > 0
    for change in (
        lambda network: network.linear2.register_forward_hook(lambda *_: _[-1] * 0),
        lambda network: setattr(network, "conv2", nn.Conv2d(6, 16, 5, padding_mode="circular")),
        lambda network: setattr(network, "__class__", Resembling),
    ):
        other = deepcopy(usual)
        change(other)
        assert NumbaEngine().adopted(other).engine_features is None


def test_threads_may_share_a_method_that_the_kernels_compute(shades: LabelledImages) -> None:
    method = ShallowEnsemble(pool=NetworkPool(FEW, engine=NumbaEngine()))
    expected = logits(method, shades)
    with ThreadPoolExecutor(4) as threads:
        each = threads.map(lambda _: method.member_logits(shades.images), range(16))
        assert all(torch.equal(own, expected) for own in each)


def test_network_is_stored_and_taken_from_the_store(
    shades: LabelledImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pool(recipe: Recipe = FEW, seed: int = 0) -> NetworkPool:
        return NetworkPool(recipe, seed=seed, store=NetworkStore(tmp_path))

    first = logits(BatchEnsemble(pool=pool()), shades)
    for other in (BatchEnsemble(pool=pool(), replicate=1), BatchEnsemble(pool=pool(seed=1))):
        assert not torch.equal(logits(other, shades), first)
    monkeypatch.setattr(MemberTraining, "train", None)
    assert torch.equal(logits(BatchEnsemble(pool=pool()), shades), first)
    assert len([*tmp_path.iterdir()]) == 3
    for missing in (
        BatchEnsemble(pool=pool(), members=3),
        BatchEnsemble(pool=pool(replace(FEW, epochs=3))),
    ):
        with pytest.raises(TypeError):
            missing.fit(shades.images, shades.labels)


def test_changed_file_of_a_user_is_trained_anew(tmp_path: Path) -> None:
    def text(name: str, rest: str = "") -> str:
        path = tmp_path / f"{name}.py"
        path.write_text(f"from methods import SNGP\nclass Own(SNGP):\n    name = 'own'\n{rest}")
        method = load_method(f"{path}:Own")
        assert issubclass(method, TrainedMethod)
        return MemberTraining(method(pool=NetworkPool(SHORT))).text(0)

    assert text("first") == text("same") != text("other", "    bound = 3\n")
    own = load_method(f"{tmp_path}/first.py:Own")
    assert issubclass(own, TrainedMethod)
    again = MemberTraining(retuned(own, {"bound": 1.0})(pool=NetworkPool(SHORT))).text(0)
    assert text("first").rpartition(", ")[2] == again.rpartition(", ")[2]
    assert "file" not in MemberTraining(BatchEnsemble(pool=NetworkPool(SHORT))).text(0)
