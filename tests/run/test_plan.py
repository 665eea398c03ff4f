"""The run units, networks and conditions of a plan, and the images of a workspace."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from benchmarks.predictions import PoolNetwork, RunUnit
from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.task import ImageLimits
from methods import METHODS, MemberMethod, PooledMethod
from tests import runs
from tests.processes import status_of
from tests.runs import FULL, QUICK, TRAINED, Run, command_words

OWN = """
from dataclasses import replace

from methods import {base}
from methods.networks.architectures import LeNet5, LeNet5ReLU


class Mine({base}):
    name = "mine"
{more}"""

ALONE = """
    def fit(self, images, labels):
        return self

    def predict(self, images):
        raise NotImplementedError
"""

SWEEP = """
    size = "bags"
    sweep = (20, 5)

    def __init__(self, *, seed=0, device="cpu", bags=3):
        super().__init__(seed=seed, device=device)
        self.bags = bags
"""


def own_method(folder: Path, base: str = "UncertaintyMethod", more: str = ALONE) -> str:
    (folder / "own.py").write_text(OWN.format(base=base, more=more))
    return f"{folder / 'own.py'}:Mine"


def run_of(configuration: Configuration = QUICK) -> Run:
    return runs.run_of(configuration, Path("nowhere"))


FULL_PLAN = run_of(FULL).plan

DROPOUT_TRAINING = FULL_PLAN.training_of(RunUnit("mc_dropout", 100, 1.0, 0))
"""By which MC-dropout's networks are trained by a budget of 1."""
CONTESTANTS = Counter((unit.method, unit.size, unit.budget) for unit in FULL_PLAN.units())
"""Of the preset ``full``, each with its number of replicates."""


@pytest.mark.parametrize("most", [None, 3])
def test_contestants_of_a_budget_have_equally_many_replicates(most: int | None) -> None:
    units = run_of(replace(FULL, replicates=most or FULL.replicates)).plan.units()
    assert len(units) == len(set(units))
    counts = Counter((unit.method, unit.size, unit.budget) for unit in units)
    for budget, replicates in zip(FULL.budgets, (10, 5), strict=True):
        assert {n for (*_, b), n in counts.items() if b == budget} == {most or replicates}


@pytest.mark.parametrize("budgets", [(1.0,), (1.0, 5.0), (0.5,)])
def test_natural_ensembles_are_disjoint_blocks_of_networks_of_a_budget_of_one(
    budgets: tuple[float, ...],
) -> None:
    run = run_of(replace(FULL, budgets=budgets, pool=100))
    natural: dict[int, list[range]] = {}
    for unit in run.plan.units():
        if unit.method == "deep_ensemble" and unit.size == unit.budget:
            assert run.plan.training_of(unit) == "well-trained"
            method = cast(PooledMethod, run.plan.method(unit, run.workspace.store))
            natural.setdefault(unit.size, []).append(method.networks)
    counts = {size: len(blocks) for size, blocks in natural.items()}
    assert counts == {1: 10, 2: 5, 3: 5, 5: 5, 7: 5, 10: 5, 14: 5, 20: 5, 30: 3, 50: 2}
    for size, blocks in natural.items():
        assert len(set().union(*blocks)) == len(blocks) * size


def test_ensembles_of_the_preset_full_alone_divide_each_budget_among_half_trained_networks() -> (
    None
):
    divided = [(s, b) for method, s, b in CONTESTANTS if method == "deep_ensemble" and s != b]
    for size, budget in divided:
        assert size == 2 * budget
        unit, half = RunUnit("deep_ensemble", size, budget, 1), FULL_PLAN.recipe.epochs / 2
        assert FULL_PLAN.recipe_of(unit).epochs == half
        numbers = range(size, 2 * size)
        own = [PoolNetwork(f"well-trained-epochs-{half:g}", number) for number in numbers]
        assert FULL_PLAN.networks_of(unit) == own
    assert {budget for _, budget in divided} == {*FULL.budgets}


def test_above_a_budget_of_one_few_methods_train_a_network_of_their_own() -> None:
    for budget, expected in (
        (1.0, set(TRAINED)),
        (5.0, {name for name in TRAINED if METHODS[name].trained_longer}),
    ):
        own = {method for method, _, b in CONTESTANTS if b == budget and method in TRAINED}
        assert own == expected


