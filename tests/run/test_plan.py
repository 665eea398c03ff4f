"""The run units, networks and conditions of a plan, and the images of a workspace."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import cast

import pytest

from benchmarks.predictions import PoolNetwork, RunUnit
from benchmarks.run.configuration import (
    BEST_TRAINED,
    SLOW,
    TRAINED,
    Configuration,
    configuration_of,
)
from benchmarks.run.plan import Plan
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from benchmarks.tasks.task import ImageLimits
from methods import METHODS, MemberMethod, PooledMethod
from tests import runs
from tests.runs import FULL, QUICK, Run

CUSTOM = """
from methods import UncertaintyMethod


class Mine(UncertaintyMethod):
    name = "mine"
    needs = frozenset({needs})

    def fit(self, images, labels):
        return self

    def predict(self, images):
        raise NotImplementedError
"""


@pytest.fixture
def custom(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(CUSTOM.format(needs="()"))
    return f"{tmp_path / 'mine.py'}:Mine"


def run_of(configuration: Configuration = QUICK) -> Run:
    return runs.run_of(configuration, Path("nowhere"))


def networks_of(run: Run, unit: RunUnit) -> range:
    return cast(PooledMethod, run.plan.method(unit, run.workspace.store)).networks


def test_quick_is_fifty_networks_and_thirty_eight_units() -> None:
    run = run_of(QUICK)
    assert run.plan.networks() == [("standard", number) for number in range(50)]
    assert run.plan.units() == [
        *(RunUnit("standard", "softmax", None, replicate) for replicate in range(5)),
        *(RunUnit("standard", "mc_dropout", 50, replicate) for replicate in range(5)),
        *(RunUnit("standard", "mc_dropout", 100, replicate) for replicate in range(5)),
        *(
            RunUnit("standard", "deep_ensemble", size, replicate)
            for size, replicates in ((1, 5), (2, 5), (5, 5), (10, 5), (20, 2), (50, 1))
            for replicate in range(replicates)
        ),
    ]
    assert not any(condition.subset for condition in run.plan.conditions)


def test_full_is_a_hundred_networks_of_the_main_recipe_and_fifty_of_others() -> None:
    plan = run_of(FULL).plan
    assert plan.networks() == [
        (recipe, number)
        for recipe in ("standard", "plain", "relu-dropout", "relu")
        for number in range(100 if recipe == "standard" else 50)
    ]
    counted = Counter((u.recipe, u.method, u.size) for u in plan.units())
    assert counted.total() == len(set(plan.units()))
    blocks = {1: 20, 2: 20, 3: 20, 5: 20, 7: 14, 10: 10, 14: 7, 20: 5, 30: 3, 50: 2}
    of_fifty = {1: 20, 2: 20, 3: 16, 5: 10, 7: 7, 10: 5, 14: 3, 20: 2, 30: 1, 50: 1}
    for recipe, ensembles in (("standard", blocks), ("plain", of_fifty), ("relu", of_fifty)):
        found = {size: counted[recipe, "deep_ensemble", size] for size in blocks}
        assert found == ensembles
    repeated = {(m, recipe): count for (recipe, m, _), count in counted.items()}
    for recipe in ("standard", "plain", "relu-dropout", "relu"):
        for method in ("softmax", "mc_dropout", "temperature_scaling", "laplace_last_layer"):
            assert repeated[method, recipe] == 20
        for method in ("swag", "snapshot_ensemble", "test_time_augmentation"):
            assert repeated[method, recipe] == 5
        for method in ("laplace_kron", "mc_dropout_exact"):
            assert repeated.get((method, recipe)) == (5 if recipe == "standard" else None)


def test_full_has_every_method_but_those_of_budgets_and_of_papers() -> None:
    methods = {unit.method for unit in Plan(FULL).units()}
    elsewhere = {"budget"}, {"published"}
    assert methods == {name for name, kind in METHODS.items() if {*kind.tiers} not in elsewhere}


def test_few_replicates_are_fewer_of_costly_methods_too() -> None:
    plan = run_of(replace(FULL, replicates=3, methods=("swag", "softmax"))).plan
    assert {(u.method, u.replicate) for u in plan.units()} == {
        (method, replicate) for method in ("swag", "softmax") for replicate in range(3)
    }


def test_recipes_not_in_depth_are_evaluated_at_the_sizes_compared() -> None:
    sizes = replace(QUICK, recipes=("article", "plain"), members=(2, 5, 10), passes=(5, 10, 20))
    every, compared = [5, 10, 20], [10, 20]
    choices = (((), every), (("standard",), every), (("plain",), compared), (("article",), every))
    for chosen, passes in choices:
        units = run_of(replace(sizes, in_depth=chosen)).plan.units()
        sizes_of = {u.size for u in units if (u.recipe, u.method) == ("article", "mc_dropout")}
        assert sorted(size for size in sizes_of if size) == passes
        ensembles = {u.size for u in units if (u.recipe, u.method) == ("article", "deep_ensemble")}
        assert ensembles == {2, 5, 10}


def test_methods_with_a_network_of_their_own_are_trained_where_budgets_are_in_depth() -> None:
    chosen = configuration_of("budget")

    def recipes(method: str, configuration: Configuration = chosen) -> list[str]:
        units = run_of(configuration).plan.units()
        return list(dict.fromkeys(unit.recipe for unit in units if unit.method == method))

    short, long = "well-trained", "well-trained-50-epochs"
    assert len(BEST_TRAINED) == 6
    for method in TRAINED:
        assert recipes(method) == ([short, long] if method in BEST_TRAINED else [short])
    assert recipes("evidential", replace(chosen, recipes=(long,))) == [long]
    assert recipes("evidential", replace(chosen, recipes=("bagged",))) == ["bagged"]
    assert recipes("softmax") == list(chosen.recipes)
    numbers = [u.replicate for u in run_of(chosen).plan.units() if u.method == "ivon"]
    assert Counter(numbers) == dict.fromkeys(range(5), 2 if "ivon" in BEST_TRAINED else 1)


OWN = """
from methods import BatchEnsemble


