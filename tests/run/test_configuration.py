"""The parts of a configuration, its identity, and the command that gives it again."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pytest

from benchmarks.io import UserError
from benchmarks.metrics import METRICS
from benchmarks.report.published import PUBLISHED, PublishedNumber
from benchmarks.run.configuration import (
    PRESETS,
    Configuration,
    chosen_configuration,
    command_of,
    configuration_of,
)
from benchmarks.run.plan import Plan
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from methods import METHODS, UncertaintyMethod
from tests.processes import status_of
from tests.runs import FULL, QUICK, TRAINED

ROOT = Path(__file__).parents[2]


CUSTOM = """
from methods import UncertaintyMethod


class Mine(UncertaintyMethod):
    name = "{name}"

    def fit(self, images, labels):
        return self

    def predict(self, images):
        raise NotImplementedError


class Second(Mine):
    name = "second"
"""


def custom_method(folder: Path, name: str = "mine", more: str = "") -> str:
    folder.mkdir(exist_ok=True)
    (folder / "my own.py").write_text(CUSTOM.format(name=name) + more)
    return f"{folder / 'my own.py'}:Mine"


def given_by(command: str, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """The configuration that the command line would run."""
    plans: list[Plan] = []
    monkeypatch.setattr(
        "benchmarks.run.stages.run_stages", lambda plan, *_, **__: plans.append(plan) or []
    )
    python, script, *words = shlex.split(command)
    assert (python, script) == ("python", "run_all.py")
    assert status_of(*words) == 0
    return plans[0].configuration


def test_another_recipe_is_a_run_of_its_own() -> None:
    for preset, other in (("article", "article-logits"), ("published", "laplace-redux")):
        chosen, changed = configuration_of(preset), configuration_of(preset, recipe=other)
        assert chosen.recipe == PRESETS[preset].recipe_of(MNIST)
        assert (changed.recipe, changed.methods) == (other, chosen.methods)
    with pytest.raises(UserError, match="--engine numba does not compute the recipe"):
        replace(QUICK, recipe="laplace-redux", engine="numba")


@pytest.mark.parametrize("number", PUBLISHED, ids=lambda number: f"{number.recipe} {number.method}")
def test_preset_published_measures_the_numbers_of_papers(number: PublishedNumber) -> None:
    """But those of methods that train themselves, which other runs have."""
    if number.method in TRAINED:
        return
    chosen = configuration_of("published", number.task, number.recipe)
    sizes = {(unit.method, unit.size or 1) for unit in Plan(chosen).units()}
    assert (number.method, number.members) in sizes
    assert number.condition in chosen.conditions
    assert number.metric in METRICS


def test_presets_leave_out_what_there_is_and_all_else_is_in_them() -> None:
    conditions = {one.name for task in TASKS.values() for one in task.conditions}
    for preset in PRESETS.values():
        recipes = {recipe.name for task in TASKS.values() for recipe in task.recipes}
        assert set(preset.own) <= {*TASKS, *recipes}
        assert preset.recipe in {"", *recipes}
        for glob in preset.without_conditions:
            assert fnmatch.filter(conditions, glob), glob


@pytest.mark.parametrize("kind", METHODS.values(), ids=METHODS)
def test_a_new_method_joins_one_preset_alone_whatever_it_inherits_from(
    kind: type[UncertaintyMethod], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = type("New", (kind,), {"name": "new"})
    monkeypatch.setitem(METHODS, "new", new)
    joined = [name for name in PRESETS if "new" in configuration_of(name).methods]
    assert joined == ["full"]


def test_page_of_methods_says_what_full_leaves_out() -> None:
    page = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| `(\w+)` \| .*?([^ |]+) \|$", page, re.M)
    assert {name for name, _ in rows} == set(METHODS)
    by_name = {name for name, last_word in rows if last_word == "only"}
    assert by_name == set(METHODS).difference(configuration_of("full").methods)


@pytest.mark.parametrize("methods", [("softmax",), ("mc_dropout",)])
def test_custom_method_must_not_take_the_name_of_one_of_the_suites(
    methods: tuple[str, ...], tmp_path: Path
) -> None:
    location = custom_method(tmp_path, name="softmax")
    with pytest.raises(UserError, match=r"own\.py:Mine: the name 'softmax' is taken"):
        assert replace(QUICK, methods=methods, custom_methods=(location,)).classes


def test_pool_need_be_no_larger_than_the_replicates() -> None:
    choices = {"preset": "full", "task": "digits", "methods": ("laplace_kron",), "budgets": (1.0,)}
    chosen = partial(chosen_configuration, **choices, seed=0, device="cpu", engine="auto")
    assert len(Plan(chosen(pool=10)).networks()) == 10
    with pytest.raises(UserError, match="--pool: 4 is too small; expected the 10 networks"):
        chosen(pool=4)


def test_budgets_are_in_order_and_decide_no_prediction() -> None:
    """So that a run can be continued by another."""
    one, both = (replace(QUICK, budgets=budgets) for budgets in ((1,), (5, 1)))
    assert both.budgets == (1.0, 5.0)
    assert one.identity != both.identity
    assert one.digest == both.digest
    for changes in ({"recipe": "article"}, {"severity_images": 50}):
        assert replace(QUICK, **changes).digest != QUICK.digest


@pytest.mark.parametrize(
    "configuration",
    [
        *map(configuration_of, PRESETS),
        replace(QUICK, budgets=(0.5, 5.0), members=(3, 5), seed=4),
        replace(QUICK, conditions=("rotated-03*", "ood-gaussian_noise"), images=20, epochs=1),
        replace(FULL, methods=("mc_dropout",), passes=(2, 3), replicates=1, images=100),
        replace(FULL, images=None, severity_images=None, pool=60),
        configuration_of("published", "fashion_mnist"),
        configuration_of("article", recipe="article-logits"),
    ],
)
def test_command_gives_the_configuration_again(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # the command makes its output folder
    assert given_by(f"{command_of(configuration)} --device cpu", monkeypatch) == configuration
    identity = configuration.identity
    assert json.loads(json.dumps(identity)) == identity
    assert set(identity) == {field.name for field in fields(Configuration)}


@pytest.mark.usefixtures("in_this_process")
def test_custom_methods_are_known_by_content_and_not_by_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = custom_method(tmp_path / "code")
    locations = (first, first.replace("Mine", "Second"))
    chosen = replace(QUICK, methods=(), custom_methods=locations)
    assert str(tmp_path) not in f"{command_of(chosen)} {json.dumps(chosen.identity)}"
    custom_method(tmp_path)
    monkeypatch.chdir(tmp_path)
    again = given_by(f"{command_of(chosen)} --device cpu", monkeypatch)
    assert again.identity == chosen.identity
    # Plans are keys of what is remembered.
    assert again.custom_methods == tuple(
        f"{tmp_path / 'my own.py'}:{name}" for name in ("Mine", "Second")
    )
    changed = custom_method(tmp_path / "changed", more="\n# more\n")
    edited = replace(chosen, custom_methods=(changed, changed.replace("Mine", "Second")))
    assert edited.identity != chosen.identity


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ("--images 70", (70, 2500)),
        ("--images all", (None, None)),
        ("", (None, 2500)),
    ],
)
def test_all_images_are_those_of_each_severity_as_well(
    options: str, limits: tuple[int | None, int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = given_by(f"python run_all.py --preset full {options}", monkeypatch)
    assert (chosen.images, chosen.severity_images) == limits