def test_methods_of_one_training_share_networks_and_a_replicate_has_its_number() -> None:
    numbers = Counter(network.training for network in FULL_PLAN.networks())
    assert set(numbers) <= set(FULL_PLAN.trainings)
    assert numbers["well-trained"] == FULL.pool
    assert numbers[DROPOUT_TRAINING] == 5 * 5  # of five ensembles of them
    own = {"mc_dropout", "dropout_off", "temperature_scaled_mc_dropout"}
    for unit in FULL_PLAN.units():
        if unit.replicate == 3 and not METHODS[unit.method].counts_networks:
            (network,) = FULL_PLAN.networks_of(unit) or [PoolNetwork("", 3)]
            assert network.number == 3
            assert (unit.method in own) == FULL_PLAN.training_of(unit).startswith(DROPOUT_TRAINING)


def test_trainings_are_named_by_what_is_changed_and_are_those_of_the_methods() -> None:
    assert FULL_PLAN.trainings["well-trained"] == FULL_PLAN.recipe
    for unit in FULL_PLAN.units():
        assert FULL_PLAN.trainings[FULL_PLAN.training_of(unit)] == FULL_PLAN.recipe_of(unit)


def test_epochs_are_those_of_a_budget_of_one() -> None:
    plan = run_of(replace(QUICK, epochs=3, budgets=(0.5, 1.0, 2.0), methods=("softmax",))).plan
    lasting = {unit.budget: plan.recipe_of(unit).epochs for unit in plan.units()}
    assert lasting == {0.5: 1.5, 1.0: 3, 2.0: 6}
    assert plan.trainings.keys() == {f"well-trained{e}" for e in ("", "-epochs-1.5", "-epochs-6")}


def test_one_network_trains_no_longer_than_is_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then budgets share its networks; a method that changes the training takes all of it."""
    recipe = MNIST.recipe("well-trained")
    best = replace(recipe, best_epochs=2 * recipe.epochs)
    monkeypatch.setitem(TASKS, "mnist", replace(MNIST, recipes=(best,)))
    chosen = replace(QUICK, methods=("softmax", "mc_dropout"), passes=(2,), budgets=(1, 3, 5))
    plan = run_of(replace(chosen, epochs=None)).plan
    share = {(u.method, u.budget): plan.recipe_of(u).epochs / recipe.epochs for u in plan.units()}
    assert share == {
        **{("softmax", 1): 1, ("softmax", 3): 2, ("softmax", 5): 2},
        **{("mc_dropout", budget): budget for budget in (1, 3, 5)},
    }
    chosen_epochs = run_of(replace(QUICK, epochs=100)).plan
    assert {each.epochs for each in chosen_epochs.trainings.values()} == {100}


@pytest.mark.parametrize(
    ("options", "network", "message"),
    [
        (("--epochs", "1", "--budget", "0.0001"), "", "less than a step"),
        (("--epochs", "1", "--budget", "0.02"), "", "less than a step"),
        ((), "LeNet5", "the training of Mine has the network"),
        ((), "LeNet5ReLU", "the training of Mine has the network"),
    ],
)
@pytest.mark.usefixtures("in_this_process")
def test_training_that_cannot_be_is_one_line(
    options: tuple[str, ...],
    network: str,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if network:
        more = f"    def training(self, recipe): return replace(recipe, network={network})\n"
        options = "--method", own_method(tmp_path, "Softmax", more)
    assert status_of(*command_words(tmp_path), *options) == 2
    assert re.fullmatch(rf"error: [^\n]*{message}[^\n]*\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_groups_go_network_by_network() -> None:
    """What reads logits is in no group; what reads features is in its network's."""
    methods = (
        *("softmax", "mc_dropout", "deep_ensemble", "temperature_scaled_mc_dropout"),
        *("laplace_last_layer", "snapshot_ensemble"),
    )
    sizes = {"passes": (10, 50), "members": (2,), "pool": 1, "replicates": 2}
    plan = run_of(replace(QUICK, methods=methods, conditions=(), **sizes)).plan
    dropout, scaled = "mc_dropout", "temperature_scaled_mc_dropout"
    for number in range(2):
        unit = partial(RunUnit, budget=1.0, replicate=number)
        network = PoolNetwork("well-trained", number)
        assert (network, unit("laplace_last_layer", None)) in plan.groups()
        assert (unit("snapshot_ensemble", 5),) in plan.groups()
        several = unit(dropout, 50), unit(scaled, 50), unit(dropout, 10)
        assert several in plan.groups()
    assert len(plan.groups()) == 3 * 2
    largest, *others = (cast(MemberMethod, plan.method(each)) for each in several)
    assert [method.slice_of(largest) for method in others] == [slice(0, 50), slice(0, 10)]


def test_scores_of_features_are_of_methods_with_one_network() -> None:
    for unit in (unit for unit in FULL_PLAN.units() if unit.replicate == 1):
        kind, own = METHODS[unit.method], PoolNetwork(FULL_PLAN.training_of(unit), 1)
        of_one = kind.pooled and not (kind.counts_networks or "training" in kind.needs)
        assert FULL_PLAN.scored_network(unit) == (own if of_one else None), unit
    assert {n.number for n in FULL_PLAN.scored_networks} == set(range(FULL.replicates))
    assert not Plan(replace(FULL, scores="unfitted")).scored_networks