class Mine(BatchEnsemble):
    name = "mine"
"""


def test_a_users_method_with_a_network_of_its_own_is_repeated_as_seldom(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    chosen = replace(configuration_of("budget"), custom_methods=(f"{tmp_path}/own.py:Mine",))
    units = [unit for unit in run_of(chosen).plan.units() if unit.method == "mine"]
    assert Counter(unit.recipe for unit in units) == {
        "well-trained": 5,
        "well-trained-50-epochs": 5,
    }
    many = replace(chosen, preset="full", recipes=("standard",), replicates=20)
    assert len([unit for unit in run_of(many).plan.units() if unit.method == "mine"]) == 5


def test_groups_go_network_by_network() -> None:
    """What reads logits is in no group; what reads features is in its network's."""
    methods = (
        *("softmax", "mc_dropout", "deep_ensemble", "temperature_scaled_mc_dropout"),
        *("laplace_last_layer", "snapshot_ensemble"),
    )
    chosen = replace(QUICK, methods=methods, conditions=("clean",), pool=1, replicates=2)
    plan = run_of(replace(chosen, passes=(10, 50), members=(2,))).plan
    dropout, scaled = "mc_dropout", "temperature_scaled_mc_dropout"
    of_single = [
        [["outputs", None], ["laplace_last_layer", None]],
        [[dropout, 50], [scaled, 50], [dropout, 10]],
        [["snapshot_ensemble", 5]],
    ]
    assert [
        [[getattr(o, "method", "outputs"), getattr(o, "size", None)] for o in group]
        for group in plan.groups()
    ] == [*of_single, *of_single]
    for number, groups in enumerate((plan.groups()[:3], plan.groups()[3:])):
        outputs, *units = chain.from_iterable(groups)
        assert outputs == PoolNetwork("standard", number)
        assert all(isinstance(u, RunUnit) and u.replicate == number for u in units)
    largest, *others = (cast(MemberMethod, plan.method(u)) for u in plan.groups()[1])
    assert [method.slice_of(largest) for method in others] == [slice(0, 50), slice(0, 10)]


def test_networks_of_ensembles_alone_have_outputs_too() -> None:
    chosen = replace(QUICK, methods=("deep_ensemble", "softmax"), members=(2, 3), pool=7)
    plan = run_of(replace(chosen, replicates=2)).plan
    assert plan.groups() == [(PoolNetwork("standard", number),) for number in range(6)]


def test_scores_of_features_are_of_methods_with_one_network() -> None:
    plan = Plan(replace(FULL, recipes=("standard",)))
    scored = {u.method: plan.scored_network(u) for u in plan.units() if u.replicate == 1}
    of_several = {"deep_ensemble", "temperature_scaled_ensemble", "swag", "snapshot_ensemble"}
    assert {method for method, network in scored.items() if network is None} == of_several
    assert set(scored.values()) == {PoolNetwork("standard", 1), None}
    replicates = range(plan.configuration.replicates)
    assert plan.scored_networks == {PoolNetwork("standard", number) for number in replicates}
    assert not Plan(replace(plan.configuration, scores="unfitted")).scored_networks


def test_exact_mc_dropout_is_evaluated_on_subsets_and_so_are_all_beside_it() -> None:
    run = run_of(FULL)
    subsets = ["subset-clean", "subset-rotated-045"]
    conditions_of = {
        name: [
            condition.name
            for condition in run.plan.conditions_of(RunUnit("standard", name, None, 0))
        ]
        for name in FULL.classes
    }
    assert [conditions_of[name] for name in SLOW] == [subsets, subsets]
    for name in ("softmax", "mc_dropout", "deep_ensemble"):
        assert conditions_of[name] == [*FULL.conditions, *subsets]
    elsewhere = run.plan.conditions_of(RunUnit("plain", "softmax", None, 0))
    assert [condition.name for condition in elsewhere] == list(FULL.conditions)
    exact = [unit for unit in run.plan.units() if unit.method == "mc_dropout_exact"]
    assert [(unit.recipe, unit.replicate) for unit in exact] == [
        ("standard", replicate) for replicate in range(5)
    ]


