"""The stage `experiments` on small digits: every number of a run, continued, reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.epistemic.stage import PARTS, recipe_of, run_experiments
from benchmarks.report import write_report
from benchmarks.run.configuration import chosen_configuration
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from benchmarks.schema import read_table, where
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import CLEAN, EPISTEMIC_CSV, EXPERIMENTS_CSV, MEASURE, PREDICT, TRAIN
from methods import METHODS
from methods.engines import choose_engine
from methods.networks.pool import NetworkPool
from methods.networks.recipes import WELL_TRAINED
from tests.runs import run_of

DIGITS = chosen_configuration(
    preset="epistemic",
    task="digits",
    methods=("softmax", "deep_ensemble", "mc_dropout_article"),
    shares=(0.1,),
    members=(2,),
    passes=(5,),
    replicates=2,
    epochs=5,
    engine="torch",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Workspace]:
    """A finished run of the experiments and the stages before."""
    plan, workspace = run_of(DIGITS, tmp_path_factory.mktemp("epistemic"))
    for stage in (TRAIN, PREDICT, MEASURE, "experiments"):
        assert run_stages(plan, workspace, stage) == []
    return plan, workspace


def test_every_level_method_and_replicate_has_its_numbers(run: tuple[Plan, Workspace]) -> None:
    rows = read_table(run[1].out, EXPERIMENTS_CSV)
    means = where(rows, statistic="mean", measure="log-total")
    assert means.groupby("level").size().to_dict() == dict.fromkeys(
        ("share-0.1", "all", "noise-0.1", "noise-0.2", "noise-0.4", "pair-0.2"), 3 * 2
    )
    variances = rows[rows["level"].isin(["bootstrap", "tenths"])]
    assert len(variances) == 2 * 2 * 3
    assert (variances.groupby(["level", "replicate"])["value"].sum() > 0).all()


def test_expected_entropy_nears_a_known_conditional_entropy(run: tuple[Plan, Workspace]) -> None:
    # Digits are certain, so the entropy of the labels is the noise's.
    rows = where(read_table(run[1].out, EPISTEMIC_CSV), condition=CLEAN, measure="log-aleatoric")
    noise = where(rows, experiment="label-noise", level="noise-0.4")
    (truth,) = where(noise, statistic="truth")["value"]
    (softmax,) = where(noise, method="softmax", statistic="mean")["value"]
    assert truth == pytest.approx(1.444, abs=1e-3)
    assert softmax == pytest.approx(truth, abs=0.25)


def test_lost_part_is_made_again_with_the_same_numbers(run: tuple[Plan, Workspace]) -> None:
    plan, workspace = run
    before = (workspace.out / EXPERIMENTS_CSV).read_bytes()
    parts = sorted((workspace.out / PARTS).rglob("*.csv"))
    kept = parts[0].stat().st_mtime_ns
    parts[-1].unlink()
    assert run_experiments(plan, workspace, ()) == []
    assert (workspace.out / EXPERIMENTS_CSV).read_bytes() == before
    assert parts[0].stat().st_mtime_ns == kept


def test_method_that_fails_is_named_also_by_a_continued_run_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(DIGITS, methods=("softmax", "mc_dropout_article"), replicates=1, epochs=1)
    plan, workspace = run_of(few, tmp_path)

    def fail(self: object, *_: object) -> None:
        raise ValueError("no such luck")

    monkeypatch.setattr(METHODS["mc_dropout_article"], "draws", fail)
    expected = {("mc_dropout_article at share-0.1", "ValueError: no such luck")}
    for _ in range(2):
        assert expected < {*run_experiments(plan, workspace, ())}
    rows = read_table(workspace.out, EXPERIMENTS_CSV)
    assert set(where(rows, statistic="mean")["method"]) == {"softmax"}
    found = read_table(workspace.out, EPISTEMIC_CSV)
    assert where(found, experiment="claims").empty


def test_page_has_a_section_with_table_and_figures(run: tuple[Plan, Workspace]) -> None:
    out = run[1].out
    write_report(out)
    page = (out / "index.html").read_text(encoding="utf-8")
    section = page.partition('<section id="epistemic"')[2].partition("</section>")[0]
    assert "Is it epistemic?" in section
    assert section.count("<svg") == 3
    table = (out / "tables/epistemic.md").read_text(encoding="utf-8")
    assert "| Softmax | — |" in table
    assert "As of a faithful method, epistemic uncertainty falls with more data for" in table
    for name in ("data-size", "label-noise", "uses"):
        assert (out / f"figures/{name}.png").stat().st_size > 0


def test_other_presets_have_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configuration = chosen_configuration(preset="quick", task="digits", methods=("softmax",))
    plan, workspace = run_of(configuration, tmp_path)
    assert run_experiments(plan, workspace, ()) == []
    assert "nothing to do" in capsys.readouterr().err
    assert not (workspace.out / EXPERIMENTS_CSV).exists()


def test_fewer_images_take_as_many_steps() -> None:
    for images in (100, 1000, 6400):
        recipe = recipe_of(WELL_TRAINED, images, 6400)
        assert recipe.steps(images) == WELL_TRAINED.steps(6400)


@pytest.mark.parametrize("name", ["deep_ensemble", "laplace_kron", "evidential", "mc_dropout"])
def test_mean_of_the_draws_is_the_prediction(name: str) -> None:
    task = TASKS["digits"]
    training, test = (task.split(split, None) for split in ("training", "test"))
    pool = NetworkPool(task.recipe("well-trained"), engine=choose_engine("torch"))
    method = METHODS[name].build(pool, size=3 if METHODS[name].size else None)
    method.fit(training.images[:200], training.labels[:200])
    draws, prediction = method.draws(test.images[:20]), method.predict(test.images[:20])
    assert draws.shape[1:] == prediction.mean.shape
    error = 4 / len(draws) ** 0.5 if name == "evidential" else 1e-5
    assert torch.allclose(draws.double().mean(dim=0), prediction.mean, atol=error)
