"""The parts of a configuration, its identity, and the command that gives it again."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import shutil
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pytest

from benchmarks.io import UserError
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


class {cls}(UncertaintyMethod):
    name = "{name}"

    def fit(self, images, labels):
        return self

    def predict(self, images):
        raise NotImplementedError


class Second({cls}):
    name = "second"
"""


def custom_method(folder: Path, name: str = "mine", file: str = "mine.py") -> str:
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(CUSTOM.format(cls="Mine", name=name))
    return f"{folder / file}:Mine"


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


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_has_one_recipe_and_another_is_a_run_of_its_own(preset: str) -> None:
    chosen = configuration_of(preset)
    assert chosen.recipe == PRESETS[preset].recipe_of(MNIST)
    others = {"article": "article-logits", "published": "laplace-redux"}
    if preset in others:
        other = configuration_of(preset, recipe=others[preset])
        assert (other.recipe, other.methods) == (others[preset], chosen.methods)
    with pytest.raises(UserError, match="--engine numba does not compute the recipe"):
        replace(QUICK, recipe="laplace-redux", engine="numba")


@pytest.mark.parametrize("preset", ["article", "published"])
def test_preset_of_a_recipe_that_the_task_has_not_is_refused(preset: str) -> None:
    with pytest.raises(UserError, match=rf"'digits' has no '.*', by which --preset {preset} "):
        configuration_of(preset, "digits")
    assert configuration_of(preset, "digits", "well-trained").recipe == "well-trained"


def test_pool_of_a_paper_is_as_large_as_its_ensembles() -> None:
    for recipe, networks in (("uncertainty-baselines", 10), ("laplace-redux", 5)):
        chosen = configuration_of("published", recipe=recipe)
        assert max(chosen.members) == chosen.pool == networks
        assert {network.training for network in Plan(chosen).networks()} == {recipe}


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


def test_page_of_methods_names_their_presets() -> None:
    page = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| `(\w+)` \| [^|]+ \| ([a-z, ]+) \|", page, re.M)
    # Methods with a network of their own have a page of their own.
    assert set(METHODS) - set(TRAINED) <= {name for name, _ in rows}
    for name, told in rows:
        presets = [one for one in PRESETS if name in configuration_of(one).methods]
        every = len(presets) == len(PRESETS)
        assert told == ("all" if every else ", ".join(presets) or "by name"), name