def test_smaller_ensembles_are_disjoint_blocks_of_the_largest() -> None:
    run = run_of(
        replace(FULL, recipes=("standard",), methods=("deep_ensemble",), members=(5, 20, 50))
    )
    replicates = {
        size: [unit.replicate for unit in run.plan.units() if unit.size == size]
        for size in (5, 20, 50)
    }
    assert replicates == {5: list(range(20)), 20: list(range(5)), 50: [0, 1]}
    for size, networks in ((5, 100), (20, 100), (50, 100)):
        used = [set(networks_of(run, unit)) for unit in run.plan.units() if unit.size == size]
        assert sum(map(len, used)) == len(set.union(*used)) == networks


def test_custom_method_is_self_trained_and_needs_no_network(custom: str) -> None:
    run = run_of(replace(QUICK, recipes=("plain", "article"), methods=(), custom_methods=(custom,)))
    assert run.plan.units() == [
        RunUnit("self-trained", "mine", None, replicate) for replicate in range(5)
    ]
    assert run.plan.networks() == []
    assert [run.plan.objection(unit) for unit in run.plan.units()] == [None] * 5
    seeds = {run.plan.method(unit, run.workspace.store).seed for unit in run.plan.units()}
    assert len(seeds) == 5


def test_self_trained_method_learns_from_the_images_of_the_main_recipe(custom: str) -> None:
    for recipes, split in (
        (("article", "standard"), "training"),
        (("article-logits", "article"), "all"),
    ):
        chosen = replace(QUICK, recipes=recipes, methods=(), custom_methods=(custom,))
        plan = run_of(chosen).plan
        assert {plan.split(unit) for unit in plan.units()} == {split}


def test_calibration_images_are_predicted_by_those_who_have_not_seen_them() -> None:
    chosen = replace(FULL, recipes=("standard", "article"), images=50, severity_images=20)
    plan = run_of(chosen).plan
    for unit in plan.units():
        more = [c.name for c in plan.predicted(unit) if c not in plan.conditions_of(unit)]
        slow = unit.method in SLOW
        of_standard = ["subset-calibration" if slow else "calibration"]
        assert more == (of_standard if unit.recipe == "standard" else [])
    assert "calibration" not in [condition.name for condition in plan.conditions]
    held_out = plan.task.calibration
    assert held_out is not None
    assert plan.limits_of(held_out) == ImageLimits()
    assert plan.limits_of(held_out.as_subset()) == ImageLimits(chosen.subset_images)


def test_method_that_calibrates_needs_images_that_its_networks_have_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(CUSTOM.format(needs="{'calibration'}"))
    location = f"{tmp_path / 'mine.py'}:Mine"
    plan = run_of(replace(QUICK, methods=("softmax",), custom_methods=(location,))).plan
    (unit, *_) = [unit for unit in plan.units() if unit.method == "mine"]
    assert (plan.split(unit), plan.objection(unit)) == ("training", None)
    article = replace(plan.configuration, recipes=("article",))
    assert replace(plan, configuration=article).splits == ("all", "calibration", "training")
    monkeypatch.setitem(TASKS, "mnist", replace(MNIST, calibration_images=0))
    assert plan.objection(unit) == "the task 'mnist' has no calibration images"


def test_sweep_of_a_custom_method_is_its_class_field(tmp_path: Path) -> None:
    text = (
        CUSTOM.format(needs="()")
        + """
    size = "bags"
    sweep = (20, 5)

    def __init__(self, *, seed=0, device="cpu", bags=3):
        super().__init__(seed=seed, device=device)
        self.bags = bags
"""
    )
    (tmp_path / "mine.py").write_text(text)
    chosen = replace(
        QUICK, methods=(), custom_methods=(f"{tmp_path / 'mine.py'}:Mine",), replicates=2
    )
    plan = run_of(chosen).plan
    units = [RunUnit("self-trained", "mine", size, r) for size in (5, 20) for r in (0, 1)]
    assert plan.units() == units
    assert [plan.method(unit).bags for unit in units] == [5, 5, 20, 20]  # type: ignore[attr-defined]
    assert plan.groups() == [(units[0],), (units[2],), (units[1],), (units[3],)]


def test_run_can_be_sent_to_a_worker(custom: str) -> None:
    run = run_of(replace(QUICK, custom_methods=(custom,)))
    sent = pickle.dumps(run)
    assert pickle.loads(sent) == run
    assert len(sent) < 5000