def test_what_a_users_method_says_of_itself_decides_how_it_is_evaluated(tmp_path: Path) -> None:
    fields = "slow, only_usual, usual_sizes = True, True, (20, 50, 70)"
    own = own_method(tmp_path, "MCDropout", f"    {fields}\n")
    plan = run_of(replace(QUICK, methods=(), custom_methods=(own,), passes=(20, 50, 100))).plan
    units = plan.units()
    assert {unit.size for unit in units} == {20, 50}
    assert all(c.subset for unit in units for c in plan.conditions_of(unit))
    assert all(map(plan.is_compared, units))


def test_users_method_of_the_pool_is_repeated_as_the_suites_and_is_no_network_alone(
    tmp_path: Path,
) -> None:
    """Or its score would stand for the ensemble of one in the scale of worth."""
    chosen = replace(FULL, custom_methods=(own_method(tmp_path, "BatchEnsemble", ""),))
    plan = run_of(chosen).plan
    units = [unit for unit in plan.units() if unit.method == "mine"]
    assert Counter(unit.budget for unit in units) == {1.0: 10, 5.0: 5}
    plan = run_of(replace(QUICK, custom_methods=(own_method(tmp_path, "Softmax", ""),))).plan
    assert [name for name in plan.configuration.classes if plan.is_network(name)] == ["softmax"]


def test_users_method_trains_itself_on_the_images_of_the_recipe(tmp_path: Path) -> None:
    custom = own_method(tmp_path)
    for recipe, split in (("well-trained", "training"), ("article", "all")):
        own = {"budgets": (1.0, 5.0), "methods": (), "custom_methods": (custom,)}
        run = run_of(replace(QUICK, recipe=recipe, **own))
        assert run.plan.units() == [RunUnit("mine", None, 1.0, number) for number in range(5)]
        assert run.plan.networks() == []
        assert {run.plan.split(unit) for unit in run.plan.units()} == {split}
        assert {run.plan.objection(unit) for unit in run.plan.units()} == {None}
        seeds = {run.plan.method(unit, run.workspace.store).seed for unit in run.plan.units()}
        assert len(seeds) == 5
    sent = pickle.dumps(run)  # to a worker
    assert pickle.loads(sent) == run
    assert len(sent) < 5000


def test_sweep_of_a_users_method_is_its_class_field(tmp_path: Path) -> None:
    own = own_method(tmp_path, more=ALONE + SWEEP)
    plan = run_of(replace(QUICK, methods=(), custom_methods=(own,), replicates=2)).plan
    units = [RunUnit("mine", size, 1.0, r) for size in (5, 20) for r in (0, 1)]
    assert plan.units() == units
    assert [plan.method(unit).bags for unit in units] == [5, 5, 20, 20]  # type: ignore[attr-defined]
    assert plan.groups() == [(units[0],), (units[2],), (units[1],), (units[3],)]


def test_method_that_calibrates_needs_images_that_its_networks_have_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = own_method(tmp_path, more=f"    needs = frozenset({{'calibration'}})\n{ALONE}")
    plan = run_of(replace(QUICK, methods=("softmax",), custom_methods=(own,))).plan
    (unit, *_) = [unit for unit in plan.units() if unit.method == "mine"]
    assert (plan.split(unit), plan.objection(unit)) == ("training", None)
    article = replace(plan.configuration, recipe="article")
    assert replace(plan, configuration=article).splits == ("all", "calibration", "training")
    monkeypatch.setitem(TASKS, "mnist", replace(MNIST, calibration_images=0))
    assert plan.objection(unit) == "the task 'mnist' has no calibration images"


def test_calibration_images_are_predicted_by_those_who_have_not_seen_them() -> None:
    chosen = replace(FULL, methods=("softmax", "mc_dropout"), images=50, severity_images=20)
    for recipe in ("article", "well-trained"):
        plan = run_of(replace(chosen, recipe=recipe)).plan
        for unit in plan.units():
            more = [c.name for c in plan.predicted(unit) if c not in plan.conditions_of(unit)]
            assert more == (["calibration"] if recipe == "well-trained" else [])
    assert "calibration" not in [condition.name for condition in plan.conditions]
    held_out = plan.task.calibration
    assert held_out is not None
    assert plan.limits_of(held_out) == ImageLimits()
    assert plan.limits_of(held_out.as_subset()) == ImageLimits(chosen.subset_images)