def test_conditions_are_spelled_out() -> None:
    assert replace(QUICK, conditions=("ood-*noise",)).conditions == (
        *("clean", "ood-uniform_noise", "ood-gaussian_noise"),
    )
    assert replace(QUICK, conditions=()).conditions == ("clean",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "letters"}, "--task: unknown name 'letters'; choose from mnist"),
        ({"methods": ()}, "no method is chosen"),
        ({"members": ()}, "--members: nothing is chosen"),
        ({"members": (100_000,)}, "--members: 100000 is too large; expected at most 1000"),
        ({"replicates": 10**6}, "--replicates: 1000000 is too large; expected at most 1000"),
        ({"images": 10**20}, f"--images: {10**20} is too large; expected at most 1000000"),
        ({"recipe": "plain"}, "--recipe: unknown name 'plain'; choose from well-trained, article"),
        ({"budgets": ()}, "--budget: nothing is chosen"),
        ({"budgets": (1.0, 0.0)}, "--budget: 0 is out of range; expected a number of networks"),
        ({"budgets": (1e9,)}, "--budget: 1e+09 is out of range"),
        ({"budgets": (float("nan"),)}, "--budget: nan is out of range"),
        ({"resamples": 10**9}, f"--resamples: {10**9} is too large; expected at most 100000"),
    ],
)
def test_mistake_is_named_with_what_is_allowed(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as refused:
        replace(QUICK, **changes)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("part", "twice", "message"),
    [
        ("budgets", (1.0, 5.0, 1.0), "--budget: 1.0 is given twice"),
        ("methods", ("softmax", "softmax"), "--methods: 'softmax' is given twice"),
        ("members", (3, 3), "--members: 3 is given twice"),
        ("passes", (10, 2, 10), "--passes: 10 is given twice"),
    ],
)
def test_what_is_given_twice_is_refused(part: str, twice: tuple[object, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        replace(QUICK, **{part: twice})


@pytest.mark.parametrize("methods", [("softmax",), ("mc_dropout",)])
def test_custom_method_must_not_take_the_name_of_one_of_the_suites(
    methods: tuple[str, ...], tmp_path: Path
) -> None:
    location = custom_method(tmp_path, name="softmax")
    with pytest.raises(UserError, match=r"mine\.py:Mine: the name 'softmax' is taken"):
        assert replace(QUICK, methods=methods, custom_methods=(location,)).classes


@pytest.mark.parametrize("preset", PRESETS)
def test_identity_is_json_and_stays_the_same_through_it(preset: str) -> None:
    identity = configuration_of(preset).identity
    assert json.loads(json.dumps(identity)) == identity
    assert set(identity) == {field.name for field in fields(Configuration)}


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
    assert replace(QUICK, recipe="article").digest != QUICK.digest


def test_custom_method_is_identified_by_content_and_not_by_folder(tmp_path: Path) -> None:
    here, there = custom_method(tmp_path / "here"), custom_method(tmp_path / "there")
    one, same = (replace(QUICK, custom_methods=(path,)).identity for path in (here, there))
    assert one == same
    assert str(tmp_path) not in json.dumps(one)
    (tmp_path / "there" / "mine.py").write_text(
        CUSTOM.format(cls="Mine", name="mine") + "\n# more\n"
    )
    assert replace(QUICK, custom_methods=(there,)).identity != one


@pytest.mark.parametrize(
    "configuration",
    [
        QUICK,
        FULL,
        replace(QUICK, budgets=(0.5, 5.0), members=(3, 5), seed=4),
        replace(QUICK, conditions=("rotated-03*", "ood-gaussian_noise"), images=20, epochs=1),
        replace(FULL, methods=("mc_dropout",), passes=(2, 3), replicates=1, images=100),
        replace(FULL, images=None, severity_images=None),
        replace(FULL, pool=60),
        configuration_of("article"),
        configuration_of("published", "fashion_mnist"),
        configuration_of("published", recipe="laplace-redux"),
        configuration_of("article", recipe="article-logits"),
    ],
    ids=[
        *("quick", "full", "budgets", "conditions", "passes", "all images"),
        *("pool", "article", "published", "of a paper", "of the article"),
    ],
)
def test_command_gives_the_configuration_again(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # the command makes its output folder
    assert given_by(f"{command_of(configuration)} --device cpu", monkeypatch) == configuration


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


def test_number_of_images_decides_predictions() -> None:
    assert QUICK.digest != replace(QUICK, severity_images=50).digest


@pytest.mark.parametrize("text", ["", "many", "3,4"])
def test_number_of_images_is_one_number_or_all(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of("--images", text) == 2
    assert "--images: " in capsys.readouterr().err


@pytest.mark.parametrize("methods", [(), ("softmax",)])
def test_command_names_custom_methods_without_their_folder(
    methods: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "my own.py"
    custom_method(tmp_path / "code", file=file)
    locations = tuple(f"{tmp_path / 'code' / file}:{name}" for name in ("Mine", "Second"))
    configuration = replace(QUICK, methods=methods, custom_methods=locations)
    assert str(tmp_path) not in command_of(configuration)
    shutil.copy(tmp_path / "code" / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    again = given_by(f"{command_of(configuration)} --device cpu", monkeypatch)
    assert again.identity == configuration.identity
    # Plans are keys of what is remembered.
    assert again.custom_methods == tuple(f"{tmp_path / file}:{name}" for name in ("Mine", "Second"))
